"""A study trains many models by one plan. What is the same for every study is here.

    study = PreparedStudy(dataset, out, planned_runs, seconds)
    errors = StudyRunner(study, train, log=log).run(progress)

Each planned run belongs to a candidate: a model family of a comparison, an arm of a synthetic study. Runs
that are finished are skipped, so a study that was interrupted continues. A candidate that fails is left out
from then on, its error is kept for the table of results, and the other candidates continue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from finback.core.errors import FinbackError
from finback.core.progress import Log, Progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.data.dataset import Dataset
from finback.evaluation.cost import in_words

RUNS = "runs"  # the folder of a study that holds its run folders
# What one candidate can cause: a loss that diverges, a shape that torch refuses, an estimator that complains.
# Every other error (no memory, a lost disk, an interrupt) would stop the other candidates too, so it ends the
# study.
FAILURES = (FinbackError, RuntimeError, ValueError)
Measured = TypeVar("Measured")


def one_line(error: Exception) -> str:
    """The error as it stands in a table."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, FinbackError) else f"{type(error).__name__}: {text[:300]}"


@dataclass(frozen=True)
class StudyOptions:
    """How a study is carried out, whatever it asks."""

    n_folds: int = 5
    seeds: tuple[int, ...] = (0,)
    hours: float = 0.0  # no training starts that would not end within this time; 0: no limit
    device: str = "auto"
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run folder of a study: finished, begun, or still to be trained."""

    evaluated: ClassVar[str]  # name of the file that exists once the run is evaluated
    candidate: str
    name: str
    folder: Path
    n_parts: int = 1  # folds, each a training of its own

    @property
    def is_done(self) -> bool:
        """Whether the run is trained and evaluated."""
        return RunFolder(self.folder).is_trained and (self.folder / self.evaluated).exists()

    def parts_done(self) -> list[RunInfo]:
        """What `run.json` holds of each trained fold; of the run itself if it has no folds."""
        run = RunFolder(self.folder)
        if not run.run_json.exists():
            return []
        return [part.info for part in run.parts if part.is_trained]

    def validation_scores(self) -> list[float]:
        """The best validation macro-F1 of each trained fold that has a validation set."""
        return [part.best for part in self.parts_done() if part.best is not None]

    @property
    def spent_s(self) -> float:
        """Training time so far, in seconds."""
        run = RunFolder(self.folder)
        return (run.info.training_s or 0.0) if run.run_json.exists() else 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of the block to `training_s` in `run.json`, also when the block is interrupted."""
        before, started = self.spent_s, time.monotonic()
        try:
            yield
        finally:
            run = RunFolder(self.folder)
            if run.run_json.exists():
                run.note(training_s=round(before + time.monotonic() - started, 3))


Run = TypeVar("Run", bound=PlannedRun)


@dataclass(frozen=True)
class PreparedStudy(Generic[Run]):
    """A study with its data, its planned runs, and an estimate of the time that each run still takes."""

    dataset: Dataset
    out: Path
    planned: tuple[Run, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)  # by name of the run, at most
    errors: Mapping[str, str] = field(default_factory=dict)  # by candidate whose time could not be measured

    @property
    def todo(self) -> list[Run]:
        """The runs that are not finished, without candidates that failed."""
        return [run for run in self.planned if run.candidate not in self.errors and not run.is_done]

    @property
    def left_s(self) -> dict[str, float]:
        """Seconds left, at most, of each candidate that has unfinished runs."""
        left: dict[str, float] = {}
        for run in self.todo:
            left[run.candidate] = left.get(run.candidate, 0.0) + self.seconds.get(run.name, 0.0)
        return left

    @property
    def total_s(self) -> float:
        return sum(self.left_s.values())


def measure_each(
    names: Sequence[str], measure: Callable[[str], Measured], progress: Progress
) -> tuple[dict[str, Measured], dict[str, str]]:
    """({name: what was measured}, {name: the error of one that could not be measured})."""
    measured: dict[str, Measured] = {}
    errors: dict[str, str] = {}
    for name in progress(names, "measuring models", len(names)):
        try:
            measured[name] = measure(name)
        except FAILURES as error:
            errors[name] = one_line(error)
    return measured, errors


@dataclass(frozen=True)
class StudyProgress:
    """How far one candidate has come."""

    candidate: str
    done: int  # trained folds, over all its runs
    total: int
    best: float | None  # mean of the finished folds' best validation macro-F1
    spent_s: float
    left_s: float
    error: str = ""


Callback = Callable[[Sequence[StudyProgress]], None]


class StudyRunner(Generic[Run]):
    """Trains the unfinished runs one after another, and keeps account of time and failures.

    `train(run, progress)` trains and evaluates one run and returns the result as a short text for the log.
    `callback` receives one row for each candidate whenever a new loop of work begins.
    """

    def __init__(
        self,
        study: PreparedStudy[Run],
        train: Callable[[Run, Progress], str],
        hours: float = 0.0,
        callback: Callback = lambda rows: None,
        log: Log = lambda text: None,
    ) -> None:
        self.study, self.train, self.hours = study, train, hours
        self.callback, self.log = callback, log
        self.errors = dict(study.errors)
        self._left_at_start = study.left_s
        self._used: dict[str, float] = {}  # seconds of this session, by candidate

    def run(self, progress: Progress) -> dict[str, str]:
        """Train what is left, as far as the hours allow. Returns {candidate: error} of those that failed."""
        end = time.monotonic() + 3600 * self.hours if self.hours else None
        todo = self.study.todo
        for i, run in enumerate(todo):
            if run.candidate in self.errors:
                continue
            if end is not None and time.monotonic() + self.study.seconds.get(run.name, 0.0) > end:
                left = f"{len(todo) - i} of {len(todo)} runs are left"
                self.log(f"the limit of {self.hours:g} hours is reached: {left}")
                break
            self._train(run, 1 + self.study.planned.index(run), progress)
        return self.errors

    def _train(self, run: Run, number: int, progress: Progress) -> None:
        started, of = time.monotonic(), f"{number} of {len(self.study.planned)}"

        def named(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
            self.callback(self.rows(run, time.monotonic() - started))
            return progress(items, f"{run.name} ({of}): {what}", total)

        try:
            result = self.train(run, named)
        except FAILURES as error:
            self.errors[run.candidate] = one_line(error)
            self.log(f"{run.name}: failed: {self.errors[run.candidate]}")
            return
        took = time.monotonic() - started
        self._used[run.candidate] = self._used.get(run.candidate, 0.0) + took
        left = sum(row.left_s for row in self.rows())
        ahead = f", at most about {in_words(left)} left" if left > 0 else ""
        self.log(f"{run.name}: {result}{'; ' if result else ''}{in_words(took)}; run {of}{ahead}")

    def rows(self, now: Run | None = None, running_s: float = 0.0) -> list[StudyProgress]:
        """One row for each candidate, read from the run folders; `now` has been running for `running_s`."""
        rows = []
        for candidate in dict.fromkeys(run.candidate for run in self.study.planned):
            runs = [run for run in self.study.planned if run.candidate == candidate]
            best = [score for run in runs for score in run.validation_scores()]
            here = running_s if now is not None and now.candidate == candidate else 0.0
            done, total = sum(len(run.parts_done()) for run in runs), sum(run.n_parts for run in runs)
            used = self._used.get(candidate, 0.0) + here
            left = max(0.0, self._left_at_start.get(candidate, 0.0) - used)
            if done == total or candidate in self.errors:
                left = 0.0
            rows.append(
                StudyProgress(
                    candidate,
                    done,
                    total,
                    sum(best) / len(best) if best else None,
                    sum(run.spent_s for run in runs if run is not now) + here,
                    left,
                    self.errors.get(candidate, ""),
                )
            )
        return rows
