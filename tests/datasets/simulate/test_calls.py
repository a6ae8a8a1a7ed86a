"""Every simulated call, measured against the numbers of the papers it is made from.

The numbers here are written out from those papers, not read from the registry.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.signal import find_peaks, hilbert

from finback.core.errors import InputError
from finback.datasets.simulate.calls import CALLS, call_kind
from finback.datasets.simulate.tape import suitable_rates

SEEDS = range(6)


def make(species: str, seed: int, rate: int | None = None) -> tuple[np.ndarray, int]:
    kind = CALLS[species]
    rate = rate or kind.min_rate
    return kind.make(np.random.default_rng(seed), rate), rate


def energy(sound: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Hz and energy of a sound, at 4 Hz or finer."""
    n = max(len(sound), rate // 4)
    return np.fft.rfftfreq(n, 1 / rate), np.abs(np.fft.rfft(sound, n)) ** 2


def peak_hz(sound: np.ndarray, rate: int) -> float:
    hz, power = energy(sound, rate)
    return float(hz[np.argmax(power)])


def track(sound: np.ndarray, rate: int, window_s: float) -> np.ndarray:
    """Strongest frequency in each successive window."""
    n = int(window_s * rate)
    parts = sound[: len(sound) // n * n].reshape(-1, n) * np.hanning(n)
    return np.argmax(np.abs(np.fft.rfft(parts, 4 * n, axis=1)), axis=1) * rate / (4 * n)


def envelope(sound: np.ndarray, rate: int, smooth_s: float) -> np.ndarray:
    n = max(1, int(smooth_s * rate))
    return np.convolve(np.abs(hilbert(sound)), np.ones(n) / n, mode="same")


def pulse_times(sound: np.ndarray, rate: int, smooth_s: float, apart_s: float) -> np.ndarray:
    level = np.pad(envelope(sound, rate, smooth_s), 1)
    return find_peaks(level, height=0.3 * level.max(), distance=int(apart_s * rate))[0] / rate


def test_there_are_fourteen_kinds_or_more_each_with_its_source() -> None:
    assert len(CALLS) >= 14
    assert list(CALLS) == sorted(CALLS)
    for kind in CALLS.values():
        assert re.search(r"\b(18|19|20)\d\d, .+ \d+:\w?\d+", kind.citation), kind.citation


@pytest.mark.parametrize("species", CALLS)
def test_a_call_is_sound_of_its_length_and_band_at_every_rate(species: str) -> None:
    kind = CALLS[species]
    for rate in (suitable_rates(kind.min_rate)[0], suitable_rates(kind.min_rate)[-1]):
        for seed in range(2):
            sound, _ = make(species, seed, rate)
            assert sound.dtype == np.float32
            assert sound.ndim == 1
            assert np.abs(sound).max() == 1
            assert kind.duration_s[0] - 0.05 <= len(sound) / rate <= kind.duration_s[1] + 0.05
            hz, power = energy(sound, rate)
            inside = power[(hz >= kind.low_hz) & (hz <= kind.high_hz)].sum() / power.sum()
            assert inside > 0.95, f"{species} seed {seed} at {rate} Hz: {inside:.3f} in band"


@pytest.mark.parametrize("species", CALLS)
def test_same_seed_same_call_and_no_two_individuals_alike(species: str) -> None:
    first, again, other = make(species, 1)[0], make(species, 1)[0], make(species, 2)[0]
    assert np.array_equal(first, again)
    assert len(first) != len(other) or not np.allclose(first, other)


@pytest.mark.parametrize("seed", SEEDS)
def test_fin_whale_pulse_sweeps_23_to_18_hz_in_a_second(seed: int) -> None:
    sound, rate = make("Fin whale", seed)
    n = len(sound)
    middle = np.diff(np.unwrap(np.angle(hilbert(sound)))) * rate / (2 * np.pi)
    assert 0.8 <= n / rate <= 1.2
    assert np.median(middle[n // 10 : n // 4]) == pytest.approx(22.5, abs=1.5)
    assert np.median(middle[-n // 4 : -n // 10]) == pytest.approx(18.5, abs=1.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_blue_whale_b_call_has_a_strong_third_harmonic_near_50_hz(seed: int) -> None:
    sound, rate = make("Blue whale", seed)
    hz, power = energy(sound, rate)
    band = [power[(hz > k * 15.5) & (hz < k * 19)].sum() for k in (1, 2, 3)]
    assert -6 < 10 * np.log10(band[2] / band[0]) < 0
    assert 10 * np.log10(band[1] / band[0]) < -15
    # The sweep is read off the third harmonic, the strongest above 30 Hz.
    above = np.fft.irfft(
        np.where(np.fft.rfftfreq(len(sound), 1 / rate) > 30, np.fft.rfft(sound), 0), len(sound)
    )
    third = track(above, rate, 2.0)
    assert third[1] / 3 == pytest.approx(17.8, abs=0.7)
    assert third[-1] / 3 == pytest.approx(16.7, abs=0.6)


@pytest.mark.parametrize("seed", SEEDS)
def test_right_whale_up_call_rises_within_50_to_200_hz(seed: int) -> None:
    sound, rate = make("North Atlantic right whale", seed)
    hz = track(sound, rate, len(sound) / rate / 5)
    assert 0.5 <= len(sound) / rate <= 1.5
    assert 50 <= hz[0] < hz[-1] <= 210
    assert (np.diff(hz) >= 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_sei_whale_sweeps_down_towards_34_hz(seed: int) -> None:
    sound, rate = make("Sei whale", seed)
    hz = track(sound[: int(1.05 * rate)], rate, 0.25)
    assert 60 < hz[0] < 106
    assert hz[-1] < 0.8 * hz[0]
    assert peak_hz(sound, rate) > 33


@pytest.mark.parametrize("seed", SEEDS)
def test_minke_train_has_the_rates_band_and_pulses_of_puerto_rico(seed: int) -> None:
    sound, rate = make("Minke whale", seed)
    times = pulse_times(sound, rate, 0.02, 0.1)
    start, stop = 1 / np.mean(np.diff(times[:6])), 1 / np.mean(np.diff(times[-6:]))
    speeds_up = stop > start
    expected = (1.5, 2.8) if speeds_up else (4.5, 2.9)
    assert (start, stop) == pytest.approx(expected, rel=0.1)
    mean, sd = (43.7, 6.0) if speeds_up else (60.9, 5.8)
    assert abs(len(sound) / rate - mean) < 2.2 * sd
    hz, power = energy(sound, rate)
    low, high = (200, 400) if speeds_up else (250, 350)
    assert power[(hz > low) & (hz < high)].sum() > 0.9 * power.sum()
    loud = envelope(sound, rate, 0.004) > 0.1
    lengths = np.diff(np.flatnonzero(np.diff(np.pad(loud.astype(int), 1))))[::2] / rate
    assert 0.035 < np.median(lengths) < 0.06


def test_minke_trains_mostly_speed_up() -> None:
    lengths = np.array([len(make("Minke whale", seed)[0]) / 2000 for seed in range(40)])
    assert 0.1 < np.mean(lengths > 53) < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_humpback_moan_is_low_with_many_harmonics(seed: int) -> None:
    sound, rate = make("Humpback whale", seed, 16_000)
    assert 130 < peak_hz(sound, rate) < 600
    hz, power = energy(sound, rate)
    assert power[hz > 1000].sum() > 0.01 * power.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_bowhead_moan_lies_below_300_hz(seed: int) -> None:
    sound, rate = make("Bowhead whale", seed)
    assert 60 < peak_hz(sound, rate) < 300
    hz = track(sound, rate, len(sound) / rate / 6)
    assert (np.diff(hz[1:-1]) < 0).any(), "no bowhead call here only rises: that is the right whale's"


@pytest.mark.parametrize("seed", SEEDS)
def test_sperm_whale_clicks_are_rows_of_pulses(seed: int) -> None:
    sound, rate = make("Sperm whale", seed, 96_000)
    clicks = pulse_times(sound, rate, 0.01, 0.05)
    assert 4 <= len(clicks) <= 10
    gaps = np.diff(clicks)
    if gaps.max() / gaps.min() < 1.3 and gaps.mean() > 0.45:  # usual clicks
        assert 0.4 < gaps.mean() < 1.1
    else:  # a coda
        assert 0.4 < clicks[-1] - clicks[0] < 1.3
    first = np.abs(sound[: int(0.035 * rate)])
    echo = np.correlate(first, first, "full")[len(first) - 1 :]
    lag = np.argmax(echo[int(0.002 * rate) : int(0.007 * rate)]) / rate + 0.002
    assert 0.0029 < lag < 0.0061
    assert 2500 < peak_hz(sound, rate) < 15_000


def test_sperm_whale_codas_have_the_three_patterns() -> None:
    shapes = set()
    for seed in range(40):
        gaps = np.diff(pulse_times(make("Sperm whale", seed)[0], 40_000, 0.01, 0.03))
        shapes.add(tuple(np.round(gaps / gaps[0], 0).tolist()) if len(gaps) < 5 else ())
    assert {(1, 1, 2), (1, 1, 1, 1), ()} <= shapes


@pytest.mark.parametrize("seed", SEEDS)
def test_bottlenose_whistle_is_one_line_between_4_and_17_khz(seed: int) -> None:
    sound, rate = make("Bottlenose dolphin", seed, 96_000)
    assert 0.4 <= len(sound) / rate <= 1.5
    hz = track(sound, rate, 0.01)
    assert 3900 < np.percentile(hz, 5) < 8500
    assert 9000 < np.percentile(hz, 95) < 17_200


@pytest.mark.parametrize("seed", SEEDS)
def test_killer_whale_call_peaks_at_1_to_6_khz_and_steps_in_pulse_rate(seed: int) -> None:
    sound, rate = make("Killer whale", seed, 48_000)
    assert 0.5 <= len(sound) / rate <= 1.5
    assert 1000 < peak_hz(sound, rate) < 6000
    n = len(sound)
    before, after = (pulse_rate(part, rate) for part in (sound[n // 8 : n // 3], sound[-n // 6 : -n // 20]))
    assert 450 < before < 1050
    assert 1.1 < after / before < 1.7


def pulse_rate(sound: np.ndarray, rate: int) -> float:
    """Spacing of the harmonics: where a comb holds energy on its teeth and none between them."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 17))
    candidates, k = np.arange(450.0, 1700, 4), np.arange(1, 13)

    def at(hz: np.ndarray) -> np.ndarray:
        return spectrum[np.round(hz / rate * (1 << 17)).astype(int)].mean(axis=1)

    teeth, gaps = at(np.outer(candidates, k)), at(np.outer(candidates, k - 0.5))
    return float(candidates[np.argmax(teeth - gaps)])


@pytest.mark.parametrize("seed", SEEDS)
def test_beaked_whale_clicks_sweep_up_about_42_khz(seed: int) -> None:
    sound, rate = make("Cuvier's beaked whale", seed, 250_000)
    times = pulse_times(sound, rate, 0.0004, 0.1)
    assert 5 < len(times) + 1 <= 13
    assert np.mean(np.diff(times)) == pytest.approx(0.415, abs=0.1)
    first = round(times[0] * rate)
    click = np.pad(sound, 1000)[first + 1000 - 40 : first + 1000 + 60]
    hz, power = energy(click, rate)
    loud = hz[power > power.max() / 10]
    assert 17_000 < loud[-1] - loud[0] < 27_000
    assert (loud[0] + loud[-1]) / 2 == pytest.approx(42_000, abs=3000)
    loud_time = np.abs(hilbert(click)) > 0.1 * np.abs(hilbert(click)).max()
    assert 120e-6 < loud_time.sum() / rate < 260e-6
    phase = np.unwrap(np.angle(hilbert(click)))[loud_time]
    sweep = np.diff(phase) * rate / (2 * np.pi)
    assert sweep[-6:-3].mean() > sweep[3:6].mean() + 5000


@pytest.mark.parametrize("seed", SEEDS)
def test_weddell_trill_falls_in_separate_chirps_that_slow_down(seed: int) -> None:
    sound, rate = make("Weddell seal", seed)
    hz = track(sound, rate, 0.5)
    assert 5000 < hz[1] < 12_800
    assert 100 < hz[-2] < 1100
    early = pulse_times(sound[rate // 2 : rate * 5 // 2], rate, 0.01, 0.03)
    late = pulse_times(sound[-5 * rate // 2 : -rate], rate, 0.03, 0.06)
    assert len(early) / 2 > 1.3 * len(late) / 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_bearded_trill_is_unbroken_and_warbles_downwards(seed: int) -> None:
    sound, rate = make("Bearded seal", seed)
    level = envelope(sound, rate, 0.05)
    body = level[len(level) // 8 : -len(level) // 4]
    assert body.min() > 0.4 * body.max()
    hz = track(sound, rate, 0.02)
    slow = np.convolve(hz, np.ones(25) / 25, "valid")
    assert slow[0] > 2000
    assert slow[-1] < 700
    warble = hz[12 : len(slow) + 12] / slow - 1
    cycles = np.sum(np.diff(np.sign(warble[: len(warble) // 2])) > 0) / (len(warble) // 2 * 0.02)
    assert 2.5 < cycles < 7


@pytest.mark.parametrize("seed", SEEDS)
def test_walrus_knocks_about_once_a_second(seed: int) -> None:
    sound, rate = make("Walrus", seed)
    times = pulse_times(sound[: int(5 * rate)], rate, 0.01, 0.3)  # one for a knock, a pair or a triple
    gaps = np.diff(times[:4])
    assert 0.75 < 1 / np.median(gaps) < 1.35
    assert 300 < peak_hz(sound, rate) < 3300


@pytest.mark.parametrize("seed", SEEDS)
def test_harp_seal_repeats_one_element(seed: int) -> None:
    sound, rate = make("Harp seal", seed)
    times = pulse_times(sound, rate, 0.02, 0.2)
    assert 2 <= len(times) <= 5
    if len(times) > 2:
        assert np.ptp(np.diff(times)) < 0.03


def test_an_unknown_species_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"no simulated call of 'Unicorn'.*Fin whale"):
        call_kind("Unicorn")
