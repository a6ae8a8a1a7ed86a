"""What every engine does with a unit: analyse its spans, and write the results as one part.

A worker has one model, one thread and no index of the journal. The number of threads is fixed, because sums
by other numbers of threads differ in their last bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from finback.models.predictor import Predictor
from finback.scan.engines.contract import Done, Job
from finback.scan.header import JournalHeader
from finback.scan.journal import write_results
from finback.scan.model import header_of
from finback.scan.plan import Unit
from finback.scan.spans import Span, SpanError, SpanScores
from finback.scan.windows import Analyser


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
        results = self.scores(unit.spans)
        n_failed = sum(isinstance(result, SpanError) for result in results)
        part = write_results(Path(self.job.folder), results, unit.key, unit.attempts)
        return Done(unit, (part,), n_failed)


@contextmanager
def one_thread() -> Iterator[None]:
    """In the block torch uses one thread."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)
