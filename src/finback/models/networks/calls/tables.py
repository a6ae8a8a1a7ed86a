"""Scenes as flat tensors, and back: what a run folder holds of them.

There is a table with a row for each scene, call, contour, frame of a contour, pulse, or frame of noise.
Counts say how many rows of the next table belong to a row. Levels are whole steps of half a decibel; those of
pulses are whole decibels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finback.models.networks.calls.grid import Array, Grid, decibels, powers
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses, Scene

STEP_DB = 0.5
LOWEST_DB = -16.0  # of noise, over the background of its scene; the step 0 is no noise
LOWEST_PULSE_DB = -140.0  # in steps of 1 dB: the step 0

# Name of a table: (its type, its number of columns; 0: one dimension).
TABLES: dict[str, tuple[torch.dtype, int]] = {
    "scenes": (torch.int32, 5),  # species, tape, number of calls, frames of swell, window
    "calls": (torch.int32, 4),  # frames, gap before, number of contours, number of pulses
    "last_gaps": (torch.int32, 0),  # of each scene: frames after its last call
    "contours": (torch.int32, 3),  # start, frames, harmonic
    "tones": (torch.float32, 2),  # log of Hz, dB
    "decays": (torch.float32, 0),  # of each call: seconds
    "pulse_times": (torch.float32, 0),  # seconds
    "pulse_spectra": (torch.uint8, -1),  # whole dB over -140
    "noise": (torch.uint8, -1),  # dB over the background in steps
    "floors": (torch.int16, -1),  # dB in steps
    "swell": (torch.int16, 0),  # dB in steps
}


def empty_tables() -> dict[str, Tensor]:
    """Tables without rows."""
    return {name: torch.zeros((0, abs(n)) if n else (0,), dtype=kind) for name, (kind, n) in TABLES.items()}


def packed(scenes: Sequence[Scene], grid: Grid) -> dict[str, Tensor]:
    """Scenes -> their tables."""
    rows: dict[str, list[Any]] = {name: [] for name in TABLES}
    for scene in scenes:
        counts = (len(scene.calls), len(scene.swell_db))
        rows["scenes"].append((scene.species, scene.tape, *counts, scene.window))
        rows["last_gaps"].append(scene.gaps[-1])
        rows["floors"].append(steps(scene.floor_db))
        rows["swell"].extend(steps(scene.swell_db))
        floor = decibels(grid.bands @ powers(steps(scene.floor_db) * STEP_DB))
        for gap, call in zip(scene.gaps, scene.calls, strict=False):
            rows["calls"].append((call.n_frames, gap, len(call.contours), len(call.pulses)))
            rows["decays"].append(call.pulses.decay_s)
            rows["pulse_times"].extend(call.pulses.time_s)
            rows["pulse_spectra"].extend(np.clip(np.round(call.pulses.spectrum_db - LOWEST_PULSE_DB), 0, 255))
            over = (call.noise_db - floor[:, None] - LOWEST_DB) / STEP_DB
            rows["noise"].extend(np.clip(np.round(over), 0, 255).T)
            for contour in call.contours:
                rows["contours"].append((contour.start, len(contour), contour.harmonic))
                rows["tones"].extend(np.stack([np.log(contour.frequency_hz), contour.level_db], axis=1))
    tables = empty_tables()
    for name, values in rows.items():
        if values:
            tables[name] = torch.from_numpy(np.array(values)).to(TABLES[name][0])
    return tables


def steps(db: Array) -> Array:
    """dB in whole steps."""
    out: Array = np.round(np.asarray(db) / STEP_DB)
    return out


def unpacked(tables: dict[str, Tensor], grid: Grid) -> list[Scene]:
    """Tables -> the scenes. The reverse of `packed`, up to half a step."""
    t = {name: tensor.numpy() for name, tensor in tables.items()}
    rows = {name: _Rows(array) for name, array in t.items()}
    scenes = []
    for species, tape, n_calls, n_swell, window in t["scenes"].tolist():
        floor = rows["floors"].next(1)[0] * STEP_DB
        band_floor = decibels(grid.bands @ powers(floor))
        swell = rows["swell"].next(n_swell) * STEP_DB
        calls, gaps = [], []
        for n_frames, gap, n_contours, n_pulses in rows["calls"].next(n_calls).tolist():
            gaps.append(gap)
            calls.append(_call(rows, band_floor, (n_frames, n_contours, n_pulses)))
        gaps.append(int(rows["last_gaps"].next(1)[0]))
        levels = (floor, band_floor)
        scenes.append(Scene(species, tape, *levels, tuple(calls), tuple(gaps), swell, window))
    return scenes


class _Rows:
    """Rows of a table, taken from its top."""

    def __init__(self, array: Any) -> None:
        self.array, self.at = array, 0

    def next(self, n: int) -> Any:
        self.at += n
        return self.array[self.at - n : self.at]


def _call(rows: dict[str, _Rows], band_floor: Array, sizes: tuple[int, int, int]) -> Call:
    n_frames, n_contours, n_pulses = sizes
    over = rows["noise"].next(n_frames).T.astype(np.float64)
    noise = np.where(over > 0, over * STEP_DB + LOWEST_DB + band_floor[:, None], QUIET_DB)
    train = Pulses(
        rows["pulse_times"].next(n_pulses).astype(np.float64),
        np.asarray(rows["pulse_spectra"].next(n_pulses) + LOWEST_PULSE_DB),
        float(rows["decays"].next(1)[0]),
    )
    return Call(tuple(_contours(rows, n_contours)), train, noise)


def _contours(rows: dict[str, _Rows], n: int) -> Iterator[Contour]:
    for start, frames, harmonic in rows["contours"].next(n).tolist():
        tone = rows["tones"].next(frames).astype(np.float64)
        yield Contour(start, np.exp(tone[:, 0]), tone[:, 1], harmonic)
