"""New parameters: calls of a species, varied and combined, at times of the species, over a background.

The density is that of a smoothed bootstrap (Silverman and Young 1987): a call that was measured, with a
random change of all its parameters. The parts of a sample come from different clips: the contours of a call
from one, its noise from another, the times from a third, the background from a fourth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from finback.core.errors import InputError
from finback.generation.calls.parameters import PlacedCall, SampleParameters
from finback.models.networks.calls.grid import N_BANDS, Array, Grid
from finback.models.networks.calls.network import Calls
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses, Scene, kind_of

GAP = 0.3  # deviation of the logarithm of a gap
SAME = 0.8  # share of calls that follow the order of one clip
OWN_TIMES = 0.85  # share of samples with the gaps of one clip; the others mix those of all clips
LATER = 0.3  # share of samples that begin with any call of the clip, and not with its first
OTHER_BACKGROUND = 0.25  # share of samples over the background of another clip
BACKGROUND_DB = 2.0  # deviation of the level of that background
EDGE_DB = 45.0  # a band so far below the loudest is beyond the edge of a recording
EDGE_BANDS, COLOUR_DB = 4, 4.0  # recordings with edges and spectra so near each other are combined
SIMILAR = 0.3  # largest logarithm of the ratio of the lengths of two calls that are exchanged
SHORTEST_GAP = 2  # frames


@dataclass(frozen=True)
class Widths:
    """By how much a call changes."""

    pitch: float
    duration: float
    level_db: float
    mixing: float

    @classmethod
    def of(cls, model: Calls) -> Widths:
        """The hyper-parameters of a model."""
        return cls(model.pitch, model.duration, model.level_db, model.mixing)


def draw(
    scenes: Sequence[Scene],
    grid: Grid,
    widths: Widths,
    n_samples: int,
    rng: np.random.Generator,
    seed: int,
    over: Sequence[Scene] = (),
) -> tuple[Array, Array, tuple[PlacedCall, ...]]:
    """(background (bins,) dB, its swell (frames,) dB, calls) of a new sample of one species.

    `scenes`: those of the species. `over`: scenes that give the background; none: those of the species.
    Samples with the seeds 0, 1, ... begin as the clips do, in a fixed random order: each clip has its turn.
    """
    frames = n_samples // grid.hop + 2
    with_calls = [scene for scene in scenes if scene.calls] or list(scenes)
    begin = [scene for scene in with_calls if not scene.window] or with_calls  # as clips begin
    own = begin[np.random.default_rng(len(begin)).permutation(len(begin))[seed % len(begin)]]
    background = over[int(rng.integers(len(over)))] if over else _background(own, scenes, rng)
    shift = float(np.median(own.band_floor_db - background.band_floor_db))
    if background is not own:
        shift += BACKGROUND_DB * rng.standard_normal()
    calls = _calls(own, with_calls, grid, widths, frames, rng) if own.calls else ()
    return np.round(background.floor_db + shift, 1), _swell(background, frames, rng), tuple(calls)


def _background(own: Scene, scenes: Sequence[Scene], rng: np.random.Generator) -> Scene:
    """The scene that gives the background: `own`, or another one of the same bandwidth."""
    if rng.random() > OTHER_BACKGROUND:
        return own
    alike = _same_colour(own, scenes)
    return alike[int(rng.integers(len(alike)))]


def _same_colour(own: Scene, scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with about the bandwidth and the spectrum of the background of one, at any level."""
    found = []
    for scene in scenes:
        away = own.band_floor_db - scene.band_floor_db
        spread = float(np.median(np.abs(away - np.median(away))))
        if spread <= COLOUR_DB and abs(_edge(scene) - _edge(own)) <= EDGE_BANDS:
            found.append(scene)
    return found


def _edge(scene: Scene) -> int:
    """The highest band with sound."""
    return int(np.flatnonzero(scene.band_floor_db > scene.band_floor_db.max() - EDGE_DB).max())


def _swell(scene: Scene, frames: int, rng: np.random.Generator) -> Array:
    """(frames,) the changes of the background's level, from a random frame on, forwards and backwards."""
    if len(scene.swell_db) < 8:
        return np.zeros(frames)
    both = np.r_[scene.swell_db, scene.swell_db[::-1]]
    return np.resize(np.roll(both, int(rng.integers(len(both)))), frames)


def _calls(
    own: Scene, scenes: Sequence[Scene], grid: Grid, widths: Widths, frames: int, rng: np.random.Generator
) -> list[PlacedCall]:
    """Calls one after the other until the sample is full, most of them in the order and times of one clip."""
    scenes = _same_colour(own, scenes)
    order = [*own.gaps[:-1]]  # the gap before each call of the clip
    others = [] if rng.random() < OWN_TIMES else [gap for scene in scenes for gap in scene.gaps]
    place = 0 if rng.random() > LATER else int(rng.integers(len(own.calls)))
    gap, placed, at = order[place], list[PlacedCall](), 0
    while True:
        at += max(SHORTEST_GAP if placed else 0, int(gap * np.exp(GAP * rng.standard_normal())))
        if at >= frames - 3:
            return placed
        call, source = own.calls[place], own
        if rng.random() >= SAME:
            call, source = _alike(call, own, scenes, rng)
        call = _louder(call, float(np.median(own.band_floor_db - source.band_floor_db)))
        call = varied(_mixed(call, own, scenes, widths, rng), grid, widths, rng)
        seed = int(rng.integers(1 << 31))
        placed.append(PlacedCall(round(at * grid.hop / grid.rate, 6), call, seed))
        at += call.n_frames
        place = (place + 1) % len(own.calls)
        gap = order[place] if place else own.gaps[-1] + own.gaps[0]
        if others:
            gap = others[rng.integers(len(others))]


def _alike(call: Call, own: Scene, scenes: Sequence[Scene], rng: np.random.Generator) -> tuple[Call, Scene]:
    """A call of the same kind and of about the same length, and its scene; perhaps the call itself."""
    kind = kind_of(call)
    found = [(other, scene) for other, scene in _as_long(call, scenes) if kind_of(other) == kind]
    return found[rng.integers(len(found))] if found else (call, own)


def _as_long(call: Call, scenes: Sequence[Scene]) -> list[tuple[Call, Scene]]:
    """All calls of about the length of one, and their scenes."""
    low, high = call.n_frames * np.exp(-SIMILAR), call.n_frames * np.exp(SIMILAR)
    return [(other, scene) for scene in scenes for other in scene.calls if low < other.n_frames < high]


def _mixed(call: Call, own: Scene, scenes: Sequence[Scene], widths: Widths, rng: np.random.Generator) -> Call:
    """The call, perhaps with the noise of another call of about its length."""
    if rng.random() >= widths.mixing:
        return call
    alike = _as_long(call, scenes)
    if not alike:
        return call
    other, scene = alike[rng.integers(len(alike))]
    noise = _louder(other, float(np.median(own.band_floor_db - scene.band_floor_db))).noise_db
    places = np.linspace(0, noise.shape[1] - 1, call.n_frames)
    return replace(call, noise_db=_at(noise, places))


def _at(x: Array, places: Array) -> Array:
    """Columns of (N, k) at places between 0 and k - 1, by interpolation."""
    first = np.minimum(places.astype(int), max(0, x.shape[1] - 2))
    share = places - first
    out: Array = x[:, first] * (1 - share) + x[:, np.minimum(first + 1, x.shape[1] - 1)] * share
    return out


def varied(call: Call, grid: Grid, widths: Widths, rng: np.random.Generator) -> Call:
    """A call with another pitch, contour, length, course of time, levels and spectrum, by small amounts."""
    old = call.n_frames
    n = max(3, round(old * float(np.exp(widths.duration * rng.standard_normal()))))
    time = np.linspace(0, 1, n)
    bend = np.clip(widths.duration / 3 * rng.standard_normal(), -0.28, 0.28)
    course = time + bend * np.sin(np.pi * time) / np.pi  # grows everywhere, as |bend| < 1
    course = (course - course[0]) / (course[-1] - course[0]) * (old - 1)  # new frame -> old frame
    ratio = float(np.exp(widths.pitch * rng.standard_normal()))
    bent = ratio * np.exp(_waves(rng, n, 3, widths.pitch / 2))
    tilt = widths.level_db * rng.standard_normal() / 2  # dB per octave
    contours = [_varied_contour(c, course, bent, (tilt, widths.level_db), rng) for c in call.contours]
    noise = grid.shifted(_at(call.noise_db, course), ratio)
    noise = np.where(noise > QUIET_DB + 1, noise + _field(rng, N_BANDS, n, widths.level_db), QUIET_DB)
    return Call(tuple(contours), _varied_pulses(call.pulses, grid, course, widths, rng), np.round(noise, 1))


def _varied_contour(
    c: Contour, course: Array, bent: Array, levels: tuple[float, float], rng: np.random.Generator
) -> Contour:
    """A contour of a varied call: `course` (n,) old frames, `bent` (n,) factors on the frequency."""
    n = len(course)
    first, last = np.interp([c.start, c.start + len(c) - 1], course, np.arange(n))
    frames = np.arange(round(float(first)), max(round(float(last)), round(float(first)) + 2) + 1)
    old = np.interp(frames, np.arange(n), course) - c.start
    knots = np.arange(len(c))
    hz = np.interp(old, knots, c.frequency_hz) * np.interp(frames, np.arange(n), bent)
    tilt, spread = levels
    level = (
        np.interp(old, knots, c.level_db)
        + spread * rng.standard_normal()
        + tilt * np.log2(np.maximum(hz, 50) / 2000)
        + _waves(rng, len(frames), 2, spread / 2)
    )
    return Contour(int(frames[0]), np.round(hz, 2), np.round(level, 2), c.harmonic)


def _varied_pulses(
    pulses: Pulses, grid: Grid, course: Array, widths: Widths, rng: np.random.Generator
) -> Pulses:
    if not len(pulses):
        return pulses
    frame_s = grid.hop / grid.rate
    time = np.interp(pulses.time_s / frame_s, course, np.arange(len(course))) * frame_s
    time = time + rng.standard_normal(len(time)) * grid.pulse_hop / grid.rate / 2
    level = pulses.spectrum_db + _waves(rng, pulses.spectrum_db.shape[1], 2, 0.7 * widths.level_db)
    level = level + widths.level_db / 2 * rng.standard_normal((len(time), 1))
    return Pulses(np.round(time, 6), np.round(level, 1), round(pulses.decay_s, 6))


def _waves(rng: np.random.Generator, n: int, k: int, spread: float) -> Array:
    """(n,) a smooth random curve: the first k cosines, with deviations that fall with their number."""
    time = np.linspace(0, 1, n)
    orders = np.arange(1, k + 1)
    weights = spread * rng.standard_normal(k) / orders**0.7
    out: Array = weights @ np.cos(np.pi * orders[:, None] * time)
    return out


def _field(rng: np.random.Generator, rows: int, columns: int, spread: float) -> Array:
    """(rows, columns) a smooth random surface of 3 x 3 cosines."""
    orders = np.arange(3)
    weights = spread * rng.standard_normal((3, 3)) / (1 + orders[:, None] + orders)
    down = np.cos(np.pi * orders * np.linspace(0, 1, rows)[:, None])
    along = np.cos(np.pi * orders[:, None] * np.linspace(0, 1, columns))
    out: Array = down @ weights @ along
    return out


def _louder(call: Call, db: float) -> Call:
    """A call at another level."""
    contours = tuple(replace(c, level_db=np.round(c.level_db + db, 2)) for c in call.contours)
    train = replace(call.pulses, spectrum_db=np.round(call.pulses.spectrum_db + db, 1))
    noise = np.where(call.noise_db > QUIET_DB, np.round(call.noise_db + db, 1), QUIET_DB)
    return Call(contours, train, noise)


def drawn_sample(
    model: Calls, species: tuple[int, str], seed: int, rng: np.random.Generator, tape: int | None = None
) -> SampleParameters:
    """The parameters of the sample of a species, (class id, name), and a seed.

    `tape`: the number of the tape that gives the background, of any species; None: tapes of the species.
    Raises `InputError` for a species or a tape without a clip in the model.
    """
    label, name = species
    if label not in model.scenes:
        raise InputError(
            f"'{name}': the generator has no training clip of this species",
            "train a generator with --split 100/0/0 to use all groups; then no group is left for a test",
        )
    over = [scene for own in model.scenes.values() for scene in own if scene.tape == tape]
    if tape is not None and not over:
        raise InputError("the generator has no clip of this tape", "name another tape, or leave it out")
    n = model.spec.covered_samples
    background, swell, calls = draw(model.scenes[label], model.grid, Widths.of(model), n, rng, seed, over)
    return SampleParameters(name, seed, model.grid, n, background, np.round(swell, 2), calls)
