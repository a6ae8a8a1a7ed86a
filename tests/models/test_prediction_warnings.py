"""Each kind of warning: the sound that gets it, and the one beside it that does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import finback
from finback.audio.measured import Sound, measured
from finback.audio.samples import ArraySamples
from finback.core.runs.training_clips import SpeciesClips, TrainingClips
from finback.core.types import NONE
from finback.features.spec import FeatureSpec
from finback.models.prediction_warnings import KINDS, Cautions, SpeciesTest

RATE = 8000
FIN = SpeciesClips(
    n_clips=30,
    n_groups=4,
    shortest_s=0.5,
    nyquist_hz=4000.0,
    end_hz=3900.0,
    high_hz=1000.0,
    low_hz=300.0,
    peak=0.3,
)
WELL = SpeciesTest(20, 4)


def cautions(clips: SpeciesClips | None = FIN, tested: SpeciesTest | None = WELL) -> Cautions:
    known = TrainingClips(species={"Fin": clips} if clips else {}, least_known=0.8)
    return Cautions(3.0, 4000.0, known, {"Fin": tested} if tested else {})


def sound(seconds: float = 3.0, rate: int = RATE) -> Sound:
    x = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    return measured(ArraySamples(x, rate), 0, len(x))


def like(x: np.ndarray, rate: int = RATE) -> Sound:
    return measured(ArraySamples(x.astype(np.float64), rate), 0, len(x))


def kinds(
    heard: Sound,
    seconds: float = 3.0,
    p: float = 0.9,
    known: float | None = 0.95,
    of: Cautions | None = None,
    species: str = "Fin",
) -> list[str]:
    found = (of or cautions()).of((species, p), known, heard, seconds)
    assert all(w.text and w.kind in KINDS for w in found)
    return [w.kind for w in found]


def test_a_good_call_has_no_warning() -> None:
    assert kinds(sound()) == []
    assert kinds(sound(), known=None) == []


def test_silence() -> None:
    assert "silence" in kinds(like(np.zeros(3 * RATE)))
    assert "silence" in kinds(like(np.full(3 * RATE, 0.5)))
    click = np.zeros(3 * RATE)
    click[:2] = (0.5, -0.5)
    assert "silence" in kinds(like(click))
    t = np.arange(3 * RATE) / RATE
    assert "silence" in kinds(like(5e-5 * np.sin(t * 9000)))
    assert "silence" not in kinds(like(5e-4 * np.sin(t * 9000)))


def test_clipping() -> None:
    loud = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    assert kinds(like(np.clip(40 * loud, -1, 1))) == ["clipped"]
    assert kinds(like(np.clip(loud, -1, 1))) == []


def test_a_short_clip_where_training_clips_are_longer() -> None:
    assert kinds(sound(0.2), 0.2) == ["short"]
    assert kinds(sound(1.0), 1.0) == []  # nearly all training clips of the species are longer than 0.5 s
    assert kinds(sound(1.0), 1.0, of=cautions(SpeciesClips(n_clips=30, n_groups=4))) == ["short"]
    assert kinds(sound(0.2), 0.2, p=0.9, species=NONE) == ["short", "none"]


def test_a_band_that_ends_below_that_of_the_species() -> None:
    assert kinds(sound(rate=2000)) == ["band"]
    t = np.arange(3 * RATE) / RATE
    assert kinds(like(np.sin(2 * np.pi * 150 * t) + 0.001 * np.random.default_rng(0).standard_normal(len(t))))
    low = FIN.model_copy(update={"end_hz": 900.0, "high_hz": 50.0})
    assert kinds(sound(rate=2000), of=cautions(low)) == []
    unknown = SpeciesClips(n_clips=30, n_groups=4)  # of an older run
    assert kinds(sound(rate=2000), of=cautions(unknown)) == ["band"]
    assert kinds(sound(rate=7000), of=cautions(unknown)) == []


def test_a_band_that_begins_above_that_of_the_species() -> None:
    white = np.random.default_rng(0).standard_normal(3 * RATE)
    high = sosfilt(butter(8, 1000, btype="high", fs=RATE, output="sos"), white)
    assert kinds(like(0.1 * high)) == ["band"]
    assert kinds(like(0.1 * high), of=cautions(FIN.model_copy(update={"low_hz": 1100.0}))) == []


def test_a_level_far_below_that_of_the_species() -> None:
    white = np.random.default_rng(0).standard_normal(3 * RATE)
    for peak, kind in ((0.029, ["quiet"]), (0.035, [])):
        assert kinds(like(peak * white / np.abs(white).max())) == kind
    assert kinds(like(1e-3 * white), of=cautions(FIN.model_copy(update={"peak": None}))) == []


def test_energy_that_the_model_does_not_hear() -> None:
    t = np.arange(3 * 32_000) / 32_000
    assert "band" in kinds(like(np.sin(2 * np.pi * 12_000 * t), 32_000))


def test_unlike_training_and_uncertain() -> None:
    assert kinds(sound(), known=0.79) == ["unlike"]
    assert kinds(sound(), p=0.66) == ["uncertain"]
    assert kinds(sound(), p=0.67) == []
    text = str(cautions().of(("Fin", 0.9), 0.79, sound(), 3.0)[0])
    assert "5 % of calls" in text  # its rate of false alarms


def test_none_of_these_is_said() -> None:
    assert kinds(sound(), species=NONE, p=0.6, known=0.4) == ["none"]


@pytest.mark.parametrize(
    ("clips", "tested", "kind"),
    [
        (FIN, None, ["untested"]),
        (FIN, SpeciesTest(0, 0), ["untested"]),
        (FIN, SpeciesTest(9, 4), ["few"]),
        (FIN, SpeciesTest(20, 2), ["few"]),
        (FIN, WELL, []),
        (FIN.model_copy(update={"n_clips": 1, "n_groups": 1}), WELL, ["few"]),
        (FIN.model_copy(update={"n_groups": 1}), WELL, ["few"]),
        (None, WELL, []),
    ],
)
def test_how_well_the_species_is_known(
    clips: SpeciesClips | None, tested: SpeciesTest | None, kind: list[str]
):
    assert kinds(sound(), of=cautions(clips, tested)) == kind


def test_a_run_that_was_never_tested_warns_only_of_few_training_clips() -> None:
    one = FIN.model_copy(update={"n_clips": 1, "n_groups": 1})
    for clips, kind in ((FIN, []), (one, ["few"])):
        known = TrainingClips(species={"Fin": clips})
        assert kinds(sound(), of=Cautions(3.0, 4000.0, known, None)) == kind


def test_slower_playback_hears_higher() -> None:
    spec = FeatureSpec(sample_rate=16_000, clip_samples=48_000, playback=(1.0, 0.5))
    assert Cautions.of_spec(spec, 3.0).top_hz == 16_000


def test_no_noise_of_another_place_is_named_without_a_warning(real_data: Path) -> None:
    model = finback.load("watkins", "cpu")
    morelos = sorted((real_data / "sites" / "puerto_morelos_fish" / "audio").glob("Grunt*.flac"))[:3]
    files = [real_data / "noise" / "live001.wav", *morelos]
    files += [real_data / "recordings" / name for name in ("clickwave_1.wav", "Blue_whale.wav")]
    for prediction in model.predict([*files]):
        assert prediction.warnings, prediction
    silent = model.predict((np.zeros(48_000), 16_000))
    assert silent.warnings[0].kind == "silence"
