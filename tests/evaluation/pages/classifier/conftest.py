"""A finished run and its page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from classifier_run import Seen, build_run

from finback.evaluation.pages import classifier as page


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    run = build_run(folder / "run", folder / "audio")
    page.write(run)
    return run


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy to change; its manifest still points at the first one's recordings."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture(scope="session")
def seen(finished) -> Seen:
    return Seen((finished / "report.html").read_text(encoding="utf-8"))
