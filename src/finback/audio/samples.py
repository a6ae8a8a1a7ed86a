"""Samples by position: one mono sound that is a file, an array, or a stream of blocks.

    samples = StreamSamples(blocks, 48_000)      # blocks of any size, without end if need be
    while samples.reaches(start + length):
        x = samples.read(start, start + length)  # (length,) float32
        samples.forget(start)                    # frees what lies before

Positions are native integer samples from 0. What is read is the same bit for bit wherever it comes from: a
file's span, a slice of an array of all the file's samples, or blocks of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finback.audio.content import require_content
from finback.audio.io import read
from finback.audio.level import mixed
from finback.core.errors import AudioError
from finback.core.types import Clip, Recording

ROOM = 1 << 20  # samples for which there is room at least, unless blocks are small


class Samples(Protocol):
    """One mono sound. `key` is equal only for the same sound, so that what was measured of it can be kept."""

    sample_rate: int  # Hz
    key: Hashable
    name: str  # in error messages

    def reaches(self, stop: int) -> bool:
        """Whether there are `stop` samples."""
        ...

    @property
    def n_samples(self) -> int:
        """All samples there are; of a stream, those that have come so far."""
        ...

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples `start` (included) to `stop` (excluded), (stop - start,)."""
        ...

    def forget(self, before: int) -> None:
        """The samples before a position are not needed any more: a stream frees them."""
        ...


class FileSamples:
    """A recording, on one channel (None: the mean of all); every read opens the file.

    The content is checked before and after every read, so all samples are of the recording that was indexed.
    Raises `AudioError` where they are not.
    """

    def __init__(self, recording: Recording, channel: int | None = None) -> None:
        self.recording, self.channel = recording, channel
        self.sample_rate, self.n_samples = recording.sample_rate, recording.n_samples
        self.key: Hashable = (recording.id, channel)
        self.name = str(recording.path)

    def reaches(self, stop: int) -> bool:
        return stop <= self.n_samples

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        require_content(self.recording)
        x = read(self.recording.path, start, stop, self.channel)
        require_content(self.recording)
        return x

    def forget(self, before: int) -> None:
        """Nothing is kept."""


def samples_of(clip: Clip) -> FileSamples:
    """The recording of a clip, on the clip's channel."""
    return FileSamples(clip.recording, clip.channel)


def read_clip(clip: Clip) -> NDArray[np.float32]:
    """All samples of a clip, (stop - start,), with the same checks."""
    return samples_of(clip).read(clip.start, clip.stop)


class ArraySamples:
    """Samples in memory, (n,) or (channels, n), PCM scaled so that full scale is 1.

    Raises `AudioError` for another shape, integers, no samples, and values that are NaN or infinite.
    """

    def __init__(self, samples: ArrayLike, sample_rate: int, channel: int | None = None) -> None:
        self.sample_rate = _rate(sample_rate)
        self.key: Hashable = object()
        self.name = "the array"
        self._x = _mono(samples, channel)
        if not self._x.size:
            raise AudioError("an array without samples", "give at least one sample")

    @property
    def n_samples(self) -> int:
        return len(self._x)

    def reaches(self, stop: int) -> bool:
        return stop <= len(self._x)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return self._x[start:stop]

    def forget(self, before: int) -> None:
        """The array is the caller's."""


class Kept:
    """The samples of a sound from one position to another: new ones are added at the end, old ones forgotten.

    Memory is at most four times what is kept and added at once; samples are moved rarely, not at each step.
    """

    def __init__(self, first: int = 0) -> None:
        self.first = self.stop = first  # positions of the first sample, and after the last
        self._x = np.empty(0, dtype=np.float32)
        self._at = 0  # index of the first sample

    def add(self, x: NDArray[np.float32]) -> None:
        n = self.stop - self.first
        end = self._at + n
        if end + len(x) > len(self._x):
            # A new array: what was read from the old one stays as it is.
            room = np.empty(max(2 * (n + len(x)), min(len(x) * 16, ROOM)), dtype=np.float32)
            room[:n] = self._x[self._at : end]
            self._x, self._at, end = room, 0, n
        self._x[end : end + len(x)] = x
        self.stop += len(x)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Raises `ValueError` outside what is kept: a mistake of the caller."""
        if not self.first <= start < stop <= self.stop:
            raise ValueError(f"samples {start}-{stop} of a stream that keeps {self.first}-{self.stop}")
        return self._x[self._at + start - self.first : self._at + stop - self.first]

    def forget(self, before: int) -> None:
        """The samples before a position are not needed any more."""
        before = min(before, self.stop)
        if before > self.first:
            self._at += before - self.first
            self.first = before


class StreamSamples:
    """Blocks (n_i,) or (channels, n_i) of one sound, taken when they are needed and kept until `forget`.

    Memory is a few times what was not forgotten and one block. Raises `AudioError` as `ArraySamples` does.
    """

    def __init__(self, blocks: Iterable[ArrayLike], sample_rate: int, channel: int | None = None) -> None:
        self.sample_rate = _rate(sample_rate)
        self.key: Hashable = object()
        self.name = "the stream"
        self.channel = channel
        self._blocks = iter(blocks)
        self._kept = Kept()

    @property
    def n_samples(self) -> int:
        return self._kept.stop

    def reaches(self, stop: int) -> bool:
        """Takes blocks until there are `stop` samples; False once the stream has ended before."""
        while self._kept.stop < stop:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._kept.add(_mono(block, self.channel))
        return True

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Raises `ValueError` outside what is kept: a mistake of the caller."""
        return self._kept.read(start, stop)

    def forget(self, before: int) -> None:
        """Free the samples before a position."""
        self._kept.forget(before)


def _rate(sample_rate: int) -> int:
    if not 10 <= sample_rate <= 1_000_000 or int(sample_rate) != sample_rate:
        raise AudioError(f"sample rate {sample_rate} Hz", "give a whole number of Hz between 10 Hz and 1 MHz")
    return int(sample_rate)


def _mono(samples: ArrayLike, channel: int | None) -> NDArray[np.float32]:
    """(n,) or (channels, n) -> (n,) float32, finite, a copy where needed."""
    x = np.asarray(samples)
    if x.ndim not in (1, 2):
        raise AudioError(f"samples of shape {x.shape}", "give (n,) or (channels, n)")
    if not np.issubdtype(x.dtype, np.floating):
        raise AudioError(
            f"samples of type {x.dtype}",
            "divide integers by full scale first, for example 16-bit samples by 32768.0",
        )
    frames = x[:, None] if x.ndim == 1 else x.T  # (n, channels)
    if channel is not None and not 0 <= channel < frames.shape[1]:
        raise AudioError(f"no channel {channel}", f"there are {frames.shape[1]}, counted from 0")
    frames = np.ascontiguousarray(frames, dtype=np.float32)
    if not np.isfinite(frames).all():
        raise AudioError("samples that are NaN or infinite", "set them to 0, or leave that part out")
    return mixed(frames, channel)
