"""The box of an event: in which band and when its energy is, measured in its own spectrogram.

    box = measure(path, Request(48_000, None, start, stop, reach, others, stretch, top_hz=11_025.0))
    box.low_hz, box.high_hz, box.snr_db, box.start, box.stop
    boxes = measure_in_order(path, requests)      # of one file; sound that several need is analysed once

The scores of a model say that a call is somewhere in a window, and in the band that the model uses. A box
says where it is. Only the event and some seconds around it are read, at the native rate.

1. Power in pieces of time and frequency (`scan/box_sound.py`; some 130 bins over the band that the model
   uses: it can have used nothing above), smoothed over three by three.
2. Patches where the power is more than `ABOVE_DB` above the median of the sound around the event, without
   other events of its class. So steady tones and the slope of the noise are no part of a call.
3. Of these, patches that are clearer than what is usual: above the peak of their frequency in most
   stretches around that are as long. So pulses of another whale that come every few seconds are no part of a
   call. Where nothing is that clear, `OVER_MEDIAN_DB` above the median is. The box holds all but the outer
   `TAIL` of their excess, in decibels, on each side.
4. The SNR is the power of the signal over that of the background, both in the band of the box, in dB; of the
   signal in the shortest time that has 90 % of its energy. This is the definition that `datasets/simulate`
   places calls by (docs/explanation/soundscapes.md).

Medians are those of a regular sample of the columns around. A call may begin a little before the event of its
scores, so a box may reach over each end of the event by half a window, and at most to the middle between two
events. It depends on the scores only, and not on any threshold, nor on the events that are measured with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from finback.audio.addresses import Address
from finback.core.errors import AudioError
from finback.scan.box_sound import CELL, Floats, Grid, Piece, RollingSpectrogram, grid_of
from finback.scan.found_events import Box

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

VERSION = 2  # raised when the same event would get another box
COLUMNS = 12_000  # most of an event, and:
LONGEST_S = 120.0  # of a longer event, half of this at one end is measured, and its times stay
USUAL = 0.8  # of the stretches around the event have a lower peak
FEWEST_STRETCHES = 4
CLEAR_DB = 1.5  # above the usual peaks
OVER_MEDIAN_DB = 7.0  # where the usual peaks are as high as the event; noise is there one time in a thousand
ABOVE_DB = 5.0  # above the median: how far a call goes on from where it is clear
ENOUGH_DB = 6.0
MAIN_SHARE = 0.5  # of the size of the largest patch: others from here on are calls, or harmonics, too
SHARE = 0.1  # of it: others in the same band from here on
DEPTH_DB = 12.0  # below the peak of a frequency: a window that only touches a loud call holds it too
TAIL = 0.01  # of the excess on each of the four sides
ACTIVE_SHARE = 0.9
FEWEST_AROUND = 8  # columns of background
TOUCHING = np.ones((3, 3), bool)  # pieces that touch at a corner are one patch


@dataclass(frozen=True, slots=True)
class Request:
    """The event to measure: native samples of one channel of a file (None: the mean of all)."""

    sample_rate: int
    channel: int | None
    start: int
    stop: int
    reach: tuple[int, int]  # first sample and the sample after the last that the box may have
    others: tuple[tuple[int, int], ...]  # (start, stop) of events of the class near it
    stretch: tuple[int, int]  # of sound without a break, which the background may be taken from
    top_hz: float  # the highest frequency that the model uses

    @property
    def grid(self) -> Grid:
        """The columns that it is measured in."""
        return grid_of(self.sample_rate, self.top_hz, self.stretch)

    @property
    def around(self) -> tuple[int, int]:
        """The samples that its box depends on: `start` (included) to `stop` (excluded)."""
        around = self.grid.around(self.reach[1] - self.reach[0])
        return max(self.stretch[0], self.reach[0] - around), min(self.stretch[1], self.reach[1] + around)


def measure(path: str | Address, request: Request) -> Box:
    """The box of an event. Raises `AudioError` when its sound cannot be read."""
    (found,) = measure_in_order(path, [request])
    if isinstance(found, AudioError):
        raise found
    return found


def measure_in_order(path: str | Address, requests: Sequence[Request]) -> Iterator[Box | AudioError]:
    """The boxes of events of one file, or why there is none. Quick for events in the order of time."""
    sound: RollingSpectrogram | None = None
    for request in requests:
        part = _shortened(request)
        key = (part.channel, part.grid)
        if sound is None or (sound.channel, sound.grid) != key:
            sound = RollingSpectrogram(path, *key)
        try:
            box = _box(part, sound)
        except AudioError as error:
            yield error
            continue
        yield box if part is request else replace(box, start=request.start, stop=request.stop)


def _shortened(request: Request) -> Request:
    """Of a very long event, the part at one end with more sound beyond it to compare with."""
    longest = min(round(LONGEST_S * request.sample_rate), COLUMNS * request.grid.hop)
    if request.stop - request.start <= longest:
        return request
    (first, last), (low, high) = request.reach, request.stretch
    if first - low >= high - last:
        stop = request.start + longest // 2
        rest = (stop, last)  # is not its own background
        return replace(request, stop=stop, reach=(first, stop), others=(*request.others, rest))
    start = request.stop - longest // 2
    return replace(request, start=start, reach=(start, last), others=((first, start), *request.others))


@dataclass(frozen=True, eq=False, slots=True)
class _Background:
    """The sound around an event, without the event; and, if enough is left, without others of its class."""

    smooth: Floats  # (n, F) sampled columns
    power: Floats  # (n, F) the same as it is
    is_outside: bool  # of the event; else there is next to no sound around it
    peaks: Floats  # (n, F) of cells


def _box(request: Request, sound: RollingSpectrogram) -> Box:
    nothing, grid = Box(request.start, request.stop), sound.grid
    low, high = (grid.from_middle(sample) for sample in request.around)
    first, last = (grid.from_middle(sample) for sample in request.reach)
    core = slice(*(grid.from_middle(x) - first for x in (request.start, request.stop)))
    if core.start >= core.stop:
        return nothing
    pieces = sound.pieces(low, high)
    background = _background(request, grid, pieces, (low, high))
    own = [piece for piece in pieces if piece.first < last and first < piece.first + len(piece.power)]
    part = slice(first - own[0].first, last - own[0].first)
    smooth = np.concatenate([piece.smooth for piece in own])[part]
    found = _call(smooth, background, core)
    if found is None:
        return nothing
    time, bins = found
    power = np.concatenate([piece.power for piece in own])[part]
    start = max(request.reach[0], grid.middle(first + time.start) - grid.size // 4)
    stop = min(request.reach[1], grid.middle(first + time.stop - 1) + grid.size // 4)
    band = max(0.0, grid.hz(bins.start - 0.5)), min(grid.hz(bins.stop - 0.5), request.sample_rate / 2)
    snr = _snr_db(power[time, bins], background.power[:, bins]) if background.is_outside else None
    return Box(start, max(stop, start + 1), round(band[0], 2), round(band[1], 2), snr)


def _background(
    request: Request, grid: Grid, pieces: Sequence[Piece], columns: tuple[int, int]
) -> _Background:
    """The sound in columns from the first (included) to the last (excluded), without the event."""
    stride, at = grid.stride, pieces[0].first
    n = sum(len(piece.power) for piece in pieces)
    sampled = np.arange(at, at + n, stride)
    cells = np.arange(at, at + n, CELL)
    own, *others = [(grid.from_middle(a), grid.from_middle(b)) for a, b in (request.reach, *request.others)]
    is_in = (sampled >= columns[0]) & (sampled < columns[1])
    outside = is_in & _is_apart(sampled, 1, [own])
    quiet = outside & _is_apart(sampled, 1, others)
    chosen = next((each for each in (quiet, outside) if each.sum() >= FEWEST_AROUND), is_in)
    is_whole = (cells >= columns[0]) & (cells + CELL <= columns[1])
    away = is_whole & _is_apart(cells, CELL, [own])
    calm = away & _is_apart(cells, CELL, others)
    kept = next((each for each in (calm, away, is_whole) if each.any()), np.ones_like(is_whole))
    return _Background(
        np.concatenate([piece.smooth[::stride] for piece in pieces])[chosen],
        np.concatenate([piece.power[::stride] for piece in pieces])[chosen],
        chosen is not is_in,
        np.concatenate([piece.peaks for piece in pieces])[kept],
    )


def _is_apart(first: Ints, length: int, others: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which runs of columns, from `first` (n,) on, touch none of the others."""
    apart = np.ones(len(first), bool)
    for start, stop in others:
        apart[np.searchsorted(first, start - length, side="right") : np.searchsorted(first, stop)] = False
    return apart


def _call(smooth: Floats, background: _Background, core: slice) -> tuple[slice, slice] | None:
    """(columns, bins) of the call in the smoothed power (T, F) of an event; None when nothing stands out."""
    peak = smooth.max(axis=0)
    top = max(float(peak.max()), float(background.peaks.max()))
    silence = np.float32(max(top * 1e-12, 1e-30))  # digital silence around it
    usual = _median(background.smooth) + silence
    peaks = _usual_peaks(background.peaks, len(smooth)) + silence
    depth = peak * _ratio(-DEPTH_DB)
    is_above = smooth > np.maximum(usual * _ratio(ABOVE_DB), depth)
    busy = is_above.any(axis=1)
    columns = np.flatnonzero(busy | np.append(False, busy[:-1]))  # an empty one still parts two patches
    is_above = is_above[columns]
    patches, n = ndimage.label(is_above, structure=TOUCHING)
    places = np.flatnonzero(is_above)
    time, bins = columns[places // smooth.shape[1]], places % smooth.shape[1]
    patch = patches.ravel()[places]
    touches = np.zeros(n + 1, bool)
    touches[patch[(time >= core.start) & (time < core.stop)]] = True
    own = touches[patch]
    if not own.any():
        return None
    time, bins, patch = time[own], bins[own], (np.cumsum(touches) - 1)[patch[own]]
    power = smooth[time, bins]
    above = _db(power / usual[bins])
    clear = np.where(power > np.maximum(peaks * _ratio(CLEAR_DB), depth)[bins], _db(power / peaks[bins]), 0.0)
    kept = _kept(patch, bins, clear, smooth.shape[1])
    if not kept.any():
        kept = _kept(patch, bins, np.where(above > OVER_MEDIAN_DB, above, 0.0), smooth.shape[1])
    if not kept.any():
        return None
    time, bins, excess = time[kept], bins[kept], above[kept]
    return _bulk(time, excess, len(smooth)), _bulk(bins, excess, smooth.shape[1])


def _kept(patch: Ints, bins: Ints, clear: Doubles, n_bins: int) -> NDArray[np.bool_]:
    """Which points (N,), each of a patch and a bin, are of patches that make up the call.

    The size of a patch is its clear peak at each of its frequencies, up to `ENOUGH_DB`, added up. So a sweep
    is larger than a tone that is louder. Patches of half of the largest size or more count, and smaller ones
    down to `SHARE` in their band.
    """
    peaks = np.zeros((int(patch.max()) + 1, n_bins))
    np.maximum.at(peaks, (patch, bins), clear)
    rows = np.zeros(peaks.shape, bool)
    rows[patch, bins] = True
    size = np.minimum(peaks, ENOUGH_DB).sum(axis=1)
    band = rows[(size > 0) & (size >= MAIN_SHARE * size.max())].any(axis=0)
    kept = (size > 0) & (size >= SHARE * size.max()) & (rows & band).any(axis=1)
    return np.asarray(kept[patch])


def _usual_peaks(cells: Floats, columns: int) -> Floats:
    """(F,) the peak of each frequency in a usual stretch of so many columns, from peaks (n, F) of cells."""
    length = max(1, min(round(columns / CELL), len(cells) // FEWEST_STRETCHES))
    firsts = np.arange(0, len(cells) - length + 1, length)
    peaks = np.sort(np.maximum.reduceat(cells, firsts, axis=0), axis=0)
    place, part = divmod(USUAL * (len(peaks) - 1), 1)
    lower, higher = peaks[int(place)], peaks[min(int(place) + 1, len(peaks) - 1)]
    return np.asarray(lower + (higher - lower) * np.float32(part))


def _median(x: Floats) -> Floats:
    """(n, F) -> (F,); of an even number the upper of the two in the middle."""
    middle = len(x) // 2
    return np.asarray(np.partition(np.ascontiguousarray(x.T), middle, axis=1)[:, middle])


def _ratio(db: float) -> np.float32:
    return np.float32(10 ** (db / 10))


def _db(ratio: Floats) -> Doubles:
    return 10 * np.log10(ratio.astype(np.float64))


def _snr_db(own: Floats, around: Floats) -> float | None:
    """From the power (t, F) of a band in the box and (n, F) around it; None without sound around it."""
    if len(around) < FEWEST_AROUND:
        return None
    # The power of noise is exponential: its mean is its median over log 2, and calls hardly move a median.
    noise = float(_median(around).sum(dtype=np.float64)) / np.log(2)
    signal = np.sort(np.maximum(own.sum(axis=1, dtype=np.float64) - noise, 0.0))[::-1]
    energy = np.cumsum(signal)
    if noise <= 0 or energy[-1] <= 0:
        return None
    n = int(np.searchsorted(energy, ACTIVE_SHARE * energy[-1])) + 1
    return round(10 * float(np.log10(energy[n - 1] / n / noise)), 1)


def _bulk(places: Ints, excess: Doubles, n: int) -> slice:
    """Of n places, those with the excess, without its outer `TAIL` on each side: at most one mean one."""
    weight = np.bincount(places, excess, n).astype(np.float64)
    share = np.cumsum(weight) / weight.sum()
    tail = min(TAIL, 1 / np.count_nonzero(weight))
    last = min(int(np.searchsorted(share, 1 - tail)), n - 1)
    return slice(int(np.searchsorted(share, tail, side="right")), last + 1)
