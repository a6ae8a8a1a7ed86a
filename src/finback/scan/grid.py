"""The windows of one segment of a recording, by number; see `scan/spans.py` for the rules.

grid = Grid.of(span)
grid.n_windows, grid.starts(0, 3), grid.stops(0, 3), grid.cell_stops(0, 3)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.scan.spans import Span

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """A segment from sample `start` to `stop`, with windows of `window` samples every `hop`."""

    start: int
    stop: int
    window: int
    hop: int

    @classmethod
    def of(cls, span: Span) -> Grid:
        return cls(span.start, span.stop, span.window, span.hop)

    @property
    def n_regular(self) -> int:
        """Windows that start at a multiple of the hop; 0 for a segment shorter than a window."""
        length = self.stop - self.start
        return 0 if length < self.window else (length - self.window) // self.hop + 1

    @property
    def n_windows(self) -> int:
        """All windows: one more stops at the end unless the last regular one does."""
        n = self.n_regular
        return n + (n == 0 or self.start + (n - 1) * self.hop + self.window < self.stop)

    def start_of(self, window: int) -> int:
        """First sample of a window."""
        return min(self.start + window * self.hop, max(self.start, self.stop - self.window))

    def starts(self, first: int, last: int) -> Positions:
        """(last - first,) first samples of these windows."""
        starts = self.start + np.arange(first, last, dtype=np.int64) * self.hop
        return np.minimum(starts, max(self.start, self.stop - self.window))

    def stops(self, first: int, last: int) -> Positions:
        """(last - first,) samples after the last of these windows."""
        return np.minimum(self.starts(first, last) + self.window, self.stop)

    def cell_stops(self, first: int, last: int) -> Positions:
        """(last - first,) ends of the windows' cells: the start of the next window, or the segment's end."""
        nexts = self.starts(first + 1, last + 1)
        if last >= self.n_windows and last > first:
            nexts[-1] = self.stop
        return nexts
