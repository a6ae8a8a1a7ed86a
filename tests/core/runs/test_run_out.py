"""The folder of a new run: what is in it already is not replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo


@pytest.mark.parametrize("name", ["manifest.csv", "split.csv", "problems.json", "metrics.json"])
def test_files_of_the_user_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match=f"holds another {name}, and no run; give another --out"):
        RunFolder.check_out(tmp_path, RunInfo(kind="classifier", family="cnn2d"))


def test_a_new_folder_and_the_audit_that_comes_first(tmp_path: Path) -> None:
    info = RunInfo(kind="classifier", family="cnn2d")
    assert not RunFolder.check_out(tmp_path / "new", info)
    (tmp_path / "audit.json").write_text("{}")
    assert not RunFolder.check_out(tmp_path, info)
    RunFolder.begin(tmp_path, info)
    (tmp_path / "manifest.csv").touch()
    assert RunFolder.check_out(tmp_path, info)
