"""Recordings as recorders leave them, and a scan of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sounds import sound

from finback.scan.scan import Scan, scan


@pytest.fixture(scope="module")
def model(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run: 8 kHz, windows of about a second."""
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("scan") / "run"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Recordings as recorders leave them."""
    folder = tmp_path / "site"
    for i, (seconds, rate) in enumerate([(7.3, 8000), (2.0, 16_000), (0.4, 8000), (12.6, 22_050)]):
        sound(folder / f"2023050{i + 1}_120000.wav", seconds, rate)
    sound(folder / "click.wav", 100 / 500_000, 500_000)
    sound(folder / "pair.wav", 3, 8000, channels=2)
    sound(folder / "low.wav", 3, 2000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_bytes(b"not a sound " * 20)
    whole = (folder / "20230501_120000.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def run(model: Path, site: Path, tmp_path: Path) -> Callable[..., Scan]:
    """Scan `site` into `out` with one worker, or as the changes say."""

    def call(out: str = "out", paths: object = None, **changes: object) -> Scan:
        return scan(model, paths or site, tmp_path / out, **{"workers": 1, **changes})  # type: ignore[arg-type]

    return call
