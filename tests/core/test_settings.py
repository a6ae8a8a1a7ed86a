"""Settings: presets, overrides, and the message for a wrong key."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from finback.core.errors import SettingsError
from finback.core.settings import build, parse_overrides, presets
from finback.features.extract import Extractor
from finback.training.settings import Settings, resolve


@pytest.mark.parametrize("name", presets())
def test_every_preset_resolves_to_a_spec_that_works(name: str) -> None:
    Extractor(resolve(name).features)


def test_the_default_is_the_missions_row_3() -> None:
    f = resolve().features
    assert (f.sample_rate, f.clip_samples, f.n_fft, f.hop, f.n_mels, f.n_frames) == (
        22050,
        66150,
        2048,
        512,
        96,
        112,
    )


def test_later_wins() -> None:
    chosen = resolve("right-whale", ["features.n_mels=40", "training.epochs=3"], split={"folds": 4})
    assert chosen.features.sample_rate == 2000
    assert (chosen.features.n_mels, chosen.training.epochs, chosen.split.folds) == (40, 3, 4)


@pytest.mark.parametrize(
    ("pair", "named"),
    [
        ("training.epoch=3", "did you mean 'training.epochs'"),
        ("epochs=3", "did you mean 'training.epochs'"),
        ("training.epochs=0", "training.epochs = 0"),
        ("training.epochs=many", "training.epochs = 'many'"),
        ("training.epochs", "not of the form key=value"),
        ("training.epochs=", "not of the form key=value"),
        ("features.pad=loop", "features.pad = 'loop'"),
        ("features.f_max=99999", "f_max"),
        ("nothing.at.all=1", "unknown setting"),
        ("training=3", "training"),
        ("split.fractions=[0.5, 0.1, 0.1]", "fractions"),
    ],
)
def test_wrong_settings_are_named(pair: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named.replace(".", r"\.")):
        resolve(overrides=[pair])


def test_a_section_is_not_a_value() -> None:
    with pytest.raises(SettingsError, match="is a value, not a section"):
        parse_overrides(["a=1", "a.b=2"])


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="right-whale"):
        resolve("blue-whale")


def test_a_file_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[training]\r\nepochs = 7\r\n")
    assert resolve(str(path)).training.epochs == 7


@pytest.mark.parametrize(
    ("text", "named"), [("[training\nepochs=1", "not valid TOML"), ("epochs = 1", "unknown setting")]
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=named):
        resolve(str(path))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        resolve("nowhere.toml")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().training.epochs = 3  # type: ignore[misc]


EXTREMES = (math.nan, math.inf, -math.inf, 1e308, -1e308, 2**62, -(2**62), 10**400, -1.5e9)


def numbers(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Names of all settings that are numbers."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from numbers(kind, f"{prefix}{name}.")
        elif {int, float} & {kind, *get_args(kind)}:
            yield prefix + name


@pytest.mark.parametrize("name", list(numbers(Settings)))
def test_no_setting_takes_an_absurd_number(name: str) -> None:
    section, _, key = name.partition(".")
    length = len(get_args(Settings.model_fields[section].annotation.model_fields[key].annotation))  # type: ignore[union-attr]
    is_range = "tuple" in str(Settings.model_fields[section].annotation.model_fields[key].annotation)  # type: ignore[union-attr]
    for value in EXTREMES:
        given = [value] * length if is_range else value
        with pytest.raises(SettingsError, match=section):
            build(Settings, {section: {key: given}})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\xff\xfe[\x00", "not UTF-8 text"),
        ("[training]\nepochs = 7".encode("utf-16"), "not UTF-8 text"),
        (b"[training]\n# \xe9\nepochs = 7", r"not UTF-8 text \(line 2\)"),
        (b"[training]\nepochs = 7\nepochs = 8", "not valid TOML"),
        (b"training.epochs = " + b"9" * 5000, "4300 digits"),
        (b"v = " + b"[" * 5000, "nested deeper"),
        (b"v = " + b"[" * 20 + b"]" * 20, "nested deeper"),
        (b"a" + b".a" * 30_000 + b" = 1", "dots"),
        (b"[a" + b".a" * 9 + b"]", "nested deeper"),
        (b"# " + b"x" * 300_000, "bytes"),
        (b"[training]\nepochs = nan", "epochs = nan"),
        (b"[training]\nepochs = 2026-01-01", "epochs"),
        (b"[training]\nepochs = true", "epochs"),
        (b"[training]\nlearning_rate = 1e999", "finite"),
        (b"[[training]]\nepochs = 7", "training"),
        (b"\x00", "not valid TOML"),
        (b"[model]\nwidth = 1e400", "width"),
        (b"[model]\nwidht = 16", "did you mean 'width'"),
    ],
)
def test_a_settings_file_is_read_within_bounds(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    started = time.monotonic()
    with pytest.raises(SettingsError, match=named):
        resolve(str(path), family="cnn2d")
    assert time.monotonic() - started < 20  # without bounds: minutes


def test_an_empty_settings_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"")
    assert resolve(str(path)) == Settings()
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SettingsError, match="no such settings file"):
        resolve(str(tmp_path / "folder.toml"))


@pytest.mark.parametrize(
    "pair", ["training.epochs=1\nx=2", "a.b.c.d.e.f.g=1", "." * 50_000 + "=1", "a=" + "[" * 900]
)
def test_absurd_overrides_are_refused(pair: str) -> None:
    with pytest.raises(SettingsError, match="--set"):
        parse_overrides([pair])


def test_a_batch_that_the_memory_cannot_hold_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"training.batch_size = 65536: a batch needs about .* GB"):
        resolve(
            overrides=["training.batch_size=65536", "features.clip_samples=100000000", "features.hop=2000"]
        )
