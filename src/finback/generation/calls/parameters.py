"""The parameters of one sample, as types and as a JSON file that people read and edit.

    write_json(path, to_json(sample))
    sample = from_json(read_json(path))

The file holds everything that the sound is made from: the background, and each call with its start, contours,
pulses and noise. `kind`, `end_s`, `low_hz` and `high_hz` of a call are its truth, for readers and for tables
of annotations; they are computed, and a change of them changes no sound. To move a call, change `start_s`; to
transpose it, `pitch`; to make it louder, `gain_db`. A call can be deleted, or copied from another file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from finback.core.errors import InputError
from finback.models.networks.calls.grid import N_BANDS, N_PULSE_BANDS, Array, Grid, band_edges
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses, kind_of

VERSION = 1
AUDIBLE_DB = 20.0  # a band or contour further below the loudest of its call is outside of its box
REPAIR = "start from a file that finback generate wrote"


@dataclass(frozen=True, eq=False)
class PlacedCall:
    """A call at its place in a sample."""

    start_s: float
    call: Call
    seed: int  # of its noise and phases
    pitch: float = 1.0  # factor on all its frequencies
    gain_db: float = 0.0


@dataclass(frozen=True, eq=False)
class SampleParameters:
    """Everything that a sample is made from."""

    species: str
    seed: int
    grid: Grid
    n_samples: int
    background_db: Array  # (bins,) power density
    swell_db: Array  # (frames,) change of the background's level over time
    calls: tuple[PlacedCall, ...]


@dataclass(frozen=True)
class Truth:
    """The box of a call in time and frequency, and its kind."""

    kind: str
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float


def truth(placed: PlacedCall, grid: Grid, n_samples: int) -> Truth:
    """The box that holds a call, as far as it is within the sample and no more than 20 dB below its peak."""
    call, frame_s = placed.call, grid.hop / grid.rate
    bands = call.noise_db.max(axis=1, initial=QUIET_DB)
    peak = bands.max(initial=QUIET_DB)
    inside = grid.band_hz[(bands > peak - AUDIBLE_DB) & (bands > QUIET_DB)] if not call.contours else []
    lows, highs = [float(hz) for hz in inside[:1]], [float(hz) for hz in inside[-1:]]
    loudest = max((float(c.level_db.max()) for c in call.contours), default=0.0)
    for c in call.contours:
        if c.level_db.max() > loudest - AUDIBLE_DB:
            lows.append(float(c.frequency_hz.min()) * placed.pitch)
            highs.append(float(c.frequency_hz.max()) * placed.pitch)
    if len(call.pulses):
        energy = call.pulses.spectrum_db.max(axis=0)
        loud = np.flatnonzero(energy > energy.max() - AUDIBLE_DB)
        edges = band_edges(N_PULSE_BANDS, grid.rate)
        lows.append(float(edges[loud[0]]))
        highs.append(float(edges[loud[-1] + 2]))
    end = min(placed.start_s + call.n_frames * frame_s, n_samples / grid.rate)
    top = grid.rate / 2
    low, high = max(0.0, min(lows, default=0.0)), min(top, max(highs, default=top))
    return Truth(kind_of(call), round(placed.start_s, 4), round(end, 4), round(low, 1), round(high, 1))


def to_json(sample: SampleParameters) -> dict[str, Any]:
    """Plain values."""
    return {
        "version": VERSION,
        "species": sample.species,
        "seed": sample.seed,
        "sample_rate": sample.grid.rate,
        "window_samples": sample.grid.window,
        "hop_samples": sample.grid.hop,
        "n_samples": sample.n_samples,
        "background": {"spectrum_db": sample.background_db.tolist(), "swell_db": sample.swell_db.tolist()},
        "calls": [_call_json(placed, sample) for placed in sample.calls],
    }


def _call_json(placed: PlacedCall, sample: SampleParameters) -> dict[str, Any]:
    call = placed.call
    return {
        **vars(truth(placed, sample.grid, sample.n_samples)),
        "start_s": placed.start_s,
        "pitch": placed.pitch,
        "gain_db": placed.gain_db,
        "seed": placed.seed,
        "contours": [
            {
                "harmonic": c.harmonic,
                "start_frame": c.start,
                "frequency_hz": c.frequency_hz.tolist(),
                "level_db": c.level_db.tolist(),
            }
            for c in call.contours
        ],
        "pulses": {
            "time_s": call.pulses.time_s.tolist(),
            "spectrum_db": call.pulses.spectrum_db.tolist(),
            "decay_s": call.pulses.decay_s,
        },
        "noise_db": call.noise_db.T.tolist(),  # a list for each frame
    }


def from_json(value: Any, where: str = "parameters") -> SampleParameters:
    """The reverse of `to_json`. Raises `InputError` naming the key for what is missing or wrong."""
    top = _Reader(value, where)
    if top.number("version") != VERSION:
        raise InputError(f"{where}: version {value['version']} of the parameters", "update finback")
    grid = Grid(top.whole("sample_rate", 10, 1_000_000), top.whole("window_samples", 64, 1 << 20))
    background = top.part("background")
    calls = top.get("calls")
    if not isinstance(calls, list):
        raise InputError(f"{where}: 'calls' is not a list", REPAIR)
    return SampleParameters(
        str(top.get("species")),
        top.whole("seed", 0, 1 << 62),
        grid,
        top.whole("n_samples", 1, 1 << 28),
        background.levels("spectrum_db", (grid.n_bins,)),
        background.levels("swell_db", (None,)),
        tuple(_placed(_Reader(call, f"{where}: call {i}")) for i, call in enumerate(calls, start=1)),
    )


def _placed(reader: _Reader) -> PlacedCall:
    found = reader.get("contours")
    if not isinstance(found, list):
        raise InputError(f"{reader.where}: 'contours' is not a list", REPAIR)
    contours = [_contour(_Reader(c, f"{reader.where}, contour {j}")) for j, c in enumerate(found, start=1)]
    pulses = reader.part("pulses")
    times = pulses.array("time_s", (None,))
    spectra = pulses.levels("spectrum_db", (len(times), N_PULSE_BANDS))
    train = Pulses(times, spectra, pulses.number("decay_s"))
    noise = reader.levels("noise_db", (None, N_BANDS)).T
    call = Call(tuple(contours), train, noise)
    pitch = reader.number("pitch")
    if not 1 / 64 <= pitch <= 64:
        raise InputError(f"{reader.where}: 'pitch' is {pitch:g}", "give a factor from 1/64 to 64")
    gain = reader.number("gain_db")
    if abs(gain) > 200:
        raise InputError(f"{reader.where}: 'gain_db' is {gain:g}", "give -200 to 200 dB")
    return PlacedCall(reader.number("start_s"), call, reader.whole("seed", 0, 1 << 62), pitch, gain)


def _contour(reader: _Reader) -> Contour:
    frequency = reader.array("frequency_hz", (None,))
    if len(frequency) < 2 or frequency.min() < 0:
        raise InputError(
            f"{reader.where}: 'frequency_hz' has fewer than two values, or one below 0", "repair the list"
        )
    level = reader.levels("level_db", (len(frequency),))
    start = reader.whole("start_frame", -(1 << 24), 1 << 24)
    return Contour(start, frequency, level, reader.whole("harmonic", 0, 1 << 16))


class _Reader:
    """Checked values of a JSON object. Raises `InputError` with the place and the key."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: not a JSON object", REPAIR)
        self.value, self.where = value, where

    def get(self, key: str) -> Any:
        if key not in self.value:
            raise InputError(f"{self.where}: no '{key}'", REPAIR)
        return self.value[key]

    def part(self, key: str) -> _Reader:
        return _Reader(self.get(key), f"{self.where}, {key}")

    def number(self, key: str) -> float:
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise InputError(f"{self.where}: '{key}' is not a number", REPAIR)
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{self.where}: '{key}' is not a whole number from {low} to {high}", REPAIR)
        return value

    def array(self, key: str, shape: tuple[int | None, ...]) -> Array:
        try:
            out = np.array(self.get(key), dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            raise InputError(f"{self.where}: '{key}' is not a list of numbers", REPAIR) from None
        if out.size == 0:
            out = out.reshape([n or 0 for n in shape])
        fits = out.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, out.shape, strict=True))
        if not fits or not np.isfinite(out).all():
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            raise InputError(f"{self.where}: '{key}' is not a list of {wanted} numbers", REPAIR)
        return out

    def levels(self, key: str, shape: tuple[int | None, ...]) -> Array:
        """dB; a level above 200 would overflow."""
        out = self.array(key, shape)
        if out.max(initial=0) > 200:
            raise InputError(f"{self.where}: '{key}' has a level above 200 dB", "repair the level")
        return out
