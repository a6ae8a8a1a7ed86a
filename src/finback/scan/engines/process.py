"""One worker process of the local engine: started here, and what runs in it.

Processes are forks of a server that has imported torch, where the system has forks: they start at once and
share its pages. They leave signals to the first process and end with it, also when it is killed with -9.
"""

from __future__ import annotations

import signal
import types
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from finback.core.errors import FinbackError
from finback.core.processes import end_with_the_first_process, plain_start, quick_context
from finback.scan.engines import PRELOADED
from finback.scan.engines.contract import Done, Job
from finback.scan.header import JournalHeader
from finback.scan.plan import Unit

Answer = JournalHeader | Done | FinbackError | str  # a text: what nobody foresaw, as the last answer


class WorkerProcess:
    """A process with a model; a unit goes in by `give`, and an answer comes back by `answer`."""

    def __init__(self, job: Job) -> None:
        context = quick_context(PRELOADED)
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, job), daemon=True)
        with plain_start():
            self.process.start()
        other.close()

    @property
    def sentinels(self) -> list[Any]:
        """Objects to wait on: one is ready when there is an answer, or the process has ended."""
        return [self.pipe, self.process.sentinel]

    def give(self, unit: Unit) -> bool:
        """Send a unit. False when the process has ended."""
        try:
            self.pipe.send(unit)
        except OSError:
            return False
        return True

    def answer(self) -> Answer | None:
        """What the process has sent; None when it ended before. Waits for one of the two."""
        try:
            wait(self.sentinels)
            return self.pipe.recv() if self.pipe.poll() else None
        except (OSError, EOFError):
            return None

    def end(self) -> str:
        """End the process at once. How it ended, in words, if it had ended before."""
        if self.process.is_alive() and not wait([self.process.sentinel], 0.0):
            self.process.kill()
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        try:
            return signal.Signals(-code).name if code < 0 else f"exit code {code}"
        except ValueError:
            return f"signal {-code}"


def serve(pipe: Connection, job: Job) -> None:
    """Runs in the process: answer units until the pipe ends."""
    end_with_the_first_process()
    from finback.scan.engines.worker import Worker

    with _told(pipe):
        worker = Worker(job)
        pipe.send(worker.header)
        while True:
            try:
                unit = pipe.recv()
            except (EOFError, OSError):
                return
            pipe.send(worker.analyse(unit))


class _told:
    """Sends an error to the first process instead of showing it: a foreseen one as it is, others as text.

    Where the first process does not listen any more, there is nobody to tell.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> bool:
        if isinstance(error, OSError) and not isinstance(error, MemoryError):
            error = FinbackError(f"{error.filename or 'a worker'}: {error.strerror or error}")
        with suppress(OSError):
            if isinstance(error, FinbackError):
                self.pipe.send(error)
            elif error is not None and kind is not None:
                self.pipe.send(f"{kind.__name__}: {error}"[:300])
        return True
