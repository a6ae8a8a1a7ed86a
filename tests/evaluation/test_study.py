"""The runner of studies: what is left, what fails, what the log and the table of progress show."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.storage.files import write_atomic
from finback.data.dataset import Dataset
from finback.evaluation.study import (
    PlannedRun,
    PreparedStudy,
    StudyProgress,
    StudyRunner,
    measure_each,
    one_line,
)
from finback.evaluation.study_table import interval_columns, write_table


class FakeRun(PlannedRun):
    """A run that is evaluated when `result.txt` is there."""

    evaluated = "result.txt"


def study(folder: Path, dataset: Dataset, **more: dict[str, str]) -> PreparedStudy[FakeRun]:
    planned = tuple(
        FakeRun(candidate=name, name=f"{name}, seed {seed}", folder=folder / f"{name}-{seed}")
        for seed in (0, 1)
        for name in ("a", "b")
    )
    seconds = {run.name: 10.0 for run in planned}
    return PreparedStudy(dataset, folder, planned, seconds, **more)


def finish(run: FakeRun, progress: Progress) -> str:
    """What training a run leaves."""
    for _ in progress([0], "training", 1):
        folder = RunFolder(run.folder)
        folder.write(RunInfo(kind="classifier", format=1))
        with run.timed():
            folder.finish(best=0.5)
        write_atomic(run.folder / "result.txt", "done")
    return "accuracy 1.000"


def test_a_candidate_that_fails_stops_no_other(tmp_path: Path, tiny_dataset: Dataset) -> None:
    lines: list[str] = []

    def train(run: FakeRun, progress: Progress) -> str:
        if run.candidate == "a":
            raise ValueError("no\nluck")
        return finish(run, progress)

    prepared = study(tmp_path, tiny_dataset)
    assert prepared.left_s == {"a": 20.0, "b": 20.0}
    runner = StudyRunner(prepared, train, log=lines.append)
    assert runner.run(no_progress) == {"a": "ValueError: no luck"}
    assert [line.split(";")[0] for line in lines] == [
        "a, seed 0: failed: ValueError: no luck",
        "b, seed 0: accuracy 1.000",
        "b, seed 1: accuracy 1.000",
    ]
    assert [run.name for run in prepared.todo] == ["a, seed 0", "a, seed 1"]
    again = StudyRunner(prepared, finish, log=lines.append)
    assert again.run(no_progress) == {}
    assert prepared.todo == []
    assert prepared.total_s == 0


def test_an_interrupt_ends_the_study(tmp_path: Path, tiny_dataset: Dataset) -> None:
    def interrupted(run: FakeRun, progress: Progress) -> str:
        raise KeyboardInterrupt

    runner = StudyRunner(study(tmp_path, tiny_dataset), interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(no_progress)


def test_the_table_of_progress_fills(tmp_path: Path, tiny_dataset: Dataset) -> None:
    shown: list[list[StudyProgress]] = []
    prepared = study(tmp_path, tiny_dataset, errors={"b": "cannot be measured"})
    StudyRunner(prepared, finish, callback=lambda rows: shown.append(list(rows))).run(no_progress)
    assert [(row.candidate, row.done, row.total) for row in shown[0]] == [("a", 0, 2), ("b", 0, 2)]
    assert shown[0][1].error == "cannot be measured"
    assert shown[0][1].left_s == 0
    assert 19 < shown[0][0].left_s <= 20
    assert (shown[1][0].done, shown[1][0].best) == (1, 0.5)
    assert StudyRunner(prepared, finish).rows()[0].left_s == 0


def test_no_run_starts_that_would_not_end_in_time(tmp_path: Path, tiny_dataset: Dataset) -> None:
    lines: list[str] = []
    prepared = study(tmp_path, tiny_dataset)
    StudyRunner(prepared, finish, hours=9 / 3600, log=lines.append).run(no_progress)
    assert lines == ["the limit of 0.0025 hours is reached: 4 of 4 runs are left"]
    assert len(prepared.todo) == 4
    StudyRunner(prepared, finish, hours=1, log=lines.append).run(no_progress)
    assert prepared.todo == []


def test_training_time_adds_up_over_interruptions(tmp_path: Path) -> None:
    run = FakeRun(candidate="a", name="a, seed 0", folder=tmp_path)
    assert run.spent_s == 0
    RunFolder(tmp_path).write(RunInfo(kind="classifier", format=1, training_s=5.0))
    with pytest.raises(KeyboardInterrupt), run.timed():
        raise KeyboardInterrupt
    assert 5.0 <= run.spent_s < 6.0


def test_what_cannot_be_measured_is_named() -> None:
    def measure(name: str) -> float:
        if name == "b":
            raise RunError("b: broken", "repair it")
        return 1.0

    assert measure_each(["a", "b"], measure, no_progress) == ({"a": 1.0}, {"b": "b: broken; repair it"})
    assert one_line(ValueError()) == "ValueError: ValueError"


def test_a_table_has_two_columns_for_an_interval_and_empty_cells(tmp_path: Path) -> None:
    rows = [{"name": "a", "f1": 0.5, **interval_columns("f1", [0.4, 0.6])}, {"name": "b", "f1": None}]
    write_table(tmp_path / "t.csv", ["name", "f1", "f1_low", "f1_high"], rows)
    assert (tmp_path / "t.csv").read_text() == "name,f1,f1_low,f1_high\na,0.5,0.4,0.6\nb,,,\n"
    assert interval_columns("f1", None) == {}
