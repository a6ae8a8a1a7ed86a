"""The noise of a tape: simulated, or excerpts of real recordings joined one after another.

    bed = real_noise(files, 48_000).bed(seed, n_samples)
    bed.read(start, stop)           # (stop - start,) float32, the same whatever was read before

A bed has an RMS of about 1; the tape's level is set when it is written. Real files are cut into pieces of at
most `PIECE_S`. Pieces come in random order, and every piece is used once before one is used again, so that a
bed repeats itself only where it is longer than all noise together. Neighbouring pieces overlap and are faded
into each other with equal power, so that there is neither a click nor a dip. Every file is brought to the
same RMS, because files of different recorders differ by the gain of the recorder; its spectrum and its
changes over time stay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finback.audio.io import read
from finback.audio.level import remove_dc
from finback.audio.resample import length, resample
from finback.core.errors import InputError
from finback.datasets.simulate.tape import RATES, TapeModel, draw_tape

PIECE_S = 30.0
FADE_S = 0.5
SHORTEST_S = 1.0  # of a noise file
LOWEST_HZ = 10.0  # of a call on a simulated tape

Floats = NDArray[np.float32]


class Bed(Protocol):
    """The noise of one channel of a tape."""

    @property
    def peak(self) -> float:
        """Upper limit of its samples."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """The content hashes of the noise files in it, sorted; none if it is simulated."""
        ...

    def read(self, start: int, stop: int) -> Floats:
        """Samples `start` to `stop`."""
        ...


class Noise(Protocol):
    """Noise from which the beds of all tapes are made. `notes` say what was left out."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def bed(self, seed: np.random.SeedSequence, n_samples: int, share: tuple[int, int] = (0, 1)) -> Bed:
        """A bed; `share` (i, n) takes the i-th of n equal parts of the noise, for tapes that share none."""
        ...


@dataclass(frozen=True)
class SimulatedNoise:
    """The noise of simulated tapes (`datasets.simulate.tape`), each with its own acoustics."""

    sample_rate: int
    notes: tuple[str, ...] = ()

    def bed(
        self, seed: np.random.SeedSequence, n_samples: int, share: tuple[int, int] = (0, 1)
    ) -> SimulatedBed:
        """A bed; all beds are different, so `share` changes nothing."""
        drawing, noise = seed.spawn(2)
        rng = np.random.default_rng(drawing)
        least = min(self.sample_rate, RATES[-1])
        tape = draw_tape(rng, LOWEST_HZ, least, 0.0, self.sample_rate)
        return SimulatedBed(tape, noise)


@dataclass(frozen=True)
class SimulatedBed:
    """Noise of one simulated tape."""

    tape: TapeModel
    seed: np.random.SeedSequence

    @property
    def peak(self) -> float:
        """Upper limit of the samples."""
        return self.tape.noise_peak / self.tape.gain

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def read(self, start: int, stop: int) -> Floats:
        """Samples `start` to `stop`."""
        made = np.concatenate(list(self.tape.noise(self.seed, start, stop)))
        return (made / np.float32(self.tape.gain)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class NoiseFile:
    """A noise file: native rate and length, and its RMS and peak at the rate of the soundscape."""

    path: Path
    digest: str
    sample_rate: int
    n_samples: int
    rms: float
    peak: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Native samples `start` to `stop` of a noise file."""

    file: NoiseFile
    start: int
    stop: int


@dataclass(frozen=True)
class RealNoise:
    """Noise files, and notes about files that are not used."""

    files: tuple[NoiseFile, ...]
    sample_rate: int
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """All noise together."""
        return sum(file.n_samples / file.sample_rate for file in self.files)

    def bed(self, seed: np.random.SeedSequence, n_samples: int, share: tuple[int, int] = (0, 1)) -> RealBed:
        """A bed of the files of one share. Raises `InputError` when there are fewer files than shares."""
        which, n = share
        files = sorted(self.files, key=lambda f: f.digest)[which::n]
        if not files:
            raise InputError(
                f"{len(self.files)} noise files for {n} tapes that share none",
                "give more noise files, fewer --tapes, or leave out --apart",
            )
        return RealBed(tuple(_order(files, np.random.default_rng(seed), n_samples, self.sample_rate)), self)


def _order(
    files: Sequence[NoiseFile], rng: np.random.Generator, n_samples: int, rate: int
) -> Iterable[tuple[int, Piece]]:
    """(first sample on the tape, piece) until the tape is full; each round begins its pieces elsewhere."""
    at, covered = 0, 0
    while covered < n_samples:
        pieces = [piece for file in files for piece in _cut(file, rng)]
        for i in rng.permutation(len(pieces)).tolist():
            piece = pieces[i]
            n = length(piece.stop - piece.start, piece.file.sample_rate, rate)
            yield at, piece
            covered = at + n
            at = covered - _fade(n, rate)
            if covered >= n_samples:
                return


def _cut(file: NoiseFile, rng: np.random.Generator) -> list[Piece]:
    """A file in equal pieces of at most `PIECE_S`; of a longer file, the cuts move from round to round."""
    longest = round(PIECE_S * file.sample_rate)
    n = -(-file.n_samples // longest)
    if n == 1:
        return [Piece(file, 0, file.n_samples)]
    move = int(rng.integers(file.n_samples // n))
    cuts = [0, *(move + file.n_samples * i // n for i in range(n)), file.n_samples]
    shortest = SHORTEST_S * file.sample_rate
    return [Piece(file, a, b) for a, b in pairwise(cuts) if b - a >= shortest]


def _fade(n_samples: int, rate: int) -> int:
    """Samples in which a piece is faded into the next one."""
    return min(round(FADE_S * rate), n_samples // 4)


@dataclass
class RealBed:
    """Pieces, each with its first sample on the tape."""

    pieces: tuple[tuple[int, Piece], ...]
    noise: RealNoise
    _ready: OrderedDict[int, Floats] = field(default_factory=OrderedDict, repr=False)

    @property
    def peak(self) -> float:
        """Upper limit of the samples: two peaks in the middle of a fade, and the resampler."""
        return 1.5 * max(p.file.peak / p.file.rms for _, p in self.pieces)

    @property
    def files(self) -> tuple[str, ...]:
        """Content hashes of the files in the bed."""
        return tuple(sorted({p.file.digest for _, p in self.pieces}))

    def read(self, start: int, stop: int) -> Floats:
        """Samples `start` to `stop`."""
        x = np.zeros(stop - start, np.float32)
        starts = [at for at, _ in self.pieces]
        first = max(0, int(np.searchsorted(starts, start, side="right")) - 2)
        for i in range(first, len(self.pieces)):
            at = self.pieces[i][0]
            if at >= stop:
                break
            y = self._piece(i)
            a, b = max(start, at), min(stop, at + len(y))
            if a < b:
                x[a - start : b - start] += y[a - at : b - at]
        return x

    def _piece(self, i: int) -> Floats:
        """A piece at the rate and the level of the bed, faded in and out."""
        if i not in self._ready:
            _, piece = self.pieces[i]
            rate = self.noise.sample_rate
            x = remove_dc(read(piece.file.path, piece.start, piece.stop))
            y = np.asarray(resample(x, piece.file.sample_rate, rate) / piece.file.rms, np.float32)
            rise, fall = self._overlap(i - 1), self._overlap(i)
            if rise:
                y[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32))
            if fall:
                y[-fall:] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32))
            self._ready[i] = y
            if len(self._ready) > 3:
                self._ready.popitem(last=False)
        return self._ready[i]

    def _overlap(self, i: int) -> int:
        """Samples that piece i shares with the next one; 0 for the last one and before the first."""
        if not 0 <= i < len(self.pieces) - 1:
            return 0
        (at, piece), (after, _) = self.pieces[i], self.pieces[i + 1]
        n = length(piece.stop - piece.start, piece.file.sample_rate, self.noise.sample_rate)
        return at + n - after
