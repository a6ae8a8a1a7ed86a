"""The loop of every engine that hands pieces of units to several workers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from finback.scan.engines.contract import POLL_S, Done, Engine, Job, Units
from finback.scan.engines.pieces import Pieces
from finback.scan.plan import Unit


class Pool(Engine):
    """A subclass starts the workers and talks to them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.pieces = Pieces(Path(job.folder))  # that wait for a worker

    def map(self, units: Units) -> Iterator[Done]:
        """See `engines/contract.py`."""
        source = iter(units)
        is_over = False
        while True:
            asked_in_vain = False
            while not (is_over or asked_in_vain) and self._has_room():
                unit = next(source, "over")
                if isinstance(unit, Unit):
                    self.pieces.add(unit)
                    self._hand_out()
                is_over, asked_in_vain = unit == "over", unit is None
            self._hand_out()
            if is_over and not self.pieces and not self._is_analysing():
                return
            yield from self._answers(POLL_S if asked_in_vain else None)

    @abstractmethod
    def _has_room(self) -> bool:
        """Whether a worker is free for one more unit, or could be started for it."""

    @abstractmethod
    def _hand_out(self) -> None:
        """Give pieces to idle workers."""

    @abstractmethod
    def _is_analysing(self) -> bool:
        """Whether a worker has a piece."""

    @abstractmethod
    def _answers(self, timeout_s: float | None) -> Iterator[Done]:
        """Wait for workers, and take what they say; yields the units that are finished."""
