"""Tones of a mel spectrogram: peaks within bands, linked from frame to frame, and their sound.

A peak that stands out from the bands beside it is a candidate. Its frequency is the centroid of the energies
of its bands without what lies beside it (`layout.Layout`). Candidates of neighbouring frames that are nearest
to each other are linked. A row of linked candidates that is long enough and stands out enough is a tone. Two
tones in one band, and tones that come and go faster than the frames, are not told from noise.

The phase is the integral of the frequency (McAulay & Quatieri 1986, "Speech analysis/synthesis based on a
sinusoidal representation", IEEE Trans. ASSP 34(4), with lines instead of cubic polynomials, because a mel
spectrogram has no phase to meet).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.features.components.layout import Array, Layout, valley
from finback.features.spec import FeatureSpec

PER_FRAME = 16  # candidates in a frame, at most
CANDIDATE_DB = 3.0  # above what lies beside it
TONE_DB = 8.0  # the mean of a tone
FEWEST = 6  # frames: 140 ms at 22,050 Hz, of which the window of a frame is 93 ms
FARTHEST = 2.5  # bands from one frame to the next
PER_DB = 0.1  # bands that a dB of difference in level counts as, between candidates to link
SPREAD = 1.5  # bands of reach for each band that a tone moves from frame to frame
GOLDEN = 0.618034  # spreads the first phases


@dataclass(frozen=True, eq=False)
class Tones:
    """The tones of F frames, at most K in each: arrays (F, K)."""

    hz: Array
    amplitude: Array  # 0: no tone
    after: NDArray[np.intp]  # (F - 1, K) place of the same tone in the next frame, or -1
    energy: Array  # (F, M) of the bands, as `Layout.from_power` gives it


def find_tones(energy: Array, kit: Layout) -> Tones | None:
    """The tones in the energies (F, M) of bands; None if there are none."""
    bands, there = _candidates(energy, kit)
    if not there.any():
        return None
    reach = np.full(bands.shape, kit.reach)
    hz, total, _ = _measured(energy, bands, reach, there, kit)
    position = np.interp(hz, kit.centres_hz, np.arange(len(kit.centres_hz)))
    after = _links(position, 10 * np.log10(np.maximum(total, 1e-30)), there)
    names, _ = _along(after, np.zeros(bands.shape))
    slope = _slope(position, after)
    reach = reach + np.minimum(np.rint(SPREAD * slope).astype(int), 4)
    hz, total, prominence = _measured(energy, bands, reach, there, kit)
    length = np.bincount(names[there], minlength=names.size)
    mean = np.bincount(names[there], prominence[there], minlength=names.size) / np.maximum(length, 1)
    good = (length >= FEWEST) & (mean >= TONE_DB)
    kept = there & good[names]
    if not kept.any():
        return None
    own = np.zeros_like(energy)
    rows = np.broadcast_to(np.arange(len(energy))[:, None], bands.shape)
    beside = valley(energy, reach, rows, bands)
    for step in range(-int(reach.max()) + 1, int(reach.max())):
        at = bands + step
        used = kept & (abs(step) < reach) & (at >= 0) & (at < energy.shape[1])
        f, b = rows[used], at[used]
        own[f, b] = np.maximum(own[f, b], energy[f, b] - beside[used])
    own = np.maximum(own, 0)
    inside = np.ones((len(energy), 1))
    inside[: len(kit.inside), 0] = kit.inside[: len(energy)]
    amplitude = np.where(kept, np.sqrt(total / kit.gain / inside), 0.0)
    return Tones(hz, amplitude, np.where(kept[:-1], after, -1), own)


def _slope(position: Array, after: NDArray[np.intp]) -> Array:
    """Bands per frame (F, K) that a candidate moves to the next one, or from the last one."""
    step = np.zeros(position.shape)
    rows, places = np.nonzero(after >= 0)
    ends = after[rows, places]
    moved = np.abs(position[rows + 1, ends] - position[rows, places])
    step[rows, places] = moved
    np.maximum.at(step, (rows + 1, ends), moved)
    return step


def sound(tones: Tones, spec: FeatureSpec) -> Array:
    """The wave (F hops,) of the tones. They begin and end between two frames."""
    hop, rate = spec.hop, spec.sample_rate
    n_frames = len(tones.hz)
    rows, places = np.nonzero(tones.after >= 0)
    ends = tones.after[rows, places]
    # The first phase of a tone, then the turn since the frame before.
    number = np.arange(tones.hz.size, dtype=np.float64).reshape(tones.hz.shape)
    turn = 2 * np.pi * np.remainder(number * GOLDEN, 1)
    turn[rows + 1, ends] = np.pi * hop / rate * (tones.hz[rows, places] + tones.hz[rows + 1, ends])
    _, phase = _along(tones.after, turn)
    a0, a1 = tones.amplitude[rows, places], tones.amplitude[rows + 1, ends]
    w0, w1 = (2 * np.pi / rate * h for h in (tones.hz[rows, places], tones.hz[rows + 1, ends]))
    n = np.arange(hop, dtype=np.float32)
    # Phases modulo a turn keep single precision good.
    start = np.remainder(phase[rows, places], 2 * np.pi).astype(np.float32)[:, None]
    bent = ((w1 - w0) / (2 * hop)).astype(np.float32)[:, None]
    angle = start + (w0.astype(np.float32)[:, None] + bent * n) * n
    growth = ((a1 - a0) / hop).astype(np.float32)[:, None]
    pieces = (a0.astype(np.float32)[:, None] + growth * n) * np.sin(angle)
    out = np.zeros((n_frames, hop))
    if len(rows):
        frames, firsts = np.unique(rows, return_index=True)  # `rows` ascend
        out[frames] = np.add.reduceat(pieces, firsts, axis=0)
    return out.reshape(-1)


def _candidates(energy: Array, kit: Layout) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Places (F, K) of the loudest peaks that stand out from the bands beside them, and which there are."""
    n_bands = energy.shape[1]
    padded = np.pad(energy, ((0, 0), (1, 1)))
    peaks = (energy > padded[:, :-2]) & (energy >= padded[:, 2:])
    rows, columns = np.nonzero(peaks)
    beside = valley(energy, kit.reach, rows, columns)
    clear = energy[rows, columns] > 10 ** (CANDIDATE_DB / 10) * beside
    clear &= (columns >= kit.reach) & (columns < n_bands - kit.reach)  # both sides are known
    loud = np.zeros_like(energy)
    loud[rows[clear], columns[clear]] = energy[rows[clear], columns[clear]]
    k = min(PER_FRAME, n_bands)
    bands = np.sort(np.argpartition(-loud, k - 1, axis=1)[:, :k], axis=1)
    return bands, np.take_along_axis(loud, bands, axis=1) > 0


def _measured(
    energy: Array, bands: NDArray[np.intp], reach: NDArray[np.intp], there: NDArray[np.bool_], kit: Layout
) -> tuple[Array, Array, Array]:
    """Frequency in Hz, energy, and prominence in dB (F, K) of candidates that reach so many bands far."""
    rows = np.broadcast_to(np.arange(len(energy))[:, None], bands.shape)
    beside = valley(energy, reach, rows, bands)
    total, moment, all_of = np.zeros(bands.shape), np.zeros(bands.shape), np.zeros(bands.shape)
    for step in range(-int(reach.max()) + 1, int(reach.max())):
        at = bands + step
        used = there & (np.abs(step) < reach) & (at >= 0) & (at < energy.shape[1])
        at = np.clip(at, 0, energy.shape[1] - 1)
        own = np.where(used, energy[rows, at], 0.0)
        above = np.maximum(own - np.where(used, beside, 0.0), 0)
        total += above
        moment += above * kit.centres_hz[at]
        all_of += own
    safe = np.maximum(total, 1e-300)
    level = np.where(there, np.maximum(all_of, 1e-30) / np.maximum(beside * (2 * reach - 1), 1e-30), 1.0)
    return np.where(there, moment / safe, 0.0), total, 10 * np.log10(level)


def _links(position: Array, level: Array, there: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each candidate the place of the same tone in the next frame (F - 1, K), or -1."""
    distance = np.abs(position[:-1, :, None] - position[1:, None, :])
    far = (distance > FARTHEST) | ~there[:-1, :, None] | ~there[1:, None, :]
    distance = distance + PER_DB * np.abs(level[:-1, :, None] - level[1:, None, :])
    distance[far] = np.inf
    forth, back = distance.argmin(axis=2), distance.argmin(axis=1)  # (F - 1, K)
    mutual = np.take_along_axis(back, forth, axis=1) == np.arange(position.shape[1])
    mutual &= np.isfinite(distance.min(axis=2))
    return np.where(mutual, forth, -1)


def _along(after: NDArray[np.intp], values: NDArray[Any]) -> tuple[NDArray[np.intp], Array]:
    """For each candidate (F, K) a number that all linked ones share, and the sum of `values` up to it.

    Pointers to the candidate before are doubled: after n steps they reach 2^n frames back.
    """
    n_frames, k = values.shape
    first = np.arange(n_frames * k)
    before = np.full(n_frames * k + 1, n_frames * k)  # the last element stands for nothing
    rows, places = np.nonzero(after >= 0)
    before[(rows + 1) * k + after[rows, places]] = rows * k + places
    sums = np.append(values.ravel(), 0.0)
    names = np.append(first, n_frames * k)
    for _ in range(int(np.ceil(np.log2(max(2, n_frames))))):
        sums = sums + sums[before]
        names = np.where(before < n_frames * k, names[before], names)
        before = before[before]
    return names[:-1].reshape(values.shape), sums[:-1].reshape(values.shape)
