"""Contours of tones: peaks of the spectrogram, linked from frame to frame.

A peak is a local maximum over frequency, above the background and above its neighbours, so that neither noise
nor a click is one. A track goes on with the nearest peak to where its slope leads (McAulay and Quatieri 1986,
with prediction), and bridges two missing frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, median_filter

from finback.models.networks.calls.grid import Array, Grid, decibels
from finback.models.networks.calls.sounds import Contour

OVER_FLOOR_DB, OVER_NEIGHBOURS_DB = 7.0, 7.0  # of a peak
TRACK_DB, SHORT_TRACK_DB = 9.0, 13.0  # median over the floor; of a short track
CLEAR_DB, SHORT_CLEAR_DB = 8.5, 10.0  # median over the neighbours: in noise, peaks follow peaks by chance
SHORTEST, SHORT = 5, 8  # frames
ENOUGH = 0.7  # share of a contour that others hold already
GAP = 3  # frames without a peak after which a track ends
LOBE = 3  # bins to each side of a peak that hold the energy of its tone


@dataclass
class Track:
    """A contour while it is followed: places in bins, slope in bins per frame, level over the floor."""

    frames: list[int]
    bins: list[float]
    level: float
    slope: float = 0.0

    def reach(self, frame: int) -> tuple[float, float]:
        """(place where the track should be at a frame, distance of a peak that may continue it), in bins."""
        place = self.bins[-1] + self.slope * (frame - self.frames[-1])
        return place, 2.2 + 0.5 * abs(self.slope) + 0.01 * place

    def add(self, frame: int, place: float, level: float) -> None:
        """Continue the track."""
        step = (place - self.bins[-1]) / (frame - self.frames[-1])
        self.slope = 0.5 * self.slope + 0.5 * step if len(self.frames) > 1 else 0.7 * step
        self.frames.append(frame)
        self.bins.append(place)
        self.level = 0.7 * self.level + 0.3 * level


@dataclass
class Tracks:
    """Those that go on, and those that ended."""

    live: list[Track] = field(default_factory=list)
    ended: list[Track] = field(default_factory=list)

    def step(self, frame: int, places: Array, levels: Array) -> None:
        """Give each peak of a frame to the loudest track in reach, or begin a track with it."""
        used = np.zeros(len(places), dtype=bool)
        going: list[Track] = []
        for track in sorted(self.live, key=lambda track: -track.level):
            expected, reach = track.reach(frame)
            away = np.where(used, np.inf, np.abs(places - expected))
            if len(away) and away.min() < reach:
                nearest = int(away.argmin())
                used[nearest] = True
                track.add(frame, float(places[nearest]), float(levels[nearest]))
                going.append(track)
            else:
                (going if frame - track.frames[-1] < GAP else self.ended).append(track)
        begun = [Track([frame], [float(places[j])], float(levels[j])) for j in np.flatnonzero(~used)]
        self.live = going + begun


def contours(x: Array, spectrogram: Array, floor_db: Array, grid: Grid) -> list[Contour]:
    """Samples (n,), their power (bins, frames), the background (bins,) dB -> contours, by frames of the clip.

    A steep sweep is a line only with a short window, and harmonics are apart only with a long one. Tones are
    followed with both; of two contours of one tone the longer one is kept.
    """
    fine = Grid(grid.rate, grid.window // 2)
    short = followed(fine.power(x), floor_db[::2], fine)
    halved = [_on_frames(c) for c in short]
    found = followed(spectrogram, floor_db, grid)
    bin_hz = grid.rate / grid.window
    for c in sorted((c for c in halved if len(c) >= SHORTEST), key=len, reverse=True):
        others = [o for o in found if _shared(c, o, 3 * bin_hz) > 0]
        if sum(_shared(c, o, 3 * bin_hz) for o in others) > ENOUGH * len(c):
            continue
        found = [o for o in found if _shared(c, o, 3 * bin_hz) <= len(o) / 2]
        found.append(c)
    return found


def _on_frames(c: Contour) -> Contour:
    """A contour with half the hop -> the same on every other frame."""
    first = c.start % 2
    return Contour((c.start + first) // 2, c.frequency_hz[first::2], c.level_db[first::2])


def _shared(c: Contour, other: Contour, hz: float) -> int:
    """Number of frames in which two contours are at most so far apart."""
    low, high = max(c.start, other.start), min(c.start + len(c), other.start + len(other))
    if high <= low:
        return 0
    a = c.frequency_hz[low - c.start : high - c.start]
    b = other.frequency_hz[low - other.start : high - other.start]
    return int((np.abs(a - b) < hz).sum())


def followed(spectrogram: Array, floor_db: Array, grid: Grid) -> list[Contour]:
    """Power (bins, frames) and the background (bins,) dB -> contours with one window."""
    level = decibels(spectrogram)
    over = level - floor_db[:, None]
    clear = level - median_filter(level, size=(21, 1), mode="nearest")
    peaks = (
        (level >= maximum_filter1d(level, 5, axis=0)) & (over > OVER_FLOOR_DB) & (clear > OVER_NEIGHBOURS_DB)
    )
    peaks[:3] = peaks[-2:] = False
    tracks = Tracks()
    for frame in range(level.shape[1]):
        k = np.flatnonzero(peaks[:, frame])
        tracks.step(frame, _refined(level[:, frame], k), over[k, frame])
    energy = np.cumsum(np.pad(spectrogram - 10 ** (floor_db[:, None] / 10), ((1, 0), (0, 0))), axis=0)
    long = [t for t in (*tracks.ended, *tracks.live) if _is_tone(t, over, clear)]
    return [_contour(track, energy, floor_db, grid) for track in long]


def _is_tone(track: Track, over: Array, clear: Array) -> bool:
    """Whether a track is long and strong enough."""
    if len(track.frames) < SHORTEST:
        return False
    at = (np.rint(track.bins).astype(np.intp), np.array(track.frames))
    long = track.frames[-1] - track.frames[0] + 1 >= SHORT
    level, neighbours = (TRACK_DB, CLEAR_DB) if long else (SHORT_TRACK_DB, SHORT_CLEAR_DB)
    return bool(np.median(over[at]) >= level and np.median(clear[at]) >= neighbours)


def _refined(level: Array, k: NDArray[np.intp]) -> Array:
    """Peaks between bins, by a parabola through three levels in dB."""
    a, b, c = level[k - 1], level[k], level[k + 1]
    out: Array = k.astype(np.float64) + np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9), -0.5, 0.5)
    return out


def _contour(track: Track, energy: Array, floor_db: Array, grid: Grid) -> Contour:
    """The contour of a track. `energy` (bins + 1, frames): running sum over the bins, without the floor."""
    t = np.arange(track.frames[0], track.frames[-1] + 1)
    place = np.interp(t, track.frames, track.bins)
    k = np.rint(place).astype(np.intp)
    low, high = np.maximum(k - LOBE, 0), np.minimum(k + LOBE + 1, len(floor_db))
    lobe = np.maximum(energy[high, t] - energy[low, t], 10 ** (floor_db[k] / 10))
    # A sine of amplitude a has a^2 / 4 times the window length in its lobe, also when it sweeps.
    amplitude = 2 * np.sqrt(lobe / grid.window)
    smooth = gaussian_filter1d(np.stack([place * grid.rate / grid.window, amplitude]), 1.0, mode="nearest")
    return Contour(int(t[0]), smooth[0], 20 * np.log10(smooth[1]))
