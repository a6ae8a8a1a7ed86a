"""The work that is left of a scan, as units: looked up, claimed, and taken when it is done.

    work = Work(journal, claims, found.paths, options)
    for done in engine.map(work.units()):
        work.take(done)

Files are opened while others are analysed already, so that the first span of 100,000 files begins at once. A
unit that another process has claimed is asked for again at the end, until it is finished or free.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from finback.audio.addresses import shown
from finback.audio.time_options import NAMES, TimeOptions
from finback.core.progress import Log
from finback.scan.claims import STALE_S, Claims
from finback.scan.engines.contract import Done
from finback.scan.files import Found
from finback.scan.header import JournalHeader
from finback.scan.journal import Journal
from finback.scan.known import identity
from finback.scan.look import look
from finback.scan.plan import Unit, minutes_for, spans_of, units
from finback.scan.spans import FileState, Span

LOOKERS = 4  # threads that open files
AHEAD = 100_000  # files that are opened before their turn, so that the time left is known
RECORDED = 2000  # files of one list in the journal
ASK_S = 1.0  # between two looks at a unit that another process has


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How the work is done; nothing here changes a stored number."""

    minutes: float | None = None  # of sound in a unit; None: ten, more for a very large archive
    times: TimeOptions = NAMES
    wait: bool = True  # for units that other processes have
    stale_s: float = STALE_S
    log: Log = field(default=lambda text: None)


@dataclass
class Tally:
    """What was found and done so far. Seconds are those of all analysed channels."""

    n_files: int = 0
    n_unheard: int = 0  # files that cannot be opened
    n_skipped: int = 0
    n_failed: int = 0  # spans that could not be analysed by this process
    known_s: float = 0.0  # of the files that were opened so far
    finished_s: float = 0.0  # in the journal, from before or from other processes
    done_s: float = 0.0  # by this process
    are_all_known: bool = False
    n_elsewhere: int = 0  # units that other processes have
    n_changed: int = 0
    n_grown: int = 0


def states(
    paths: Sequence[str],
    times: TimeOptions,
    header: JournalHeader,
    known: Callable[[str], FileState | None],
    seen: Callable[[Future[FileState]], None] = lambda future: None,
) -> Iterator[FileState]:
    """Each file as it is now, in order; `known` gives its state in the journal.

    `seen` is called for each as soon as it was opened, from several threads.
    """
    pool = ThreadPoolExecutor(LOOKERS)
    waiting: deque[Future[FileState]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(look, path, times, header, known(shown(path))))
            waiting[-1].add_done_callback(seen)
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Work:
    """See the module."""

    def __init__(self, journal: Journal, claims: Claims, found: Found, options: WorkOptions) -> None:
        self.journal, self.claims, self.paths, self.options = journal, claims, found.paths, options
        self.tally = Tally(n_unheard=len(found.unread))
        self._news: list[FileState] = list(found.unread)
        self._counting, self._n_seen = threading.Lock(), 0

    def units(self) -> Iterator[Unit | None]:
        """What is left, bundle by bundle; None when the rest is with other processes."""
        minutes = self.options.minutes or minutes_for(self.paths)
        elsewhere: deque[Unit] = deque()
        for unit in units(self._spans(minutes), minutes):
            left = self._left(unit)
            if left is None:
                elsewhere.append(unit)
            elif left.spans:
                yield left
        yield from self._others(elsewhere)

    def take(self, done: Done) -> None:
        """A unit is in the journal."""
        self.journal.refresh(done.unit.key)
        self.claims.give_back(done.unit.key)
        self.tally.n_failed += done.n_failed
        self.tally.done_s += done.unit.seconds

    def record(self) -> None:
        """Write how the files were found, as far as it is new."""
        self.journal.record(self._news)
        self._news = []

    def _spans(self, minutes: float) -> Iterator[Span]:
        header, tally = self.journal.header, self.tally
        for state in states(self.paths, self.options.times, header, self.journal.state, self._seen):
            tally.n_files += 1
            self._note(state)
            if state.reason:
                tally.n_skipped += state.was_skipped
                tally.n_unheard += not state.was_skipped
                continue
            yield from spans_of(state.file, header, minutes)
        self.record()

    def _seen(self, opened: Future[FileState]) -> None:
        """Count the seconds of a file that was opened; runs in the threads that open files."""
        if opened.cancelled() or opened.exception() is not None:
            return
        state = opened.result()
        n_channels = len(self.journal.header.settings.channels_of(state.file.n_channels))
        with self._counting:
            self._n_seen += 1
            self.tally.are_all_known = self._n_seen == len(self.paths)
            if not state.reason:
                self.tally.known_s += n_channels * state.file.n_samples / state.file.sample_rate

    def _note(self, state: FileState) -> None:
        """Keep the state of a file for the journal, and count what happened to it since the last scan."""
        before = self.journal.state(state.file.path)
        if before is not None and before.file.n_samples and not state.reason:
            if identity(before.file) in state.file.grown_from:
                self.tally.n_grown += 1
            elif identity(before.file) != identity(state.file):
                self.tally.n_changed += 1
        self._news.append(state)
        if len(self._news) >= RECORDED:
            self.record()

    def _left(self, unit: Unit) -> Unit | None:
        """What is left of a unit, claimed, perhaps nothing; None when another process has it."""
        if not self._remaining(unit):
            return self._finished(unit)
        if not self.claims.take(unit.key):
            return None
        self.journal.refresh(unit.key)  # it may have been finished just now
        left = self._remaining(unit)
        if not left:
            self.claims.give_back(unit.key)
            return self._finished(unit)
        mine = replace(unit, spans=left, attempts=self.journal.attempts(left))
        self.tally.finished_s += unit.seconds - mine.seconds
        return mine

    def _remaining(self, unit: Unit) -> tuple[Span, ...]:
        return tuple(part for span in unit.spans for part in self.journal.remaining(span, retry=False))

    def _finished(self, unit: Unit) -> Unit:
        self.tally.finished_s += unit.seconds
        return replace(unit, spans=())

    def _others(self, elsewhere: deque[Unit]) -> Iterator[Unit | None]:
        """Units that other processes had, as they become free, until all are finished."""
        self.tally.n_elsewhere = len(elsewhere)
        if not elsewhere or not self.options.wait:
            return
        self.options.log(f"waits for {len(elsewhere)} units that other processes analyse")
        asked = 0.0
        while elsewhere:
            if time.monotonic() - asked < ASK_S:
                yield None
                continue
            asked = time.monotonic()
            for _ in range(len(elsewhere)):
                unit = elsewhere.popleft()
                self.journal.refresh(unit.key)
                left = self._left(unit)
                if left is None:
                    elsewhere.append(unit)
                elif left.spans:
                    yield left
            self.tally.n_elsewhere = len(elsewhere)
