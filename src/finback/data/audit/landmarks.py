"""Finding, among thousands of clips, the few that may hold the same sound: spectrogram landmarks.

Peaks of the spectrogram stay where they are when a sound is scaled, resampled, cut or mixed with noise, so
pairs of peaks (frequency of the first, step in frequency, step in time) are looked up in a table of all
clips, and a shared sound shows as many pairs agreeing on one offset between two clips: Wang 2003, "An
industrial-strength audio search algorithm", ISMIR. Peaks are local maxima, not the N largest, so a copy that
lost its upper band keeps the landmarks below it. Chance agreements are let through: `coherence` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

N_FFT, HOP = 256, 64  # 32 ms and 8 ms at 8 kHz
PEAK_FRAMES, PEAK_BINS = 5, 4  # a peak is the largest within so much on each side
MAX_FRAMES, MAX_BINS, FAN = 40, 24, 6  # a peak is paired with the next FAN peaks within that reach
SHIFTS = (0, HOP // 2)  # a query is cut into frames twice, since copies do not start on our frames
# Chance reaches 5 between most pairs of long clips; a short one has fewer landmarks, in truth and by chance.
MIN_AGREEING, SHORT_AGREEING, SHORT = 6, 4, 300
QUERY_LANDMARKS = 3000  # of a long clip, evenly spread; the shorter of two clips asks
OFFSETS = 1 << 20  # frames; a clip of two hours has fewer


@dataclass(frozen=True)
class Landmarks:
    """Hashes (L,) int32 and the frames (L,) int32 they start in."""

    hashes: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class Candidate:
    """Clip `query` may begin `lag` samples into clip `other` (negative: before it)."""

    query: int
    other: int
    lag: int
    agreeing: int  # landmarks that say so


def landmarks(wave: np.ndarray, top: float, shift: int = 0) -> Landmarks:
    """Landmarks of samples (n,), first frame `shift` samples in; `top`: part of the band in use, 0 to 1."""
    spectrum = _log_spectrum(wave[shift:])
    used = spectrum[:, 2 : max(int(top * spectrum.shape[1]), 3)]  # below two bins lies the offset's skirt
    largest = maximum_filter(
        used, size=(2 * PEAK_FRAMES + 1, 2 * PEAK_BINS + 1), mode="constant", cval=-np.inf
    )
    frame, freq = np.nonzero((used == largest) & (used > used.max(initial=-np.inf) - 9.2))  # 80 dB in nepers
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


def _log_spectrum(wave: np.ndarray) -> np.ndarray:
    """Log magnitudes (frames, bins) float32."""
    x = np.asarray(wave, dtype=np.float32)
    if len(x) < N_FFT:
        x = np.pad(x, (0, N_FFT - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, N_FFT)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1))
    return np.log(spectrum + np.float32(1e-9)).astype(np.float32)


class Index:
    """All landmarks of all clips, sorted by hash. Clips are numbered by length, the shortest first."""

    def __init__(self, marks: Sequence[Landmarks]) -> None:
        sizes = [len(m.hashes) for m in marks]
        hashes = np.concatenate([m.hashes for m in marks]) if marks else np.zeros(0, np.int32)
        order = np.argsort(hashes, kind="stable")
        self.hashes = hashes[order]
        self.clip = np.repeat(np.arange(len(marks), dtype=np.int32), sizes)[order]
        self.frames = np.concatenate([m.frames for m in marks])[order] if marks else hashes
        n_distinct = 1 + int(np.count_nonzero(np.diff(self.hashes))) if len(hashes) else 1
        # Landmarks that stand everywhere (a hum, a steady line) tell nothing and cost the most.
        self.common = 64 + 4 * len(hashes) // n_distinct

    def candidates(self, query: int, marks: Sequence[Landmarks], limit: int = 4) -> list[Candidate]:
        """The `limit` longer clips that most landmarks of clip `query` agree on; `marks` as of `SHIFTS`."""
        best: dict[int, Candidate] = {}
        for shift, mark in zip(SHIFTS, marks, strict=True):
            pick = slice(None, None, -(-len(mark.hashes) // QUERY_LANDMARKS) or 1)
            for other, offset, agreeing in self._agreeing(query, mark.hashes[pick], mark.frames[pick]):
                if other not in best or agreeing > best[other].agreeing:
                    best[other] = Candidate(query, other, offset * HOP - shift, agreeing)
        return sorted(best.values(), key=lambda c: (-c.agreeing, c.other))[:limit]

    def _agreeing(self, query: int, hashes: np.ndarray, frames: np.ndarray) -> list[tuple[int, int, int]]:
        """(clip, offset in frames, landmarks agreeing on it): the best offset of each clip with enough."""
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
        # A copy that lies between two frames spreads over two neighbouring offsets.
        both = agreeing.copy()
        both[1:] += np.where(np.diff(keys) == 1, agreeing[:-1], 0)
        found = np.flatnonzero(both >= (SHORT_AGREEING if len(hashes) < SHORT else MIN_AGREEING))
        order = found[np.lexsort((-both[found], keys[found] // OFFSETS))]
        clip = keys[order] // OFFSETS
        keep = order[np.concatenate([[True], np.diff(clip) > 0])] if len(order) else order
        rows = zip(keys[keep].tolist(), both[keep].tolist(), strict=True)
        return [(key // OFFSETS, key % OFFSETS - OFFSETS // 2, n) for key, n in rows]
