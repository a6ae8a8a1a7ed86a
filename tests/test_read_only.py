"""Run folders and caches that nobody may write to: every answer is given; what was not kept is said."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finback.core.errors import NotKept
from finback.core.storage.keeping import kept, writable_folder


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make a folder read-only as a mount is, for every user: the calls of the system refuse."""

    def seal(folder: Path) -> Path:
        real_open, real_mkdir = os.open, os.mkdir

        def refuse(path: Any) -> None:
            if not isinstance(path, int) and folder in (
                Path(os.fsdecode(path)),
                *Path(os.fsdecode(path)).parents,
            ):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

        def sealed_open(path: Any, flags: int, *more: Any, **options: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                refuse(path)
            return real_open(path, flags, *more, **options)

        def sealed_mkdir(path: Any, *more: Any, **options: Any) -> None:
            if not os.path.isdir(path):
                refuse(path)
            real_mkdir(path, *more, **options)

        monkeypatch.setattr(os, "open", sealed_open)
        monkeypatch.setattr(os, "mkdir", sealed_mkdir)
        return folder

    return seal


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A finished run that was not evaluated yet."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for name in ("metrics.json", "scores.parquet", "report.html"):
        (run / name).unlink()
    shutil.rmtree(run / "figures")
    return run


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.startswith(".")}


def test_figures_of_a_read_only_run_are_the_same(run: Path, trained: Path, read_only: Any) -> None:
    from finback.core.storage.files import read_json
    from finback.evaluation.evaluate import evaluate_run

    before = files(run)
    read_only(run)
    with pytest.warns(NotKept, match="not kept there"):
        result = evaluate_run(run, "cpu")
    assert result == read_json(trained / "metrics.json")
    assert files(run) == before


def test_a_report_of_a_read_only_run_goes_elsewhere(run: Path, read_only: Any) -> None:
    from finback.evaluation.pages.write import write

    before = files(run)
    read_only(run)
    with pytest.warns(NotKept, match="could not be written") as told:
        page = write(run)
    assert str(page.parent) in str(told[-1].message) + str(told[0].message)
    assert "<svg" in page.read_text(encoding="utf-8") or "data:image" in page.read_text(encoding="utf-8")
    assert files(run) == before
    shutil.rmtree(page.parent)


def test_a_map_of_a_read_only_run_goes_elsewhere(run: Path, read_only: Any) -> None:
    from finback.evaluation.pages.embedding_map import write

    before = files(run)
    read_only(run)
    with pytest.warns(NotKept):
        written = write(run, ("t-SNE",), device="cpu")
    assert written.page.is_file()
    assert written.figure.is_file()
    assert files(run) == before
    shutil.rmtree(written.page.parent)


def test_predictions_need_no_writable_cache_and_run(run: Path, simulated: Path, read_only: Any) -> None:
    from finback.models.predict import load

    clip = next(iter(sorted((simulated / "audio").iterdir())))
    expected = load(str(run), "cpu").predict([clip])
    read_only(run)
    read_only(Path(os.environ["FINBACK_CACHE"]))
    again = load(str(run), "cpu").predict([clip])
    assert [p.top(9) for p in again] == [p.top(9) for p in expected]


def test_the_audit_of_a_generator_needs_no_writable_folder(
    generator_run: Path, trained: Path, tmp_path: Path, read_only: Any
) -> None:
    from finback.core.progress import no_progress
    from finback.evaluation.generator_audit import AuditRequest, audit_generator

    run = tmp_path / "generator"
    shutil.copytree(generator_run, run)
    before = files(run)
    read_only(run)
    with pytest.warns(NotKept):
        result = audit_generator(
            AuditRequest(run, trained, n=4, seeds=1, backbone="mfcc", device="cpu"), no_progress
        )
    assert result["recognised"]
    assert files(run) == before


def test_a_place_that_takes_files_is_used_and_nothing_is_said(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert writable_folder(tmp_path / "new") == tmp_path / "new"
        with kept(tmp_path):
            (tmp_path / "a").touch()
    assert files(tmp_path) == {"new", "a"}
