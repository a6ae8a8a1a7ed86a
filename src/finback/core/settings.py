"""Settings: a preset or TOML file, then `--set key=value`, into one frozen validated object.

Each package owns the settings model of its work (`FeatureSpec`, `SplitSettings`, `TrainingSettings` ...);
this module fills any pydantic model from these values and reports wrong keys.
An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from finback.core.errors import SettingsError
from finback.core.toml import LARGEST, parsed_toml

Model = TypeVar("Model", bound=BaseModel)
DEFAULT_PRESET = "watkins"
MOST_PARENTS = 4  # section.family.key has two
SHOWN = 80  # characters of a wrong value that are shown


class Frozen(BaseModel):
    """Base of all settings: immutable, unknown keys refused, defaults validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, values: Any) -> Any:
        """`epochs = true` is not `epochs = 1`."""
        for name, value in values.items() if isinstance(values, Mapping) else ():
            kind = cls.model_fields[name].annotation if name in cls.model_fields else None
            if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
                raise ValueError(f"{name} = {str(value).lower()}: a number is needed")
        return values


def presets() -> list[str]:
    """Names of the presets that come with finback."""
    folder = resources.files("finback") / "presets"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load_preset(name: str) -> dict[str, Any]:
    """Settings in which the preset differs from the defaults; `name` may also be the path of a TOML file."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise SettingsError(f"{name}: no such settings file", "check the path")
        try:
            with open(path, "rb") as file:
                text = file.read(LARGEST + 1)
        except OSError as error:
            raise SettingsError(f"{name}: cannot be read ({error.strerror})", "check the file") from None
    elif name in presets():
        text = (resources.files("finback") / "presets" / f"{name}.toml").read_bytes()
    else:
        raise SettingsError(f"unknown preset '{name}'", "there are: " + ", ".join(presets()))
    try:
        return parsed_toml(text)
    except ValueError as error:
        raise SettingsError(f"{name}: not valid TOML: {error}", "correct the file") from None


def load_family(name: str) -> dict[str, Any]:
    """The settings that a model family changes, whatever the preset; empty if it changes none."""
    file = resources.files("finback") / "presets" / "families" / f"{name}.toml"
    own = tomllib.loads(file.read_text(encoding="utf-8")) if name and file.is_file() else {}
    like = own.pop("like", "")  # another family, whose settings are the base of these
    return merge(load_family(like), own) if like else own


def parse_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["training.steps=200", "features.f_max=900"]` -> nested dict; values are TOML, else plain text."""
    nested: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip() or not text.strip():
            raise SettingsError(
                f"--set {pair}: not of the form key=value", "write e.g. --set training.epochs=20"
            )
        value = _value(pair, text)
        at = nested
        *parents, last = key.strip().split(".")
        if len(parents) > MOST_PARENTS:
            raise SettingsError(f"--set {pair[:SHOWN]}: too many dots", "write e.g. --set training.epochs=20")
        for parent in parents:
            at = at.setdefault(parent, {})
            if not isinstance(at, dict):
                raise SettingsError(f"--set {pair}: '{parent}' is a value, not a section", "set it once")
        at[last] = value
    return nested


def _value(pair: str, text: str) -> Any:
    """The TOML value of the text, else the text itself."""
    try:
        values = parsed_toml(f"v = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    except ValueError as error:
        raise SettingsError(f"--set {pair[:SHOWN]}: {error}", "give a plain value") from None
    if len(values) > 1:  # the text goes on after the value, with other keys
        raise SettingsError(f"--set {pair[:SHOWN]!r}: more than one value", "give each as its own --set")
    return values["v"]


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; a value of `over` replaces that of `base`."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def build(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Validate, turning pydantic's report into one line per wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # The settings of a training are listed by a command; others are options of one command.
        repair = "see finback models --settings" if "training" in model.model_fields else "see --help"
        raise SettingsError("; ".join(_explain(model, e) for e in error.errors()), repair) from None


def _explain(model: type[BaseModel], error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        why: str = error["msg"].removeprefix("Value error, ")
        return f"setting {where} = {_short(error['input'])}: {why}" if where else why
    known = list(_known_keys(model))
    close = difflib.get_close_matches(where, known, n=1) or [k for k in known if k.endswith("." + where)][:1]
    return f"unknown setting '{where}'" + (f", did you mean '{close[0]}'?" if close else "")


def _short(value: Any) -> str:
    """A wrong value as it is shown; one that was nested or long is cut."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**SHOWN:
        return "a number of more than 80 digits"
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _known_keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name
