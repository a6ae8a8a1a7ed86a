"""Settings: presets, overrides, and the message for a wrong key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from finback.core.errors import SettingsError
from finback.core.settings import parse_overrides, presets
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
