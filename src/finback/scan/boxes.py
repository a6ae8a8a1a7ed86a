"""The box of an event: in which band and when its energy is, measured in its own spectrogram.

    box = measure(path, Request(48_000, None, start, stop, top_hz=11_025.0))
    box.low_hz, box.high_hz, box.snr_db, box.start, box.stop

The scores of a model say that a call is somewhere in a window, and in the band that the model hears. A box
says where it is. Only the event and some seconds around it are read, at the native rate.

1. Power in pieces of time and frequency (Hann windows; some 130 bins over the band that the model hears:
   it can have heard nothing above), smoothed over three by three.
2. Patches where the power is more than `ABOVE_DB` above the median of the sound around the event, without
   other events of its class. So steady tones and the slope of the noise are no part of a call.
3. Of these, patches that are clearer than what is usual: above the peak of their frequency in most
   stretches around that are as long. So pulses of another whale that come every few seconds are no part of a
   call. Where nothing is that clear, `OVER_MEDIAN_DB` above the median is. The box holds all but the outer
   `TAIL` of their excess, in decibels, on each side.
4. The SNR is the power of the signal over that of the background, both in the band of the box, in dB; of the
   signal in the shortest time that has 90 % of its energy. This is the definition that `datasets/simulate`
   places calls by (docs/explanation/soundscapes.md).

A call may begin a little before the event of its scores, so a box may reach over each end of the event by
half a window, and at most to the middle between two events. It depends on the scores only, and not on any
threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal.windows import hann

from finback.audio.io import blocks
from finback.scan.found_events import Box

Floats = NDArray[np.float64]

VERSION = 1  # raised when the same event would get another box
BINS = 128  # over the band of the model: a call that fills 5 % of the band has 6
OVERLAP = 4  # windows over each sample
FEWEST, MOST = 32, 1 << 18  # samples of a window
COLUMNS = 12_000  # most of a spectrogram; windows of a longer one overlap by half
AROUND_S = 15.0  # of background on each side, or less:
AROUND_COLUMNS = 4000
LONGEST_S = 120.0  # of a longer event, half of this at one end is measured, and its times stay
AROUND_WINDOWS = 40  # or as many windows, if that is longer
USUAL = 0.8  # of the stretches around the event have a lower peak
FEWEST_STRETCHES = 4
CLEAR_DB = 1.5  # above the usual peaks
OVER_MEDIAN_DB = 7.0  # where the usual peaks are as high as the event; noise is there one time in a thousand
ABOVE_DB = 5.0  # above the median: how far a call goes on from where it is clear
ENOUGH_DB = 6.0
MAIN_SHARE = 0.5  # of the size of the largest patch: others from here on are calls, or harmonics, too
SHARE = 0.1  # of it: others in the same band from here on
DEPTH_DB = 12.0  # below the peak of a frequency: a window that only touches a loud call hears it too
TAIL = 0.01  # of the excess on each of the four sides
ACTIVE_SHARE = 0.9
FEWEST_AROUND = 8  # columns of background
BLOCK = 1 << 18  # samples in memory


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
    top_hz: float  # the highest frequency that the model hears


def measure(path: str, request: Request) -> Box:
    """The box of an event. Raises `AudioError` when its sound cannot be read."""
    size = _window(request.sample_rate, request.top_hz)
    longest = min(round(LONGEST_S * request.sample_rate), COLUMNS * size // 2)
    if request.stop - request.start <= longest:
        return _measured(path, request, size)
    (first, last), (low, high) = request.reach, request.stretch
    if first - low >= high - last:  # more sound before it to compare with than after it
        stop = request.start + longest // 2
        part = replace(request, stop=stop, reach=(first, stop), stretch=(low, stop))
    else:
        start = request.stop - longest // 2
        part = replace(request, start=start, reach=(start, last), stretch=(start, high))
    return replace(_measured(path, part, size), start=request.start, stop=request.stop)


def _measured(path: str, request: Request, size: int) -> Box:
    """The box of an event, from windows of `size` samples."""
    rate = request.sample_rate
    around = max(min(round(AROUND_S * rate), AROUND_COLUMNS * size // OVERLAP), AROUND_WINDOWS * size)
    first = max(request.stretch[0], request.reach[0] - around)
    last = min(request.stretch[1], request.reach[1] + around)
    hop = size // OVERLAP if last - first <= COLUMNS * size // OVERLAP else size // 2
    bins = np.arange(1, min(size // 2, int(request.top_hz * size / rate) + 1) + 1)  # not 0 Hz
    power = _spectrogram(path, request.channel, (first, last), (size, hop), bins)
    frequency = bins * rate / size
    middle = first + np.arange(power.shape[1]) * hop + size // 2
    nothing = Box(request.start, request.stop)
    return _box(request, power, (frequency, middle), hop) if power.size else nothing


def _box(request: Request, power: Floats, axes: tuple[Floats, NDArray[np.int64]], hop: int) -> Box:
    """The box from the power (F, T) at frequencies (F,) in Hz and times (T,) in samples."""
    frequency, middle = axes
    nothing = Box(request.start, request.stop)
    inside = (middle >= request.reach[0]) & (middle < request.reach[1])
    core = ((middle >= request.start) & (middle < request.stop))[inside]
    if not core.any():
        return nothing
    smooth = ndimage.uniform_filter(power, 3, mode="nearest")
    outside = ~inside
    quiet = outside.copy()
    for start, stop in request.others:
        quiet &= (middle < start) | (middle >= stop)
    quiet = next((q for q in (quiet, outside) if q.sum() >= FEWEST_AROUND), np.ones_like(inside))
    above = _excess_db(smooth, inside, np.median(smooth[:, quiet], axis=1), ABOVE_DB)
    clear = _excess_db(smooth, inside, _usual_peaks(smooth[:, quiet], int(inside.sum())), CLEAR_DB)
    excess = _call(above, clear, core)
    if not excess.any():
        excess = _call(above, np.where(above > OVER_MEDIAN_DB, above, 0.0), core)
    if not excess.any():
        return nothing
    low, high = _bulk(excess.sum(axis=1))
    one, other = _bulk(excess.sum(axis=0))
    steps = np.flatnonzero(inside)
    start = max(request.reach[0], int(middle[steps[one]]) - hop)
    stop = min(request.reach[1], int(middle[steps[other]]) + hop)
    snr = _snr_db(
        power[low : high + 1, steps[one] : steps[other] + 1], power[low : high + 1, outside & quiet]
    )
    half = float(frequency[1] - frequency[0]) / 2 if len(frequency) > 1 else 0.0
    top = request.sample_rate / 2
    band = max(0.0, float(frequency[low]) - half), min(float(frequency[high]) + half, top)
    return Box(start, max(stop, start + 1), round(band[0], 2), round(band[1], 2), snr)


def _usual_peaks(power: Floats, length: int) -> Floats:
    """(F,) the peak of each frequency in a usual stretch of `length` columns, from power (F, T) around it."""
    length = max(1, min(length, power.shape[1] // FEWEST_STRETCHES))
    firsts = np.arange(0, power.shape[1] - length + 1, length)
    return np.quantile(np.maximum.reduceat(power, firsts, axis=1), USUAL, axis=1)


def _excess_db(power: Floats, inside: NDArray[np.bool_], usual: Floats, clear_db: float) -> Floats:
    """(F, t) how far the power inside is above what is usual, in dB; 0 where that is not clear."""
    usual = usual + max(float(power.max()) * 1e-12, np.finfo(np.float64).tiny)  # digital silence around it
    excess = 10 * np.log10(np.maximum(power[:, inside] / usual[:, None], 1e-12))
    peak = excess.max(axis=1, keepdims=True)
    return np.where(excess > np.maximum(clear_db, peak - DEPTH_DB), excess, 0.0)


def _snr_db(own: Floats, around: Floats) -> float | None:
    """From the power (F, t) of a band in the box and (F, T) around it; None without sound around it."""
    if around.shape[1] < FEWEST_AROUND:
        return None
    # The power of noise is exponential: its mean is its median over log 2, and calls hardly move a median.
    noise = float(np.median(around, axis=1).sum()) / np.log(2)
    signal = np.sort(np.maximum(own.sum(axis=0) - noise, 0.0))[::-1]
    energy = np.cumsum(signal)
    if noise <= 0 or energy[-1] <= 0:
        return None
    n = int(np.searchsorted(energy, ACTIVE_SHARE * energy[-1])) + 1
    return round(10 * float(np.log10(energy[n - 1] / n / noise)), 1)


def _window(rate: int, top_hz: float) -> int:
    """Samples of a window, a power of two: `BINS` frequencies up to the top of the band or more."""
    wanted = BINS * rate / min(top_hz, rate / 2)
    return int(np.clip(1 << round(float(np.log2(wanted))), FEWEST, MOST))


def _spectrogram(
    path: str, channel: int | None, span: tuple[int, int], window: tuple[int, int], bins: NDArray[np.int64]
) -> Floats:
    """(F, T) power at F bins of Hann windows; the sound is read in blocks."""
    shape = hann(window[0], sym=False)
    power = [np.zeros((0, len(bins)))]
    for frames in _frames(path, channel, span, window):
        power.append(np.abs(np.fft.rfft(frames * shape, axis=1)[:, bins]) ** 2)
    return np.ascontiguousarray(np.concatenate(power).T)


def _frames(
    path: str, channel: int | None, span: tuple[int, int], window: tuple[int, int]
) -> Iterator[Floats]:
    """(n, size) windows of a span, every hop samples; a span shorter than a window gives none."""
    size, hop = window
    kept = np.zeros(0)
    skip = 0  # samples before the next window that were not read yet
    for block in blocks(path, BLOCK, *span, channel):
        kept = np.concatenate([kept, block.astype(np.float64)])
        drop = min(skip, len(kept))
        kept, skip = kept[drop:], skip - drop
        n = (len(kept) - size) // hop + 1
        if n > 0:
            yield np.lib.stride_tricks.sliding_window_view(kept, size)[: (n - 1) * hop + 1 : hop]
            used = n * hop
            skip = max(0, used - len(kept))
            kept = kept[used:].copy()


def _call(above: Floats, clear: Floats, core: NDArray[np.bool_]) -> Floats:
    """Of `above` (F, T), the patches that make up the call. Pieces that touch at a corner are one patch.

    They are also in the core (T,). The size of a patch is its clear peak at each of its frequencies, up to
    `ENOUGH_DB`, added up. So a sweep is larger than a tone that is louder. Patches of half of the largest
    size or more count, and smaller ones down to `SHARE` in their band.
    """
    patches, n = ndimage.label(above > 0, structure=np.ones((3, 3)))
    size, rows = np.zeros(n + 1), np.zeros((n + 1, len(above)), bool)
    for i, place in enumerate(ndimage.find_objects(patches), 1):
        is_own = patches[place] == i
        if is_own[:, core[place[1]]].any():
            peaks = np.where(is_own, clear[place], 0.0).max(axis=1)
            size[i] = np.minimum(peaks, ENOUGH_DB).sum()
            rows[i, place[0]] = is_own.any(axis=1)
    band = rows[(size > 0) & (size >= MAIN_SHARE * size.max())].any(axis=0)
    kept = (size > 0) & (size >= SHARE * size.max()) & (rows & band).any(axis=1)
    return np.where(kept[patches], above, 0.0)


def _bulk(weight: Floats) -> tuple[int, int]:
    """First and last index without the outer `TAIL` of the weight on each side, at most one mean one."""
    share = np.cumsum(weight) / weight.sum()
    tail = min(TAIL, 1 / np.count_nonzero(weight))
    last = int(np.searchsorted(share, 1 - tail))
    return int(np.searchsorted(share, tail, side="right")), min(last, len(weight) - 1)
