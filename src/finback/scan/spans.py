"""The terms of a scan: a file as it was found, a span of its windows, and what was analysed in it.

Windows lie on a grid in native integer samples. A grid begins at each segment of the recording, which is
a stretch without a gap: the whole file, or one duty cycle of a recorder that sleeps. Window i of a segment
starts at `i * hop`; where the last of these stops before the segment's end, one more stops at the end; a
segment shorter than a window is one window of its own length. The cell of a window is the sound from its
start to the start of the next one (of the last window: to the segment's end). Cells tile the recording, so
effort is the sum of cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from finback.audio.addresses import Place, place
from finback.audio.faults import LEFT_OUT as LEFT_OUT
from finback.audio.faults import Fault as Fault
from finback.core.text import printable
from finback.core.types import Labels


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file as it was found: how it is known again, and its properties.

    It is known by path, size, time and digests, never by its whole content, which may be remote or very long.
    """

    path: str  # absolute path, or an address such as s3://bucket/name.flac, without secrets
    size: int  # bytes
    modified_ns: int  # 0: unknown
    digest: str  # of some bytes near its beginning
    sample_rate: int  # Hz
    n_samples: int  # per channel
    n_channels: int
    start_time: datetime | None = None  # UTC of sample 0
    schedule: tuple[tuple[int, datetime], ...] = ()  # (first sample, UTC) of each duty cycle
    remarks: tuple[str, ...] = ()
    start_time_source: str = ""
    grown_from: tuple[tuple[int, int, str], ...] = ()  # (size, time, digest) of it when it was shorter
    secret_url: str = field(default="", compare=False, repr=False)  # a signed address; never stored

    @property
    def where(self) -> Place:
        """What is opened."""
        return place(self.secret_url or self.path)


@dataclass(frozen=True, slots=True)
class Span:
    """Windows `first` (included) to `last` (excluded) of one segment of a file, on one channel.

    `start` and `stop` bound the segment; `window` and `hop` are lengths; all are native samples of the file.
    """

    file: ScannedFile
    channel: int | None  # from 0; None: the mean of all channels
    start: int
    stop: int
    window: int
    hop: int
    first: int
    last: int


@dataclass(frozen=True, eq=False, slots=True)
class SpanScores:
    """What was analysed in a span of W windows; positions are native samples of the file."""

    span: Span
    start: NDArray[np.int64]  # (W,)
    stop: NDArray[np.int64]  # (W,)
    logits: NDArray[np.float32]  # (W, K), calibrated; as `Predictor.score_windows` gives them
    faults: NDArray[np.uint8]  # (W,) of the windows' cells
    embeddings: NDArray[np.float32] | None = None  # (W, D)


@dataclass(frozen=True, eq=False, slots=True)
class ScoredSound:
    """One channel of one file as it stands in the journal: all windows in order, also across spans."""

    file: ScannedFile
    channel: int | None
    labels: Labels
    start: NDArray[np.int64]  # (W,)
    stop: NDArray[np.int64]  # (W,)
    cell_stop: NDArray[np.int64]  # (W,) end of each window's cell; gaps between cells are not analysed yet
    logits: NDArray[np.float32]  # (W, K), stored with 16 bits
    faults: NDArray[np.uint8]  # (W,)
    embeddings: NDArray[np.float32] | None = None  # (W, D), stored with 16 bits


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """What was analysed of one channel of one file: C stretches of cells with the same faults, in order."""

    start: NDArray[np.int64]  # (C,) native samples
    cell_stop: NDArray[np.int64]  # (C,)
    faults: NDArray[np.uint8]  # (C,)


@dataclass(frozen=True, slots=True)
class SpanError:
    """A span that could not be analysed, and why, in one line with its repair."""

    span: Span
    reason: str


@dataclass(frozen=True, slots=True)
class FileState:
    """A file of a scan as it was found last, and why it was not analysed; "" when it was.

    Of a file that cannot be opened only the path is known, perhaps with size and time; its rate is 0.
    `was_skipped`: the file is a sound, and the settings leave it out.
    """

    file: ScannedFile
    reason: str = ""
    was_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of `errors.csv`: samples `start` to `stop` of a channel that were not analysed, and why.

    A file that cannot be opened has the samples 0 to 0.
    """

    file: ScannedFile
    channel: int | None
    start: int
    stop: int
    reason: str
    was_skipped: bool = False

    @property
    def cause(self) -> str:
        """The reason without the path of the file before it."""
        return printable(self.reason).removeprefix(f"{printable(self.file.path)}: ")

    def __str__(self) -> str:
        return f"{printable(self.file.path)}: {self.cause}"
