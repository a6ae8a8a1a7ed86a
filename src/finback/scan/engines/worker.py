"""What every engine does with a unit: analyse its spans, and write the results as one part.

A worker has one model, one thread and no index of the journal. The number of threads is fixed, because sums
by other numbers of threads differ in their last bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from finback.core.errors import AudioError
from finback.models.predictor import Predictor
from finback.scan.engines.contract import Done, Job
from finback.scan.header import JournalHeader
from finback.scan.journal import write_results
from finback.scan.look import require_unchanged
from finback.scan.model import header_of
from finback.scan.plan import Unit
from finback.scan.spans import Span, SpanError, SpanScores
from finback.scan.windows import Analyser

# Formats that are decoded from the beginning of the file, wherever a span begins.
SLOW_SEEK = (".ogg", ".oga", ".opus", ".mp3")
MOST_TRIES = 200  # of parts of one damaged span


class Worker:
    """A loaded model that analyses units. Raises `RunError` when there is no such model."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._predictor = Predictor.load(job.model, job.device)
        self._analyser = Analyser(self._predictor, job.settings)

    @property
    def header(self) -> JournalHeader:
        return header_of(self.job.model, self._predictor, self.job.settings)

    def scores(self, spans: Sequence[Span]) -> list[SpanScores | SpanError]:
        """The results of spans, which are not written."""
        with one_thread():
            return list(self._analyser(spans))

    def analyse(self, unit: Unit) -> Done:
        """Analyse the spans of a unit and write them. Raises `WriteError`."""
        results: list[SpanScores | SpanError] = []
        attempts: list[int] = []
        before = unit.attempts or (0,) * len(unit.spans)
        for result, n in zip(self.scores(unit.spans), before, strict=True):
            found = list(self._rescued(result)) if isinstance(result, SpanError) else [result]
            results += found
            attempts += [n] * len(found)
        n_failed = sum(isinstance(result, SpanError) for result in results)
        part = write_results(Path(self.job.folder), results, unit.key, attempts)
        return Done(unit, (part,), n_failed)

    def _rescued(self, error: SpanError) -> Iterator[SpanScores | SpanError]:
        """A span with damaged sound in halves, again and again: only windows with the damage are lost."""
        if error.span.file.path.lower().endswith(SLOW_SEEK) or not _is_there(error.span):
            yield error
            return
        todo, n_tries = [error], 0
        while todo:
            failed = todo.pop()
            halves = _halves(failed.span)
            if len(halves) < 2 or n_tries >= MOST_TRIES:
                yield failed
                continue
            n_tries += 1
            for result in reversed(self.scores(halves)):
                if isinstance(result, SpanError):
                    todo.append(result)
                else:
                    yield result


def _is_there(span: Span) -> bool:
    """Whether the file is still the one that was found: else all of the span is lost."""
    try:
        require_unchanged(span.file)
    except AudioError:
        return False
    return True


def _halves(span: Span) -> list[Span]:
    middle = (span.first + span.last) // 2
    bounds = ((span.first, middle), (middle, span.last))
    return [replace(span, first=a, last=b) for a, b in bounds if a < b]


@contextmanager
def one_thread() -> Iterator[None]:
    """In the block torch uses one thread."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)
