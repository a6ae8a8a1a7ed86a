"""Settings files and `--set`. Oracle: what is accepted holds exactly the values that the text states."""

from __future__ import annotations

import random
import tomllib
from typing import Any

from finback.core.errors import FinbackError
from finback.training.settings import resolve
from fuzz.answers import REFUSED, RIGHT, Nonsense, Said, close, refusal
from fuzz.damage import NASTY_NUMBERS, damaged_bytes, damaged_text, nasty
from fuzz.stage import HERE, Answer, Stage

FAMILIES = (
    "cnn2d",
    "lstm",
    "transformer",
    "dnn",
    "cnn1d",
    "vae",
    "diffusion",
    "vocoder",
    "gaussian",
    "mfcc-svm",
)
ABSURD = (
    *(b"", b"\xef\xbb\xbf", b"[" * 5000, b"a" + b".a" * 20_000 + b"=1", b"x = " + b"9" * 5000, b"\0" * 100),
    *(b"# " + b"x" * 1_000_000, b"[training]\n" * 3, b"v = " + b"{a=" * 2000, b"[training]\nepochs = 1e999"),
)


def case(stage: Stage, rng: random.Random) -> Answer:
    text = (HERE / "tiny.toml").read_text(encoding="utf-8")
    family = rng.choice(FAMILIES)
    overrides: list[str] = []
    content = text.encode()
    what = rng.randrange(10)
    if what == 0:
        content = damaged_bytes(content, rng)
    elif what <= 3:
        content = damaged_text(text, rng)
    elif what == 4:
        content = rng.choice(ABSURD)
    elif what <= 7:
        content = _with_line(text, rng).encode("utf-8", "replace")
    else:
        overrides = ["--set", _pair(rng)]
    with stage.work() as folder:
        path = folder / "mine.toml"
        path.write_bytes(content)
        try:
            settings = resolve(str(path), overrides[1:], family).model_dump(mode="json")
        except FinbackError as error:
            said = Said(error.exit_code, "", f"finback: {error}\n")
            return (REFUSED, said.err) if refusal(said) else (RIGHT, "")
        stated = tomllib.loads(content.decode("utf-8-sig"))
        for section, values in stated.items():
            for key, value in values.items() if isinstance(values, dict) else ():
                _same(f"{section}.{key}", value, settings.get(section, {}).get(key, "absent"), overrides)
        return RIGHT, ""


def _same(name: str, stated: Any, got: Any, overrides: list[str]) -> None:
    if (
        name.startswith("model.")
        or name in ("training.epochs",)
        or any(o.startswith(name) for o in overrides)
    ):
        return  # tables of families, and settings that a family fixes
    if name.startswith(("features.", "split.")) and got != "absent":
        stated = list(stated) if isinstance(stated, list) else stated
    if not close(float(stated) if isinstance(got, float) and _is_number(stated) else stated, got) and not (
        isinstance(stated, str) and str(got) == stated
    ):
        if isinstance(stated, str) and isinstance(got, int | float) and float(stated) == got:
            return  # a quoted number
        raise Nonsense(f"{name} = {stated!r} is stated, and {got!r} is used")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fields() -> list[str]:
    from finback.training.settings import Settings

    return [
        f"{section}.{key}"
        for section, info in Settings.model_fields.items()
        for key in getattr(info.annotation, "model_fields", {})
    ]


def _written(value: Any) -> str:
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**4000 else "1"
    if isinstance(value, list):
        return "[" + ", ".join(_written(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_written(v)}" for k, v in value.items()) + "}"
    return '"' + str(value).encode("unicode_escape").decode().replace('"', '\\"') + '"'


def _line(rng: random.Random) -> str:
    if rng.random() < 0.3:
        sizes = (
            "width",
            "depth",
            "hidden",
            "layers",
            "dropout",
            "latent",
            "patch",
            "dim",
            "heads",
            "filters",
            "rounds",
        )
        return f"[model]\n{rng.choice(sizes)} = {_written(rng.choice((*NASTY_NUMBERS, 7, 64, 500, 4096)))}"
    section, _, key = rng.choice(_fields()).partition(".")
    value = rng.choice((nasty(rng), rng.choice(NASTY_NUMBERS), rng.randrange(200), rng.random()))
    return f"[{rng.choice((section,) * 9 + (section + 'x',))}]\n{key} = {_written(value)}"


def _with_line(text: str, rng: random.Random) -> str:
    """The settings with one more, in its section where there is one already."""
    head, _, line = _line(rng).partition("\n")
    kept = "\n".join(one for one in text.splitlines() if not one.startswith(line.partition("=")[0]))
    if f"{head}\n" in kept:
        return kept.replace(f"{head}\n", f"{head}\n{line}\n")
    return f"{kept}\n{head}\n{line}\n"


def _pair(rng: random.Random) -> str:
    key = rng.choice((*_fields(), "model.width", "model.hidden", "model.depth"))
    value = rng.choice((_written(nasty(rng)), str(nasty(rng)), _written(rng.choice(NASTY_NUMBERS))))
    return f"{key}={value}".replace("\0", "0").encode("utf-8", "replace").decode()
