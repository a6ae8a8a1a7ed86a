"""The order of settings: the family's defaults, the preset, the family's requirements, the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.errors import SettingsError
from finback.models import CLASSIFIERS
from finback.training.settings import resolve


def test_a_preset_wins_over_what_a_family_would_like() -> None:
    assert resolve(family="cnn1d").wave.noise == 0.5
    assert resolve("right-whale", family="cnn1d").wave.noise == 0.0
    assert resolve("right-whale", family="supcon").training.epochs == 24


def test_a_family_keeps_what_it_cannot_do_without(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        "[features]\nsample_rate = 8000\nf_max = 4000.0\n[training]\nepochs = 2\n"
    )
    settings = resolve(str(tmp_path / "mine.toml"), family="birdnet-plda")
    assert settings.features.sample_rate == 48_000
    assert settings.training.epochs == 2
    assert resolve("right-whale", family="mfcc-svm").features.background == "none"


def test_the_users_word_is_last() -> None:
    settings = resolve("right-whale", ["features.level=peak", "training.epochs=3"], family="mfcc-svm")
    assert settings.features.level == "peak"
    assert settings.training.epochs == 3


@pytest.mark.parametrize("preset", ["watkins", "right-whale", "ultrasonic"])
@pytest.mark.parametrize("family", sorted(CLASSIFIERS))
def test_every_family_has_settings_under_every_preset(preset: str, family: str) -> None:
    assert resolve(preset, family=family).model == {}


def test_a_family_that_is_like_another_has_its_needs() -> None:
    assert resolve(family="birdnet-mlp").features == resolve(family="birdnet").features
    assert resolve(family="birdnet-mlp").training.epochs == 40


def test_a_table_under_model_is_for_its_family_alone() -> None:
    chosen = ["model.lstm.hidden=32", "model.dropout=0.1"]
    assert resolve(overrides=chosen, family="lstm").model == {"hidden": 32, "dropout": 0.1}
    assert resolve(overrides=chosen, family="dnn").model == {"dropout": 0.1}
    with pytest.raises(SettingsError, match=r"model\.lstn"):
        resolve(overrides=["model.lstn.hidden=32"], family="dnn")
