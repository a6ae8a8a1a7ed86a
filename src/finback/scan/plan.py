"""From files to work: spans of about ten minutes, and units of about ten minutes of sound together.

Spans begin at fixed windows of each segment and units at fixed spans, so that all processes that scan the
same files make the same units. A file of 24 hours gives 144 units, 10,000 files of 3 s give 50.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from finback.scan.grid import Grid
from finback.scan.header import JournalHeader
from finback.scan.journal import unit_key
from finback.scan.known import segments_of
from finback.scan.spans import ScannedFile, Span

MINUTES = 10.0  # of sound in a unit
# 10,000 hours of 16 bits at 48 kHz; a larger archive has longer units, so that its journal has fewer files.
LARGE_BYTES = 3.5e12
LONGEST_MINUTES = 160.0
MOST_SPANS = 1000  # of a unit: files of a few samples
SAMPLED = 200  # files whose size is looked at


@dataclass(frozen=True, slots=True)
class Unit:
    """Spans that one worker analyses, and that make one part. `attempts`: of each, how often it failed."""

    key: str
    spans: tuple[Span, ...]
    attempts: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """Seconds of sound, of all channels together."""
        return sum(seconds_of(span) for span in self.spans)


def seconds_of(span: Span) -> float:
    """Seconds of the cells of a span."""
    grid = Grid.of(span)
    stop = span.stop if span.last >= grid.n_windows else grid.start_of(span.last)
    return (stop - grid.start_of(span.first)) / span.file.sample_rate


def minutes_for(paths: Sequence[str]) -> float:
    """Minutes of sound in a unit for an archive of these files."""
    sizes = []
    for path in paths[:: max(1, len(paths) // SAMPLED)]:
        try:
            sizes.append(os.stat(path).st_size)
        except (OSError, ValueError):
            continue
    n_bytes = len(paths) * sum(sizes) / max(1, len(sizes))
    doublings = math.ceil(math.log2(max(1.0, n_bytes / LARGE_BYTES)))
    return min(MINUTES * 2**doublings, LONGEST_MINUTES)


def spans_of(file: ScannedFile, header: JournalHeader, minutes: float = MINUTES) -> Iterator[Span]:
    """The spans of a file, in order of channel and place."""
    window, hop = header.window_in(file.sample_rate), header.hop_in(file.sample_rate)
    step = max(1, round(minutes * 60 * file.sample_rate / hop))
    for channel in header.settings.channels_of(file.n_channels):
        for start, stop in segments_of(file):
            n = Grid(start, stop, window, hop).n_windows
            for first in range(0, n, step):
                yield Span(file, channel, start, stop, window, hop, first, min(first + step, n))


def units(spans: Iterable[Span], minutes: float = MINUTES) -> Iterator[Unit]:
    """The spans in units, in order."""
    rest = iter(spans)
    while bundle := list(_bundle(rest, minutes * 60)):
        yield Unit(unit_key(bundle), tuple(bundle))


def _bundle(spans: Iterator[Span], seconds: float) -> Iterator[Span]:
    """The next spans, until they have so many seconds together."""
    total = 0.0
    for span in islice(spans, MOST_SPANS):
        yield span
        total += seconds_of(span)
        if total >= 0.999 * seconds:
            return
