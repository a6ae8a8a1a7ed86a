"""The parameters of a sample: their file, their truth, and the sound that is made from them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from finback import models
from finback.core.errors import InputError
from finback.features.spec import FeatureSpec
from finback.generation.calls.parameters import (
    PlacedCall,
    SampleParameters,
    from_json,
    to_json,
    truth,
)
from finback.generation.calls.synthesis import wave_of
from finback.generation.calls.waves import limited_wave, logmels_of, parameters_of
from finback.models.networks.calls.analysis import analyse
from finback.models.networks.calls.grid import N_BANDS, N_PULSE_BANDS, Grid
from finback.models.networks.calls.network import Calls
from finback.models.networks.calls.oscillators import tone
from finback.models.networks.calls.sounds import Call, Contour, Pulses

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60)
GRID = Grid.of(SPEC)


@pytest.fixture(scope="module")
def model() -> Calls:
    scenes = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = 0.001 * rng.standard_normal(SPEC.covered_samples)
        c = Contour(0, np.linspace(900, 1000 + 100 * seed, 80), np.full(80, -20.0))
        x += tone(c, GRID, len(x), 60 * GRID.hop, 0.0)
        scenes.append(analyse(x, GRID, species=0, tape=seed % 2))
    made: Calls = models.create("calls", SPEC, 2)
    made.keep(scenes)
    return made


def one_tone(start_s: float = 0.2) -> SampleParameters:
    contour = Contour(0, np.full(60, 1000.0), np.full(60, -20.0), harmonic=1)
    call = Call(
        (contour,), Pulses(np.zeros(0), np.zeros((0, N_PULSE_BANDS)), 0.0), np.full((N_BANDS, 60), -140.0)
    )
    quiet = np.full(GRID.n_bins, -90.0)
    return SampleParameters("Beluga", 0, GRID, 7680, quiet, np.zeros(4), (PlacedCall(start_s, call, 5),))


def test_the_same_seed_is_the_same_sample_and_another_is_not(model: Calls) -> None:
    first, again, other = (parameters_of(model, 0, "Beluga", seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(wave_of(first), wave_of(again))
    assert not np.array_equal(wave_of(first), wave_of(other))
    assert logmels_of([limited_wave(first)], SPEC).shape == (1, 32, 60)


def test_samples_hold_calls_of_the_species_in_their_band(model: Calls) -> None:
    found = [parameters_of(model, 0, "Beluga", seed) for seed in range(6)]
    boxes = [truth(placed, GRID, p.n_samples) for p in found for placed in p.calls]
    tones = [box for box in boxes if box.kind == "tonal call"]
    assert len(tones) >= 4
    assert all(600 < box.low_hz < box.high_hz < 1900 for box in tones)
    assert all(0 <= box.start_s < box.end_s <= 0.96 for box in boxes)


def test_no_sample_is_a_training_clip_again(model: Calls) -> None:
    learnt = [c.frequency_hz for s in model.scenes[0] for call in s.calls for c in call.contours]
    for seed in range(5):
        for placed in parameters_of(model, 0, "Beluga", seed).calls:
            for c in placed.call.contours:
                assert not any(len(c) == len(hz) and np.allclose(c.frequency_hz, hz) for hz in learnt)


def test_a_species_without_clips_is_named(model: Calls) -> None:
    with pytest.raises(InputError, match="Walrus"):
        parameters_of(model, 1, "Walrus", 0)


def test_a_file_of_parameters_gives_the_same_sound(model: Calls) -> None:
    sample = parameters_of(model, 0, "Beluga", 7)
    back = from_json(json.loads(json.dumps(to_json(sample))))
    np.testing.assert_array_equal(wave_of(sample), wave_of(back))


def test_an_edited_call_moves_is_transposed_and_louder() -> None:
    plain = one_tone()
    value = to_json(plain)
    value["calls"][0] |= {"start_s": 0.4, "pitch": 1.5, "gain_db": 6.0}
    edited = from_json(value)
    a, b = wave_of(plain), wave_of(edited)
    assert np.abs(a[: int(0.35 * 8000)]).max() > 0.05 > np.abs(b[: int(0.35 * 8000)]).max()
    spectrum = np.abs(np.fft.rfft(b[3400:4424] * np.hanning(1024)))
    assert spectrum.argmax() * 8000 / 1024 == pytest.approx(1500, abs=8)
    assert np.abs(b).max() == pytest.approx(np.abs(a).max() * 10 ** (6 / 20), rel=0.05)
    box = truth(edited.calls[0], GRID, edited.n_samples)
    assert (box.start_s, box.low_hz, box.high_hz) == (0.4, 1500, 1500)


def test_a_call_that_begins_before_the_sample_or_ends_after_it_is_cut() -> None:
    for start in (-0.1, 0.9, 5.0):
        assert np.isfinite(wave_of(one_tone(start))).all()
    assert np.abs(wave_of(one_tone(-0.1))[:800]).max() > 0.05
    moved = replace(one_tone(), calls=(replace(one_tone().calls[0], pitch=7.0),))
    assert np.abs(wave_of(moved)).max() < 0.01  # above half the rate


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 2}, "version"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"calls": {}}, "calls"),
        ({"calls": [{"start_s": 0}]}, "contours"),
        ({"background": {"spectrum_db": [1, 2], "swell_db": []}}, "spectrum_db"),
        ({"background": 3}, "background"),
    ],
)
def test_a_damaged_file_is_named_with_its_key(change: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        from_json({**to_json(one_tone()), **change}, "a.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [("pitch", 0), ("gain_db", 1e9), ("start_s", float("nan")), ("noise_db", [[1.0]]), ("seed", -1)],
)
def test_a_wrong_value_of_a_call_is_named(key: str, value: object) -> None:
    document = to_json(one_tone())
    document["calls"][0][key] = value
    with pytest.raises(InputError, match=f"call 1.*{key}"):
        from_json(document, "a.json")


def test_a_file_with_pulses_in_another_number_of_bands_is_refused() -> None:
    value = to_json(one_tone())
    wrong = [[-20.0] * (N_PULSE_BANDS - 1)]
    value["calls"][0]["pulses"] = {"time_s": [0.1], "spectrum_db": wrong, "decay_s": 0.001}
    with pytest.raises(InputError, match="spectrum_db"):
        from_json(value)
