"""The spectrogram that boxes are measured in, made once for all events of a sound, in the order of time.

    grid = grid_of(48_000, top_hz=11_025.0, stretch=(0, n))
    sound = RollingSpectrogram(path, None, grid)
    pieces = sound.pieces(first, last)      # columns `first` to `last`, and a few more on both sides

Columns lie on one grid that begins where the stretch begins. They are made in pieces of `PIECE` columns, each
from its own samples only. So a column has the same bits whichever events are measured, and whatever was
measured before. What lies before the pieces asked for last is forgotten: ask in the order of time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal.windows import hann

from finback.audio.addresses import Address
from finback.audio.io import blocks, probe, read
from finback.audio.samples import Kept
from finback.core.errors import AudioError

Floats = NDArray[np.float32]

BINS = 128  # over the band of the model: a call that fills 5 % of the band has 6
FEWEST, MOST = 32, 1 << 18  # samples of a window
SHORT_S = 0.05  # windows shorter than this overlap by half, longer ones by three quarters
PIECE = 128  # columns that are made together
CELL = 8  # columns of which the peak is kept
SAMPLED = 256  # columns, at least, of those around an event: their median is that of all within 0.15 dB
AROUND_WINDOWS = 150  # of background on each side, or as much as the event is long, but:
AROUND_S = 6.0, 15.0  # at least and at most
AROUND_COLUMNS = 4000  # at most
FEWEST_WINDOWS = 40  # at least, however long these are
BLOCK = 1 << 16  # samples that are decoded at once
SKIP = 1 << 17  # up to so many samples are decoded and left out; to go further the decoder seeks


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of `size` samples every `hop`, the first one at the start of a stretch of sound."""

    sample_rate: int
    stretch: tuple[int, int]  # first sample, and the sample after the last
    size: int
    hop: int
    n_bins: int  # from the first above 0 Hz up

    @property
    def n(self) -> int:
        """Columns, all within the stretch; 0 when it is shorter than a window."""
        return max(0, (self.stretch[1] - self.stretch[0] - self.size) // self.hop + 1)

    @property
    def stride(self) -> int:
        """One of so many columns around an event is sampled."""
        columns = min(2 * self.around(0) // self.hop, self.n)
        return 1 << int(np.clip(np.log2(max(columns / SAMPLED, 1.0)), 0, np.log2(PIECE)))

    def around(self, length: int) -> int:
        """Samples of background on each side of an event of `length` samples."""
        least, most = (round(seconds * self.sample_rate) for seconds in AROUND_S)
        around = min(max(AROUND_WINDOWS * self.size, least, length), most, AROUND_COLUMNS * self.hop)
        return max(around, FEWEST_WINDOWS * self.size)

    def middle(self, column: int) -> int:
        """The sample in the middle of a column."""
        return self.stretch[0] + column * self.hop + self.size // 2

    def from_middle(self, sample: int) -> int:
        """The first column whose middle is at a sample or later."""
        return min(max(0, -(-(sample - self.middle(0)) // self.hop)), self.n)

    def hz(self, bins: float) -> float:
        """The frequency of bin `bins`, where 0 is the first one above 0 Hz."""
        return (bins + 1) * self.sample_rate / self.size


def grid_of(sample_rate: int, top_hz: float, stretch: tuple[int, int]) -> Grid:
    """The grid for a model that uses sound up to `top_hz`: `BINS` frequencies up to there or more."""
    wanted = BINS * sample_rate / min(top_hz, sample_rate / 2)
    size = int(np.clip(1 << round(float(np.log2(wanted))), FEWEST, MOST))
    hop = size // (2 if size < SHORT_S * sample_rate else 4)
    n_bins = min(size // 2, int(top_hz * size / sample_rate) + 1)
    return Grid(sample_rate, stretch, size, hop, n_bins)


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Columns `first` and on; F bins."""

    first: int
    power: Floats  # (n, F) as it is
    smooth: Floats  # (n, F) the mean over three by three
    peaks: Floats  # (n / CELL, F) the highest smooth power in each cell


class RollingSpectrogram:
    """The spectrogram of a stretch of one channel (None: the mean of all); see the module."""

    def __init__(self, path: str | Address, channel: int | None, grid: Grid) -> None:
        self.path, self.channel, self.grid = path, channel, grid
        self._sound = _Forwards(path, channel, grid)
        self._shape = hann(grid.size, sym=False).astype(np.float32)
        self._pieces: dict[int, Piece | AudioError] = {}

    def pieces(self, first: int, last: int) -> list[Piece]:
        """The pieces with columns `first` to `last` (excluded). Raises `AudioError`."""
        wanted = range(first // PIECE, -(-last // PIECE))
        for i in [i for i in self._pieces if i < wanted.start]:
            del self._pieces[i]
        found = []
        for i in wanted:
            if i not in self._pieces:
                self._pieces[i] = self._made(i)
            piece = self._pieces[i]
            if isinstance(piece, AudioError):
                raise piece
            found.append(piece)
        return found

    def _made(self, i: int) -> Piece | AudioError:
        grid = self.grid
        first, last = i * PIECE, min((i + 1) * PIECE, grid.n)
        low, high = max(first - 1, 0), min(last + 1, grid.n)  # neighbours, for smoothing
        start = grid.stretch[0] + low * grid.hop
        stop = grid.stretch[0] + (high - 1) * grid.hop + grid.size
        try:
            x = self._sound.read(start, stop)
        except AudioError as error:
            return error
        strides = (grid.hop * x.itemsize, x.itemsize)
        windows: Floats = np.ndarray((high - low, grid.size), np.float32, np.ascontiguousarray(x), 0, strides)
        spectrum = fft.rfft(windows * self._shape, axis=1)[:, 1 : grid.n_bins + 1]
        power = spectrum.real**2 + spectrum.imag**2
        own = slice(first - low, last - low)
        smooth = _smoothed(power)[own]
        return Piece(first, power[own], smooth, _peaks(smooth))


def _smoothed(x: Floats) -> Floats:
    """(n, F) -> (n, F): the mean over three by three; at the ends the last one counts twice."""
    total = x.copy()
    total[1:] += x[:-1]
    total[:-1] += x[1:]
    total[0] += x[0]
    total[-1] += x[-1]
    found = total.copy()
    found[:, 1:] += total[:, :-1]
    found[:, :-1] += total[:, 1:]
    found[:, 0] += total[:, 0]
    found[:, -1] += total[:, -1]
    found *= np.float32(1 / 9)
    return found


def _peaks(x: Floats) -> Floats:
    """(n, F) -> (cells, F): the peak of each cell, of which the last one may be shorter."""
    n, n_bins = x.shape
    whole = x[: n // CELL * CELL].reshape(-1, CELL, n_bins).max(axis=1)
    return whole if n % CELL == 0 else np.concatenate([whole, x[n // CELL * CELL :].max(axis=0)[None]])


class _Forwards:
    """Samples of a stretch, decoded forwards once."""

    def __init__(self, path: str | Address, channel: int | None, grid: Grid) -> None:
        self.path, self.channel, self.stop = path, channel, grid.stretch[1]
        self.step, self.skip = max(PIECE * grid.hop, BLOCK), SKIP
        self._blocks: Iterator[Floats] | None = None
        self._kept = Kept()

    def read(self, start: int, stop: int) -> Floats:
        """Samples `start` to `stop` (excluded), (stop - start,). Raises `AudioError`."""
        try:
            self._go_to(start)
            while self._kept.stop < stop and self._blocks is not None:
                self._kept.add(next(self._blocks))
                self._kept.forget(min(start, self._kept.stop))
            return self._kept.read(start, stop)
        except AudioError:  # perhaps in sound that is not wanted
            self._blocks = None
            return read(self.path, start, stop, self.channel)

    def _go_to(self, start: int) -> None:
        if self._blocks is None or not self._kept.first <= start <= self._kept.stop + self.skip:
            if probe(self.path).format == "OGG":  # decoded from its beginning at each seek
                self.skip = sys.maxsize
            self._kept = Kept(start)
            self._blocks = blocks(self.path, self.step, start, self.stop, self.channel)
        self._kept.forget(min(start, self._kept.stop))
