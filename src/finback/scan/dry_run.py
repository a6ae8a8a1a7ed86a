"""What a scan would do: hours of audio, files, units, disk and time. Nothing is written.

The time is measured: a few spans of the real files are analysed, and their scores are thrown away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finback.audio.time_options import time_options
from finback.core.text import printable
from finback.scan.engines.contract import Job
from finback.scan.header import NAME, JournalHeader
from finback.scan.journal import Journal
from finback.scan.pace import clock
from finback.scan.plan import minutes_for, seconds_of, spans_of, units
from finback.scan.scan import ScanOptions, check_out, found_in, n_workers, name_of, split_changes
from finback.scan.spans import Span, SpanError
from finback.scan.summary import hours
from finback.scan.work import states

TRIED = 4  # files
TRIED_S = 30.0  # of each
PART_BYTES = 4000  # of a part without its scores


@dataclass(frozen=True)
class ScanPlan:
    """The work that is left, and what it needs."""

    files: int
    files_not_heard: int
    files_skipped: int
    hours: float
    hours_left: float  # less what the journal holds already
    units: int
    windows: int
    workers: int
    journal_mb: float
    realtime: float | None  # seconds of audio that one worker analyses in a second; None: nothing to measure
    needed_s: float | None
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "problems": list(self.problems)}

    def rows(self) -> list[tuple[str, str]]:
        """For the screen."""
        rows = [
            ("files", f"{self.files:,}"),
            ("files left out by the settings", f"{self.files_skipped:,}"),
            ("files that cannot be analysed", f"{self.files_not_heard:,}"),
            ("audio", hours(self.hours)),
            ("audio not analysed yet", hours(self.hours_left)),
            ("windows", f"{self.windows:,}"),
            ("units of work", f"{self.units:,}"),
            ("journal", f"{self.journal_mb:,.1f} MB" if self.journal_mb >= 0.1 else "less than 0.1 MB"),
        ]
        if self.realtime is not None and self.needed_s is not None:
            speed = f"{self.realtime:,.0f} times real time, measured on {TRIED} files or fewer"
            rows += [("speed of a worker", speed), ("workers", f"{self.workers}")]
            rows.append(("time needed", clock(self.needed_s)))
        return rows + [("problem", printable(problem)) for problem in self.problems]


def dry_run(model: str | Path, paths: Sequence[str], out: str | Path, **changes: Any) -> ScanPlan:
    """The plan of `finback.scan` with the same arguments. Raises as `finback.scan` does."""
    settings, options = split_changes(changes)
    found, folder = found_in(paths, options), Path(os.path.abspath(Path(out).expanduser()))
    check_out(folder)
    from finback.scan.engines.worker import Worker  # imports torch

    worker = Worker(Job(name_of(model), options.device, str(folder), settings))
    header = worker.header
    journal = None
    if (folder / NAME).is_file():
        JournalHeader.read(folder).require_same(header, folder)
        journal = Journal.read(folder)
    return _plan(worker, header, journal, found.paths, options)


def _plan(
    worker: Any, header: JournalHeader, journal: Journal | None, paths: Sequence[str], options: ScanOptions
) -> ScanPlan:
    minutes = options.span_minutes or minutes_for(paths)
    times = time_options(options.time_pattern, options.time_zone)
    known = journal.state if journal else lambda path: None
    found = list(states(paths, times, header, known))
    readable = [state.file for state in found if not state.reason]
    spans = [span for file in readable for span in spans_of(file, header, minutes)]
    left = [piece for span in spans for piece in (journal.remaining(span) if journal else [span])]
    left_s = sum(map(seconds_of, left))
    work = list(units(left, minutes))
    n_windows = sum(span.last - span.first for span in left)
    realtime, window_bytes = _tried(worker, left)
    n = n_workers(options)
    return ScanPlan(
        files=len(found),
        files_not_heard=sum(bool(s.reason) and not s.was_skipped for s in found),
        files_skipped=sum(s.was_skipped for s in found),
        hours=sum(map(seconds_of, spans)) / 3600,
        hours_left=left_s / 3600,
        units=len(work),
        windows=n_windows,
        workers=n,
        journal_mb=(n_windows * window_bytes + len(work) * PART_BYTES) / 1e6,
        realtime=realtime,
        needed_s=left_s / realtime / min(n, max(1, len(work))) if realtime else None,
        problems=tuple(s.reason for s in found if s.reason and not s.was_skipped)[:5],
    )


def _tried(worker: Any, spans: Sequence[Span]) -> tuple[float | None, float]:
    """Seconds of audio in a second of one worker, and bytes that a window takes."""
    chosen = []
    for span in spans[:: max(1, len(spans) // TRIED)][:TRIED]:
        n = max(1, round(TRIED_S * span.file.sample_rate / span.hop))
        chosen.append(replace(span, last=min(span.last, span.first + n)))
    if not chosen:
        return None, 0.0
    worker.scores(chosen[:1])  # the first one also prepares libraries
    began = time.monotonic()
    results = worker.scores(chosen)
    passed = max(time.monotonic() - began, 1e-6)
    scored = [result for result in results if not isinstance(result, SpanError)]
    if not scored:
        return None, 0.0
    n_windows = sum(len(result.start) for result in scored)
    kept = [x for result in scored for x in (result.logits, result.embeddings) if x is not None]
    n_bytes = 2 * sum(x.size for x in kept) + n_windows  # 16 bits for a number, 8 for the faults
    return sum(seconds_of(result.span) for result in scored) / passed, n_bytes / n_windows
