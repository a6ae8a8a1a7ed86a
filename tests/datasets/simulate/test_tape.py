"""The acoustics of a simulated tape: its noise is as stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.datasets.simulate.calls import CALLS
from finback.datasets.simulate.snr import band_power
from finback.datasets.simulate.tape import (
    RATES,
    Line,
    Resonance,
    TapeModel,
    draw_tape,
    sea_density,
    suitable_rates,
)

SEED = np.random.SeedSequence(7)
QUIET = TapeModel(sample_rate=16_000, low_cut_hz=20, high_cut_hz=7000, level_dbfs=-30)


def noise(tape: TapeModel, seconds: float, seed: np.random.SeedSequence = SEED) -> np.ndarray:
    return np.concatenate(list(tape.noise(seed, 0, round(seconds * tape.sample_rate))))


def density_db(tape: TapeModel, hz: float, seconds: float = 30) -> float:
    """Power density in a sixth of an octave."""
    low, high = hz * 2 ** (-1 / 12), hz * 2 ** (1 / 12)
    return 10 * np.log10(band_power(noise(tape, seconds), tape.sample_rate, low, high) / (high - low))


def test_sea_noise_falls_5_to_6_db_an_octave_above_1_khz() -> None:
    """Wenz (1962): from 500 Hz to 25 kHz, at any wind."""
    for wind in (2, 10):
        hz = 2000 * 2.0 ** np.arange(4)
        slopes = np.diff(10 * np.log10(sea_density(hz, 0.5, wind)))
        assert (slopes > -6.1).all()
        assert (slopes < -3.3).all()
        assert np.mean(slopes) == pytest.approx(-5.2, abs=0.6)


def test_shipping_rules_below_200_hz_and_thermal_noise_near_100_khz() -> None:
    busy, calm = (10 * np.log10(sea_density(np.array([60.0, 5000.0]), ships, 5)) for ships in (1.0, 0.0))
    assert busy[0] - calm[0] > 10
    assert busy[1] - calm[1] < 0.5
    rising = sea_density(np.array([150e3, 300e3]), 0.5, 0)
    assert 10 * np.log10(rising[1] / rising[0]) == pytest.approx(6, abs=1)


def test_noise_has_the_level_it_says() -> None:
    sound = noise(QUIET, 20)
    assert sound.dtype == np.float32
    assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(-30, abs=0.3)


@pytest.mark.parametrize("band", [(30, 60), (100, 400), (1000, 3000), (300, 6000)])
def test_noise_power_in_a_band_is_as_expected(band: tuple[float, float]) -> None:
    tape = replace(QUIET, lines=(Line(50, 0.3, 0), Line(150, 0.2, 1)), bits=10)
    sound = tape.digitise(noise(tape, 40))
    measured = band_power(sound, tape.sample_rate, *band)
    assert 10 * np.log10(measured / tape.noise_power(*band)) == pytest.approx(0, abs=0.25)


def test_rounding_counts_as_noise() -> None:
    """Eight bits of a soft tape: above 3 kHz there is little else."""
    tape = replace(QUIET, level_dbfs=-45, bits=8, hiss_hz=1e6)
    fine, coarse = (replace(tape, bits=bits).noise_power(3000, 6000) for bits in (16, 8))
    assert 10 * np.log10(coarse / fine) > 1.5
    measured = band_power(tape.digitise(noise(tape, 30)), tape.sample_rate, 3000, 6000)
    assert 10 * np.log10(measured / coarse) == pytest.approx(0, abs=0.4)


def test_the_band_limit_is_where_it_says_and_steep() -> None:
    tape = replace(QUIET, high_cut_hz=3000, low_cut_hz=100, hiss_hz=2000)
    passed = density_db(tape, 2500)
    assert density_db(tape, 3000) == pytest.approx(passed - 3, abs=1.5)
    assert density_db(tape, 4500) < passed - 45
    assert density_db(tape, 25) < density_db(tape, 100) - 8
    bare = np.zeros(16_000, np.float32)
    bare[8000] = 1
    received = np.abs(np.fft.rfft(tape.receive(bare)))
    assert received[1000] == pytest.approx(1, abs=0.1)
    assert received[3000] == pytest.approx(0.71, abs=0.05)
    assert received[4500] < 0.005


def test_eq_bends_sea_and_call_alike_but_not_the_hiss() -> None:
    bump = Resonance(1000, 10, 0.3)
    flat = replace(QUIET, hiss_hz=1e6)
    bent = replace(flat, resonances=(bump,), tilt_db_per_octave=2)
    click = np.zeros(16_000, np.float32)
    click[8000] = 1
    gain = 20 * np.log10(np.abs(np.fft.rfft(bent.receive(click))) / np.abs(np.fft.rfft(flat.receive(click))))
    assert gain[1000] == pytest.approx(10, abs=0.1)
    assert gain[4000] - gain[250] == pytest.approx(8, abs=0.5)

    def contrast(tape: TapeModel) -> float:
        return density_db(tape, 1000) - density_db(tape, 4000)

    assert contrast(bent) - contrast(flat) == pytest.approx(gain[1000] - gain[4000], abs=0.7)


def test_receiving_delays_nothing() -> None:
    call = np.zeros(8000, np.float32)
    call[4000] = 1
    assert np.argmax(np.abs(QUIET.receive(call))) == 4000
    assert len(QUIET.receive(call[:777])) == 777


@given(st.integers(0, 60_000), st.integers(1, 40_000))
@settings(max_examples=15, deadline=None)
def test_noise_is_a_function_of_position(start: int, length: int) -> None:
    tape = replace(QUIET, lines=(Line(50, 0.3, 1),), dc=0.01)
    whole = noise(tape, 100_000 / 16_000)
    part = np.concatenate(list(tape.noise(SEED, start, start + length)))
    assert np.array_equal(part, whole[start : start + length])


def test_another_seed_is_another_sea() -> None:
    other = noise(QUIET, 1, np.random.SeedSequence(8))
    assert abs(np.corrcoef(noise(QUIET, 1), other)[0, 1]) < 0.2


def test_hum_stands_at_its_lines_with_its_level() -> None:
    tape = replace(QUIET, lines=(Line(60, 0.5, 0.3), Line(180, 0.25, 2)))
    spectrum = np.abs(np.fft.rfft(noise(tape, 60) - noise(QUIET, 60))) / (30 * 16_000)
    rms = 10 ** (-30 / 20)
    assert spectrum[60 * 60] == pytest.approx(0.5 * rms, rel=0.01)
    assert spectrum[180 * 60] == pytest.approx(0.25 * rms, rel=0.01)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_bits_leave_as_many_steps(bits: int) -> None:
    tape = replace(QUIET, bits=bits, dc=0.01)
    steps = tape.digitise(noise(tape, 2)) * 2.0 ** (bits - 1)
    assert np.array_equal(steps, np.round(steps))
    assert np.mean(steps) / 2.0 ** (bits - 1) == pytest.approx(0.01, abs=2e-3)


def test_noise_stays_below_the_peak_it_promises() -> None:
    tape = replace(QUIET, lines=(Line(60, 0.5, 0.3),), dc=-0.02)
    assert np.abs(noise(tape, 30)).max() < tape.noise_peak


@given(st.sampled_from(sorted(CALLS)), st.integers(0, 10_000), st.floats(-10, 40))
@settings(max_examples=150, deadline=None)
def test_every_tape_drawn_can_hold_its_species(species: str, seed: int, loudest_db: float) -> None:
    kind = CALLS[species]
    tape = draw_tape(np.random.default_rng(seed), kind.low_hz, kind.min_rate, loudest_db)
    assert tape.sample_rate in RATES
    assert tape.sample_rate >= kind.min_rate
    assert tape.low_cut_hz < kind.low_hz
    assert tape.low_cut_hz < tape.high_cut_hz < tape.sample_rate / 2
    assert tape.high_cut_hz >= 0.45 * kind.min_rate
    assert kind.high_hz <= kind.min_rate / 2, "the call's band lies below Nyquist of the lowest rate"
    assert tape.noise_peak < 0.7
    assert tape == draw_tape(np.random.default_rng(seed), kind.low_hz, kind.min_rate, loudest_db)


def test_rates_are_drawn_from_real_life_and_differ() -> None:
    rates = {draw_tape(np.random.default_rng(s), 100, 2000, 20).sample_rate for s in range(60)}
    assert len(rates) > 6
    assert suitable_rates(160_000) == (166_600, 192_000, 200_000, 250_000)
    assert max(suitable_rates(1000)) == 48_000
