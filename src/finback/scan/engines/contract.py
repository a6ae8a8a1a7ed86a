"""What engines have in common: a job, units of it in, names of finished parts out.

    with LocalEngine(job, n_workers=4) as engine:
        for done in engine.map(units):              # in any order; audio and scores never pass through here
            journal.take(done)

A unit may be None: there is none now, and more may come; the engine asks again soon. An engine writes parts,
and nothing else. It deals with its workers that die: a unit whose worker died is tried again span by span,
and a span whose worker died twice is written as an error of that span. Raises what stops all work, for
example `WriteError` for a full disk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from finback.scan.header import JournalHeader
from finback.scan.journal import write_results
from finback.scan.plan import Unit
from finback.scan.settings import ScanSettings
from finback.scan.spans import SpanError

MOST_DEATHS = 2  # of workers on one span
POLL_S = 0.3  # between two questions for a unit, when there was none
Units = Iterable[Unit | None]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know: the model, its device, the folder of the journal, the settings."""

    model: str  # run folder or bundled model
    device: str
    folder: str
    settings: ScanSettings


@dataclass(frozen=True, slots=True)
class Done:
    """A unit whose spans are all in the journal, in these parts; `n_failed` of them as errors."""

    unit: Unit
    parts: tuple[str, ...]
    n_failed: int = 0


class Engine(ABC):
    """Runs a job; a context manager, which closes it."""

    header: JournalHeader  # of a journal with the model and the settings of the job

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def map(self, units: Units) -> Iterator[Done]:
        """Analyse units as they come; yields each when it is in the journal."""

    @abstractmethod
    def close(self) -> None:
        """End all workers at once; finished parts stay."""


def single_spans(unit: Unit) -> list[Unit]:
    """The spans of a unit, each as a unit of the same name."""
    attempts = unit.attempts or (0,) * len(unit.spans)
    return [replace(unit, spans=(s,), attempts=(n,)) for s, n in zip(unit.spans, attempts, strict=True)]


def given_up(folder: Path, unit: Unit, reason: str) -> Done:
    """Write the spans of a unit as errors: its workers died."""
    text = f"the process that analysed this part ended {MOST_DEATHS} times ({reason})"
    errors = [SpanError(s, f"{s.file.path}: {text}; convert the file, or leave it out") for s in unit.spans]
    return Done(unit, (write_results(folder, errors, unit.key, unit.attempts),), len(errors))
