"""The local engine: worker processes on this machine, one model and one thread each.

A worker that dies (kill -9, a decoder that crashes, no memory) is replaced. The unit that it had is tried
again span by span; a span whose worker died twice becomes an error of that span.
"""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import wait

from finback.core.errors import FinbackError
from finback.scan.engines.contract import Done, Job
from finback.scan.engines.pieces import Piece
from finback.scan.engines.pool import Pool
from finback.scan.engines.process import WorkerProcess
from finback.scan.header import JournalHeader

MOST_STARTS = 3  # of workers, one after the other, that end before they have loaded the model


class LocalEngine(Pool):
    """`n_workers` processes; a context manager. Raises `RunError` when there is no such model."""

    def __init__(self, job: Job, n_workers: int) -> None:
        super().__init__(job)
        self.n_workers = n_workers
        self._workers: list[WorkerProcess] = []  # all; a signal may come between two places
        self._busy: dict[WorkerProcess, Piece | None] = {}  # None: it loads the model
        self._idle: list[WorkerProcess] = []
        self._failed_starts = 0
        self.header: JournalHeader = self._first_header()

    def close(self) -> None:
        for worker in tuple(self._workers):
            self._end(worker)
        self._busy, self._idle = {}, []

    def _first_header(self) -> JournalHeader:
        """Start the first worker, and wait until it has loaded the model."""
        self._start()
        while not self._idle:
            for _ in self._answers(None):
                raise AssertionError("an answer without a unit")
            if not self._busy and not self._idle:
                self._start()
        return self.header

    def _start(self) -> None:
        self._workers.append(WorkerProcess(self.job))
        self._busy[self._workers[-1]] = None

    def _end(self, worker: WorkerProcess) -> str:
        """End a worker at once; how it ended, in words."""
        how = worker.end()
        self._workers.remove(worker)
        return how

    def _has_room(self) -> bool:
        return len(self.pieces) < self.n_workers - sum(piece is not None for piece in self._busy.values())

    def _is_analysing(self) -> bool:
        return any(self._busy.values())

    def _hand_out(self) -> None:
        """Give pieces to idle workers; start a worker where none is idle and more are allowed."""
        while self.pieces and self._idle:
            worker, piece = self._idle.pop(), self.pieces.pop()
            if worker.give(piece.unit):
                self._busy[worker] = piece
            else:
                self._end(worker)
                self.pieces.put_back(piece)
        n_loading = sum(piece is None for piece in self._busy.values())
        n_all = len(self._busy) + len(self._idle)
        for _ in range(min(len(self.pieces) - n_loading, self.n_workers - n_all)):
            self._start()

    def _answers(self, timeout_s: float | None) -> Iterator[Done]:
        """Wait for workers, and take what they say."""
        owners = {sentinel: worker for worker in self._busy for sentinel in worker.sentinels}
        ready = {owners[sentinel] for sentinel in wait(list(owners), timeout_s)}
        for worker in sorted(ready, key=lambda w: w.process.pid or 0):
            piece, answer = self._busy.pop(worker), worker.answer()
            if isinstance(answer, FinbackError):
                self._end(worker)
                raise answer
            if isinstance(answer, JournalHeader):
                self.header, self._failed_starts = answer, 0
                self._idle.append(worker)
            elif isinstance(answer, Done) and piece is not None:
                self._idle.append(worker)
                yield from self.pieces.finished(piece, answer)
            else:
                ended = self._end(worker)
                yield from self._died(piece, answer if isinstance(answer, str) else ended)

    def _died(self, piece: Piece | None, how: str) -> Iterator[Done]:
        """A worker ended on a piece of work, or while it loaded the model."""
        if piece is None:
            self._failed_starts += 1
            if self._failed_starts >= MOST_STARTS:
                raise FinbackError(
                    f"{self.job.model}: workers end before they have loaded the model ({how})",
                    "free some memory, or give fewer --workers",
                )
            return
        yield from self.pieces.died(piece, how)
