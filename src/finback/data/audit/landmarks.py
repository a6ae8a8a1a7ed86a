"""Spectrogram landmarks: a fast search, among thousands of clips, for clips that may have the same sound.

The peaks of a spectrogram keep their places when a sound is scaled, resampled, cut or mixed with noise. A
landmark is a pair of peaks: frequency of the first, difference in frequency, difference in time. The
landmarks of a clip are looked up in a table of all clips; if two clips share sound, many landmarks agree on
one offset between them (Wang 2003, "An industrial-strength audio search algorithm", ISMIR). Peaks are local
maxima and not the N largest values, so a copy without its upper band keeps the landmarks below. Some
agreements are chance; `phase_match` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

N_FFT, HOP = 256, 64  # 32 ms and 8 ms at 8 kHz
PEAK_FRAMES, PEAK_BINS = 5, 4  # a peak is the maximum within so many frames and bins on each side
MAX_FRAMES, MAX_BINS, FAN = 40, 24, 6  # a peak is paired with the next FAN peaks within these distances
SHIFTS = (0, HOP // 2)  # a query is framed twice, because a copy may start between two frames
# Two unrelated long clips agree on up to 5 landmarks by chance; a short clip has fewer landmarks altogether.
MIN_AGREEING, SHORT_AGREEING, SHORT = 6, 4, 300
QUERY_LANDMARKS = 3000  # largest number that is looked up, evenly spread; the shorter clip is the query
OFFSETS = 1 << 20  # more than the number of frames of a clip of two hours


@dataclass(frozen=True)
class Landmarks:
    """Hashes (L,) int32 of the landmarks, and the frames (L,) int32 in which they start."""

    hashes: NDArray[np.int32]
    frames: NDArray[np.int32]


@dataclass(frozen=True)
class Candidate:
    """Clip `query` may begin `lag` samples into clip `other` (negative: before it)."""

    query: int
    other: int
    lag: int
    agreeing: int  # number of landmarks that agree on this offset


def landmarks(wave: np.ndarray, top: float, shift: int = 0) -> Landmarks:
    """Landmarks of samples (n,), without the first `shift` samples; `top`: part of the band that is used, 0
    to 1."""
    spectrum = _log_spectrum(wave[shift:])
    used = spectrum[
        :, 2 : max(int(top * spectrum.shape[1]), 3)
    ]  # without the two lowest bins, into which an offset leaks
    largest = maximum_filter(
        used, size=(2 * PEAK_FRAMES + 1, 2 * PEAK_BINS + 1), mode="constant", cval=-np.inf
    )
    frame, freq = np.nonzero(
        (used == largest) & (used > used.max(initial=-np.inf) - 9.2)
    )  # 9.2 nepers are 80 dB
    hashes, frames, rank = [], [], np.zeros(len(frame), dtype=np.int64)
    for ahead in range(1, min(len(frame), 40)):
        step, rise = frame[ahead:] - frame[:-ahead], freq[ahead:] - freq[:-ahead]
        near = np.flatnonzero(
            (step > 0) & (step <= MAX_FRAMES) & (np.abs(rise) <= MAX_BINS) & (rank[:-ahead] < FAN)
        )
        rank[near] += 1
        hashes.append((freq[near] << 12) | ((rise[near] + MAX_BINS) << 6) | step[near])
        frames.append(frame[near])
    if not hashes:
        return Landmarks(np.zeros(0, np.int32), np.zeros(0, np.int32))
    return Landmarks(np.concatenate(hashes).astype(np.int32), np.concatenate(frames).astype(np.int32))


def _log_spectrum(wave: np.ndarray) -> NDArray[np.float32]:
    """Natural logarithms of the magnitudes (frames, bins) of samples (n,)."""
    x = np.asarray(wave, dtype=np.float32)
    if len(x) < N_FFT:
        x = np.pad(x, (0, N_FFT - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, N_FFT)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1))
    return np.log(spectrum + np.float32(1e-9)).astype(np.float32)


class Index:
    """The landmarks of all clips, sorted by hash. Clips are numbered by length, the shortest first."""

    def __init__(self, landmarks: Sequence[Landmarks]) -> None:
        sizes = [len(one.hashes) for one in landmarks]
        hashes = np.concatenate([one.hashes for one in landmarks]) if landmarks else np.zeros(0, np.int32)
        order = np.argsort(hashes, kind="stable")
        self.hashes = hashes[order]
        self.clip = np.repeat(np.arange(len(landmarks), dtype=np.int32), sizes)[order]
        self.frames = np.concatenate([one.frames for one in landmarks])[order] if landmarks else hashes
        n_distinct = 1 + int(np.count_nonzero(np.diff(self.hashes))) if len(hashes) else 1
        # Landmarks that occur everywhere (a hum, a steady line) carry no information and cost the most time.
        self.common = 64 + 4 * len(hashes) // n_distinct

    def candidates(self, query: int, landmarks: Sequence[Landmarks], limit: int = 4) -> list[Candidate]:
        """At most `limit` longer clips with the most agreeing landmarks; `landmarks` of clip `query` for each
        shift of `SHIFTS`."""
        best: dict[int, Candidate] = {}
        for shift, one in zip(SHIFTS, landmarks, strict=True):
            pick = slice(None, None, -(-len(one.hashes) // QUERY_LANDMARKS) or 1)
            for other, offset, agreeing in self._agreeing(query, one.hashes[pick], one.frames[pick]):
                if other not in best or agreeing > best[other].agreeing:
                    best[other] = Candidate(query, other, offset * HOP - shift, agreeing)
        return sorted(best.values(), key=lambda c: (-c.agreeing, c.other))[:limit]

    def _agreeing(self, query: int, hashes: np.ndarray, frames: np.ndarray) -> list[tuple[int, int, int]]:
        """(clip, offset in frames, number of agreeing landmarks): the best offset of each clip that has
        enough."""
        first = np.searchsorted(self.hashes, hashes, "left")
        count = np.searchsorted(self.hashes, hashes, "right") - first
        count[count > self.common] = 0
        total = int(count.sum())
        if not total:
            return []
        at = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(total)
        longer = self.clip[at] > query
        at, start = at[longer], np.repeat(frames, count)[longer]
        keys = self.clip[at].astype(np.int64) * OFFSETS + (self.frames[at] - start + OFFSETS // 2)
        keys, agreeing = np.unique(keys, return_counts=True)
        # The landmarks of a copy that starts between two frames spread over two neighbouring offsets.
        both = agreeing.copy()
        both[1:] += np.where(np.diff(keys) == 1, agreeing[:-1], 0)
        found = np.flatnonzero(both >= (SHORT_AGREEING if len(hashes) < SHORT else MIN_AGREEING))
        order = found[np.lexsort((-both[found], keys[found] // OFFSETS))]
        clip = keys[order] // OFFSETS
        keep = order[np.concatenate([[True], np.diff(clip) > 0])] if len(order) else order
        rows = zip(keys[keep].tolist(), both[keep].tolist(), strict=True)
        return [(key // OFFSETS, key % OFFSETS - OFFSETS // 2, n) for key, n in rows]
