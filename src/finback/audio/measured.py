"""What a sound is like, measured while it is read: silence, clipping, and its spectrum.

    heard = Measured(samples)         # stands for the samples wherever they are read
    ...                               # windows are read through it, in order
    heard.sound.silent_share, heard.sound.high_hz

Each sample counts once, however often it is read, and memory is that of a spectrum. Samples are those that a
classifier gets: one channel, or the mean of all.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from finback.audio.faults import BLOCK_S, Fault, faults_of
from finback.audio.level import SILENCE
from finback.audio.samples import Samples

SEGMENT = 4096  # samples of a spectrum: 12 Hz at 48 kHz
FLOOR_DB = 70.0  # below the strongest part of a spectrum a recording has nothing: 12 bits are 72 dB
SMOOTH = 9  # bins
LOW, HIGH = 0.05, 0.95  # of the energy
PIECE_S = 3.0  # of a sound that is read for its measures alone
LONGEST = 1 << 22  # samples at once


@dataclass
class Sound:
    """Sums over the samples of a sound so far."""

    sample_rate: int  # Hz
    n_samples: int = 0
    n_silent: int = 0  # in blocks of 2.5 ms whose samples are all equal
    n_clipped: int = 0  # in pieces of which much is at full scale
    peak: float = 0.0  # largest distance from the mean of a piece, full scale 1
    power: NDArray[np.float64] = field(default_factory=lambda: np.zeros(SEGMENT // 2 + 1))

    def add(self, x: NDArray[np.float32]) -> None:
        """The next samples (n,), some seconds of them at most."""
        if not len(x):
            return
        self.n_samples += len(x)
        if faults_of(x, self.sample_rate) & Fault.CLIPPED:
            self.n_clipped += len(x)
        size = max(2, round(BLOCK_S * self.sample_rate))
        whole = len(x) // size * size
        flat = np.ptp(x[:whole].reshape(-1, size), axis=1) < SILENCE
        self.n_silent += size * int(np.count_nonzero(flat))
        if whole < len(x) and np.ptp(x[whole:]) < SILENCE:
            self.n_silent += len(x) - whole
        x = x - np.float32(x.mean(dtype=np.float64))
        self.peak = max(self.peak, float(np.abs(x).max()))
        for at in range(0, len(x), SEGMENT):
            piece = x[at : at + SEGMENT]
            window = np.hanning(len(piece) + 2)[1:-1].astype(np.float32)
            spectrum = rfft((piece - piece.mean()) * window, SEGMENT)
            self.power += np.square(np.abs(spectrum), dtype=np.float64)

    @property
    def silent_share(self) -> float:
        """Share of the samples in blocks without any change."""
        return self.n_silent / self.n_samples if self.n_samples else 1.0

    @property
    def clipped_share(self) -> float:
        """Share of the samples in pieces that are clipped."""
        return self.n_clipped / self.n_samples if self.n_samples else 0.0

    @property
    def nyquist_hz(self) -> float:
        """Half the sample rate."""
        return self.sample_rate / 2

    @property
    def low_hz(self) -> float:
        """5 % of the energy are below it; 0 for a sound without any."""
        return self._below(LOW)

    @property
    def high_hz(self) -> float:
        """95 % of the energy are below it; 0 for a sound without any."""
        return self._below(HIGH)

    def _below(self, share: float) -> float:
        if not self._sounds:
            return 0.0
        shares = np.cumsum(self.power) / self.power.sum()
        return float(np.searchsorted(shares, share)) * self.sample_rate / SEGMENT

    @property
    def end_hz(self) -> float:
        """Above it there is nothing: a recorder or a filter let no more through; 0 without a sound."""
        if not self._sounds:
            return 0.0
        smooth = np.convolve(self.power, np.ones(SMOOTH) / SMOOTH, mode="same")
        loud = np.flatnonzero(smooth >= smooth.max() * 10 ** (-FLOOR_DB / 10))
        return float(loud[-1]) * self.sample_rate / SEGMENT

    def share_above(self, hz: float) -> float:
        """Share of the energy above a frequency."""
        if not self._sounds:
            return 0.0
        first = int(np.ceil(hz * SEGMENT / self.sample_rate))
        return float(self.power[first:].sum() / self.power.sum())

    @property
    def _sounds(self) -> bool:
        return self.peak >= SILENCE and bool(self.power.any())


class Measured:
    """Samples that are measured when they are read for the first time; otherwise as they are.

    Those before `start` and from `stop` on (None: the end) are not measured.
    """

    def __init__(self, samples: Samples, start: int = 0, stop: int | None = None) -> None:
        self._samples = samples
        self._next, self._stop = start, stop
        self.sample_rate = samples.sample_rate
        self.key: Hashable = samples.key
        self.name = samples.name
        self.sound = Sound(samples.sample_rate)

    @property
    def n_samples(self) -> int:
        """As of the samples themselves."""
        return self._samples.n_samples

    def reaches(self, stop: int) -> bool:
        """As of the samples themselves."""
        return self._samples.reaches(stop)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """The same samples; new ones are measured."""
        x = self._samples.read(start, stop)
        first, last = max(start, self._next), stop if self._stop is None else min(stop, self._stop)
        if first < last:
            self.sound.add(x[first - start : last - start])
            self._next = last
        return x

    def forget(self, before: int) -> None:
        """As of the samples themselves."""
        self._samples.forget(before)


def measured(samples: Samples, start: int, stop: int) -> Sound:
    """The samples `start` to `stop` measured, read in parts."""
    sound = Sound(samples.sample_rate)
    piece = max(1, min(LONGEST, round(PIECE_S * samples.sample_rate)))
    for at in range(start, stop, piece):
        sound.add(samples.read(at, min(stop, at + piece)))
    return sound
