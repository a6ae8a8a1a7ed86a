"""Test sounds of a vocoder: tones, a whistle, clicks, a click train, a pulsed call and noise, there and back.

    figures = measure_test_sounds(vocoder, spec)
    figures["tone_modulation"], figures["click_width_ms"]

Their right form is known, so that the measures need no recording (`metrics.tones_and_clicks`). Frequencies
are shares of the band of the spec, and times are shares of its window, so that each spec has its own test
sounds. For the default spec, a tone of 5 kHz is among them, and a click is 1 ms long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.features.spec import FeatureSpec
from finback.generation.vocoders.clips import logmel_of
from finback.generation.vocoders.inversion import Inverter, to_waves
from finback.metrics import tones_and_clicks as measure

TEST_MEASURES = {
    "tone_modulation": "amplitude modulation of tones",
    "tone_jitter_hz": "frequency jitter of tones, Hz",
    "whistle_modulation": "amplitude modulation of a whistle",
    "whistle_jitter_hz": "frequency jitter of a whistle, Hz",
    "click_width_ms": "width of a click, ms",
    "click_pre_echo": "energy before a click",
    "train_share": "energy of a click train in its clicks",
    "pulsed_share": "energy of a pulsed call in its pulses",
    "noise_kurtosis": "kurtosis of noise",
    "noise_deviation": "deviation of the magnitudes of noise",
}
# 5,000 Hz of 11,025, and others in the middle of a bin, between bins, and between bands.
TONES = (0.0272, 0.0907, 5000 / 11025, 0.4620, 0.4703, 0.7211)
CLICK_AT = (0.0, 0.05, 0.125, 0.15, 0.2, 0.245)  # shares of an n_fft after the middle of a frame
CLICK = 93  # n_fft / the length of a click: 1 ms of 93 ms
LOUD = 0.3
PULSES_APART = 0.54  # of an n_fft: 20 a second at 22,050 Hz
CLICKS_APART = 2.15  # of an n_fft: 5 a second
QUIET = 0.001  # level of the noise beneath whistle, train and pulsed call: 50 dB below


def tones(spec: FeatureSpec) -> NDArray[np.float32]:
    """Steady tones (N, T), T = `covered_samples`."""
    time = np.arange(spec.covered_samples) / spec.sample_rate
    hz = spec.f_min + np.array(TONES) * (spec.top_hz - spec.f_min)
    return (LOUD * np.sin(2 * np.pi * hz[:, None] * time)).astype(np.float32)


def whistle(spec: FeatureSpec) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A whistle (1, T) that rises and falls twice, over quiet noise, and its frequency (1, T) in Hz."""
    length = spec.covered_samples
    turn = 2 * np.pi * 2 * np.arange(length) / length
    hz = spec.f_min + (0.45 + 0.1 * np.sin(turn)) * (spec.top_hz - spec.f_min)
    wave = LOUD * np.sin(2 * np.pi * np.cumsum(hz) / spec.sample_rate) + _quiet(length)
    return wave[None].astype(np.float32), hz[None]


def clicks(spec: FeatureSpec) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """A click (N, T) at several places in a frame, and its first sample (N,)."""
    length = spec.covered_samples
    frame = length // 2 // spec.hop * spec.hop
    onsets = np.array([frame + round(share * spec.n_fft) for share in CLICK_AT])
    waves = np.zeros((len(onsets), length), dtype=np.float32)
    for wave, onset in zip(waves, onsets, strict=True):
        pulse = _pulse(spec)
        wave[onset : onset + len(pulse)] = pulse
    return waves, onsets


def train(spec: FeatureSpec, apart: float) -> tuple[NDArray[np.float32], NDArray[np.intp], int]:
    """Pulses (1, T) over quiet noise, the first sample (P,) of each, and their length."""
    length, pulse = spec.covered_samples, _pulse(spec)
    starts = np.arange(spec.n_fft // 2, length - spec.n_fft // 2, apart * spec.n_fft).astype(int)
    wave = _quiet(length)
    for start in starts:
        wave[start : start + len(pulse)] += pulse
    return wave[None].astype(np.float32), starts, len(pulse)


def noise(spec: FeatureSpec) -> NDArray[np.float32]:
    """White noise (2, T)."""
    draw = np.random.default_rng(1).standard_normal((2, spec.covered_samples))
    return (0.1 * draw).astype(np.float32)


def measure_test_sounds(invert: Inverter, spec: FeatureSpec) -> dict[str, float]:
    """`TEST_MEASURES` of the test sounds after the way to log-mels of `spec` and back by `invert`.

    Tones give the largest value of all tones, clicks the mean over their places.
    """

    def back(waves: NDArray[np.float32]) -> NDArray[np.float32]:
        return to_waves(logmel_of(waves, spec, spec.n_frames), invert)

    rate = spec.sample_rate
    tone = back(tones(spec))
    sweep, hz = whistle(spec)
    sweep = back(sweep)
    click, onsets = clicks(spec)
    click = back(click)
    found = {
        "tone_modulation": float(measure.modulation_depth(tone).max()),
        "tone_jitter_hz": float(measure.frequency_jitter(tone, rate).max()),
        "whistle_modulation": float(measure.modulation_depth(sweep)[0]),
        "whistle_jitter_hz": float(measure.frequency_jitter(sweep, rate, hz)[0]),
        "click_width_ms": float(measure.click_width_ms(click, rate).mean()),
        "click_pre_echo": float(measure.energy_before(click, onsets).mean()),
    }
    for name, apart in (("train_share", CLICKS_APART), ("pulsed_share", PULSES_APART)):
        wave, starts, length = train(spec, apart)
        # Half a pulse before and two after: the place of a pulse may be off by as much.
        found[name] = float(measure.energy_near(back(wave), starts - length // 2, 3 * length)[0])
    hiss = back(noise(spec))
    found["noise_kurtosis"] = float(measure.kurtosis(hiss).mean())
    found["noise_deviation"] = float(measure.envelope_deviation(hiss, spec.n_fft).mean())
    return found


def _pulse(spec: FeatureSpec) -> NDArray[np.float64]:
    """A few periods of a tone in a Hann window."""
    n = max(4, round(spec.n_fft / CLICK))
    hz = spec.f_min + TONES[2] * (spec.top_hz - spec.f_min)
    return np.asarray(LOUD * np.sin(2 * np.pi * hz * np.arange(n) / spec.sample_rate) * np.hanning(n))


def _quiet(length: int) -> NDArray[np.float64]:
    return QUIET * np.random.default_rng(0).standard_normal(length)
