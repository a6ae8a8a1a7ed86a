"""A client and a path for downloads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from finback.datasets.fetch.web import RequestLimits, Web


@pytest.fixture
def web() -> Web:
    limits = RequestLimits(rate=1000, tries=4, backoff_s=0.01, longest_wait_s=2, timeout_s=1)
    return Web(limits, lambda text: None, threading.Event())


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "audio" / "a.wav"
