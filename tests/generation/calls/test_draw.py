"""New samples: which clip they begin with, the level of foreign sounds, and the edges of a tape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finback.generation.calls.draw import Widths, draw
from finback.generation.calls.parameters import PlacedCall, SampleParameters
from finback.generation.calls.synthesis import wave_of
from finback.generation.calls.tape import stop_band, through
from finback.models.networks.calls.grid import N_BANDS, N_PULSE_BANDS, Grid, decibels
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses, Scene

GRID = Grid(8000, 128)
N = 16_000
NO_PULSES = Pulses(np.zeros(0), np.zeros((0, N_PULSE_BANDS)), 0.0)
NARROW = Widths(0.0, 0.0, 0.0, 0.0)


def scene(hz: float, level_db: float = -60.0, noise_db: float = QUIET_DB, window: int = 0) -> Scene:
    """A clip with one call, which has a tone, over a background of a level."""
    contour = Contour(0, np.full(40, hz), np.full(40, level_db + 30))
    call = Call((contour,), NO_PULSES, np.full((N_BANDS, 40), noise_db))
    floor = np.full(GRID.n_bins, level_db)
    return Scene(0, 0, floor, np.full(N_BANDS, level_db), (call,), (10, 80), np.zeros(0), window)


def made(scenes: list[Scene], seed: int, widths: Widths = NARROW) -> tuple[PlacedCall, ...]:
    return draw(scenes, GRID, widths, N, np.random.default_rng(seed), seed)[2]


def test_the_first_samples_begin_with_one_clip_each() -> None:
    scenes = [scene(500.0 + 100 * k) for k in range(6)]
    # Four of five calls are of the clip of the sample.
    found = [
        float(np.median([p.call.contours[0].frequency_hz.mean() for p in made(scenes, seed)]))
        for seed in range(6)
    ]
    assert len(set(np.round(found, -2))) >= 5


def test_samples_begin_as_clips_and_later_windows_give_calls() -> None:
    scenes = [scene(500.0), scene(900.0, window=1)]
    calls = [[p.call.contours[0].frequency_hz[0] for p in made(scenes, seed)] for seed in range(20)]
    later = np.mean([hz > 700 for own in calls for hz in own])
    assert 0 < later < 0.3


def test_the_noise_of_another_clip_gets_the_level_of_the_sample() -> None:
    loud = [scene(500.0, -30.0, -20.0) for _ in range(8)]
    scenes = [scene(500.0, -60.0, -50.0), *loud]
    for seed in range(9):
        background, _, calls = draw(
            scenes, GRID, Widths(0.0, 0.0, 0.0, 1.0), N, np.random.default_rng(1), seed
        )
        if background[0] < -50:
            assert calls[0].call.noise_db.max() == pytest.approx(-50.0, abs=1.0)
            return
    raise AssertionError("no sample of the quiet clip")


def test_a_call_is_exchanged_for_one_of_its_kind_and_length() -> None:
    burst = Call((), NO_PULSES, np.full((N_BANDS, 40), -40.0))
    long = Call((), NO_PULSES, np.full((N_BANDS, 90), -40.0))
    others = [replace(scene(500.0), calls=(call,)) for call in (burst, long)] * 4
    scenes = [scene(500.0), scene(900.0), *others]
    found = [p.call for seed in (*range(0, 200, 10), *range(1, 200, 10)) for p in made(scenes, seed)]
    own = [call for call in found if call.contours]
    assert {call.n_frames for call in own} == {40}
    mixed = {len({bool(p.call.contours) for p in made(scenes, seed)}) for seed in range(40)}
    assert mixed == {1}  # no sample holds both kinds


def test_no_call_sounds_beyond_the_edges_of_the_tape() -> None:
    background = np.full(GRID.n_bins, -60.0)
    background[40:], background[:6] = -110.0, -110.0  # bins of 62.5 Hz
    noise = np.full((N_BANDS, 60), -30.0)
    clicks = Pulses(np.array([0.2, 0.4]), np.full((2, N_PULSE_BANDS), 0.0), 0.002)
    call = PlacedCall(0.3, Call((), clicks, noise), 5)
    sample = SampleParameters("x", 0, GRID, N, background, np.zeros(4), (call,))
    level = decibels(GRID.power(wave_of(sample).astype(np.float64)))
    middle = level[:, 100:120].mean(axis=1)
    assert middle[10:36].min() > -40
    assert middle[48:].max() < -75
    assert middle[0] < -75


@pytest.mark.parametrize("slope", [0.0, -0.5, 0.5])
def test_a_background_without_a_steep_edge_changes_no_call(slope: float) -> None:
    background = -60 + slope * np.arange(GRID.n_bins)
    background[20] += 12  # hum
    assert not stop_band(background).any()
    x = np.random.default_rng(0).standard_normal(100)
    assert through(stop_band(background), x) is x
