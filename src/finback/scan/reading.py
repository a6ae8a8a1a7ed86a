"""The sound of a scanned file, decoded once and forwards: the file is opened once for each span."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
from numpy.typing import NDArray

from finback.audio import io
from finback.audio.samples import Kept
from finback.scan.spans import ScannedFile

BLOCK = 1 << 17  # samples that are decoded at a time: after each the decoder seeks, which costs a frame


class SpanSamples:
    """`audio.samples.Samples` of a file on one channel (None: the mean of all), from sample `first` on.

    Samples are read forwards only, and beyond `stop` only when they are asked for, so that damage there is
    no damage here. Raises `AudioError` where the file cannot be decoded.
    """

    def __init__(self, file: ScannedFile, channel: int | None, first: int, stop: int) -> None:
        self.sample_rate, self.n_samples = file.sample_rate, file.n_samples
        self.key: Hashable = (file, channel)
        self.name = file.path
        self._kept = Kept(first)
        self._blocks = self._decoded(file, channel, first, stop)

    def _decoded(
        self, file: ScannedFile, channel: int | None, first: int, stop: int
    ) -> Iterator[NDArray[np.float32]]:
        yield from io.blocks(file.where, BLOCK, first, stop, channel)
        if stop < file.n_samples:
            yield from io.blocks(file.where, BLOCK, stop, file.n_samples, channel)

    def reaches(self, stop: int) -> bool:
        return stop <= self.n_samples

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        while self._kept.stop < stop:
            self._kept.add(next(self._blocks))
        return self._kept.read(start, stop)

    def forget(self, before: int) -> None:
        self._kept.forget(before)

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()  # type: ignore[attr-defined]
