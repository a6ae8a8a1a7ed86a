"""Tones and clicks of known form, found in log-mels and made again; noise holds neither."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.features.components.layout import layout, valley
from finback.features.components.split import Split, split, unfloored
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.metrics.tones_and_clicks import frequency_jitter, modulation_depth

SPEC = FeatureSpec(n_frames=60, clip_samples=40_000)
LENGTH = SPEC.n_frames * SPEC.hop
TIME = np.arange(SPEC.clip_samples) / SPEC.sample_rate


def parts(wave: np.ndarray, spec: FeatureSpec = SPEC) -> Split:
    bands = LogMel(spec).mel_power(torch.from_numpy(wave[None].astype(np.float32)), spec.n_frames)
    return split(bands[0].T.numpy(), spec)


def noise(level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(SPEC.clip_samples)


@pytest.mark.parametrize("hz", [210.0, 1000.0, 3001.0, 5000.0, 5092.5, 9876.0])
def test_a_tone_comes_back_with_its_frequency_and_amplitude(hz: float) -> None:
    """Wherever it lies between the middles of bands and bins."""
    found = parts(0.3 * np.sin(2 * np.pi * hz * TIME)).wave[None]
    assert modulation_depth(found)[0] < 0.01
    assert frequency_jitter(found, SPEC.sample_rate)[0] < 1
    middle = found[0, LENGTH // 4 : -LENGTH // 4]
    assert np.abs(middle).max() == pytest.approx(0.3, rel=0.02)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    assert power.argmax() * SPEC.sample_rate / (1 << 18) == pytest.approx(hz, abs=0.5)


def test_a_whistle_is_followed() -> None:
    hz = 5000 + 2000 * np.sin(2 * np.pi * TIME)  # up to 12.6 kHz per second
    found = parts(0.3 * np.sin(2 * np.pi * np.cumsum(hz) / SPEC.sample_rate) + noise(0.001))
    assert found.n_tones > 0.9 * SPEC.n_frames
    wave = found.wave[None]
    assert frequency_jitter(wave, SPEC.sample_rate, hz[None, :LENGTH])[0] < 60
    assert modulation_depth(wave)[0] < 0.1


def test_two_tones_in_bands_apart_are_two_and_in_one_band_none() -> None:
    apart = parts(0.1 * (np.sin(2 * np.pi * 2000 * TIME) + np.sin(2 * np.pi * 4000 * TIME)))
    assert apart.n_tones == pytest.approx(2 * SPEC.n_frames, abs=4)
    one = parts(0.1 * np.sin(2 * np.pi * 2000 * TIME))
    assert one.n_tones == pytest.approx(SPEC.n_frames, abs=2)


@pytest.mark.parametrize("offset", [0, 97, 256, 311, 500])
def test_a_click_comes_back_at_its_place(offset: int) -> None:
    wave = np.zeros(SPEC.clip_samples)
    at = 20 * SPEC.hop + offset
    wave[at : at + 22] = 0.5 * np.hanning(22) * np.sin(2 * np.pi * 5000 * np.arange(22) / SPEC.sample_rate)
    found = parts(wave)
    assert found.n_clicks == 1
    assert found.n_tones == 0
    power = found.wave.astype(np.float64) ** 2
    assert (power * np.arange(LENGTH)).sum() / power.sum() == pytest.approx(at + 10.5, abs=3)
    assert power.sum() == pytest.approx((wave**2).sum(), rel=0.05)
    assert power[at - 5 : at + 27].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("seed", range(4))
def test_noise_holds_neither_tones_nor_clicks(seed: int) -> None:
    """White, and falling by 20 dB per decade, as the sea."""
    white = noise(seed=seed)
    for wave in (white, 0.05 * np.cumsum(white) - 0.05 * np.cumsum(white).mean()):
        found = parts(wave)
        assert (found.wave**2).mean() < 0.01 * (wave**2).mean()


def test_noise_that_swells_is_no_train_of_clicks() -> None:
    swell = noise() * (1 + 0.9 * np.sin(2 * np.pi * 4 * TIME))
    assert (parts(swell).wave ** 2).mean() < 0.01 * (swell**2).mean()


def test_what_is_not_placed_is_left() -> None:
    """The bands of a tone keep the noise beneath it, all other bands are as they were."""
    bands = LogMel(SPEC).mel_power(
        torch.from_numpy((0.3 * np.sin(2 * np.pi * 5000 * TIME) + noise(0.003))[None].astype(np.float32)), 60
    )[0].T.numpy()  # fmt: skip
    found = split(bands, SPEC)
    assert (found.rest <= bands * (1 + 1e-5)).all()
    touched = (found.rest < 0.9 * bands).any(axis=0)
    assert 2 <= touched.sum() <= 6
    assert np.median(found.rest[:, touched]) < 10 * np.median(bands[:, ~touched])


def test_a_split_depends_on_its_own_clip_and_grows_with_its_level() -> None:
    wave = 0.3 * np.sin(2 * np.pi * 1000 * TIME) + noise(0.01)
    one, louder = parts(wave), parts(2 * wave)
    np.testing.assert_allclose(louder.wave, 2 * one.wave, rtol=1e-3, atol=1e-4)
    assert np.array_equal(parts(wave).wave, one.wave)


def test_silence_and_frames_without_overlap() -> None:
    assert not parts(np.zeros(SPEC.clip_samples)).wave.any()
    coarse = SPEC.model_copy(update={"hop": 1024, "n_frames": 30})
    wave = np.zeros(SPEC.clip_samples)
    wave[20_000] = 1.0
    assert parts(wave, coarse).n_clicks == 0, "a click cannot be placed by frames half a window apart"


def test_energies_of_a_lobe_add_up_to_its_frequency() -> None:
    kit = layout(SPEC)
    bands = LogMel(SPEC).mel_power(
        torch.from_numpy(np.sin(2 * np.pi * 777 * TIME)[None].astype(np.float32)), 60
    )
    energy = bands[0, :, 30].numpy() * kit.from_power
    assert (energy * kit.centres_hz).sum() / energy.sum() == pytest.approx(777, abs=0.5)
    assert energy.sum() == pytest.approx(kit.gain, rel=0.01)


def test_a_valley_by_hand() -> None:
    energy = np.array([[5.0, 3.0, 9.0, 2.0, 4.0, 1.0]])
    rows, columns = np.array([0, 0]), np.array([2, 0])
    # Beside the 9: left 3 and 5, right 2 and 4, of which the minima are 3 and 2. The first has no left side.
    assert valley(energy, 1, rows, columns).tolist() == [3.0, 3.0]


def test_values_at_the_floor_stand_for_any_lower_ones() -> None:
    """Silence around a tone is not filled with noise 80 dB down, which would be most of its jitter."""
    x = torch.tensor([[0.0, -79.0, -80.0], [-20.0, -80.0, -100.0]])
    assert unfloored(x, SPEC).tolist() == [[0.0, -79.0, -95.0], [-20.0, -80.0, -115.0]]
    assert torch.equal(unfloored(x, SPEC.model_copy(update={"top_db": None})), x)
