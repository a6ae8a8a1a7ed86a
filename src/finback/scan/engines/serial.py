"""The engine without other processes: one worker in this one (`--workers 1`), the reference for all."""

from __future__ import annotations

import time
from collections.abc import Iterator

from finback.scan.engines.contract import POLL_S, Done, Engine, Job, Units


class SerialEngine(Engine):
    """Analyses one unit after the other. Raises `RunError` when there is no such model."""

    def __init__(self, job: Job) -> None:
        from finback.scan.engines.worker import Worker  # imports torch

        self._worker = Worker(job)
        self.header = self._worker.header

    def map(self, units: Units) -> Iterator[Done]:
        """See `engines/contract.py`."""
        for unit in units:
            if unit is None:
                time.sleep(POLL_S)
            else:
                yield self._worker.analyse(unit)

    def close(self) -> None:
        """There is nothing to end."""
