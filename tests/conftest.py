"""Shared fixtures: where the real recordings are, and small simulated sounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _data_folder() -> Path:
    return Path(os.environ.get("FINBACK_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = _data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; set FINBACK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def watkins(real_data: Path) -> Path:
    return real_data / "watkins"
