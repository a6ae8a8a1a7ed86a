"""The demo: simulated recordings, a run and its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.progress import no_progress
from finback.evaluation import demo
from finback.training.settings import resolve


def test_the_demo_needs_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: str) -> None:
    """The demo itself, with fewer clips and small settings."""
    from finback.datasets.simulate.simulate import ClipSettings

    few = {"clips_per_species": 4, "tapes_per_species": 3, "duration_s": (0.5, 1.0)}
    monkeypatch.setattr(demo, "ClipSettings", lambda **given: ClipSettings(**given, **few))
    monkeypatch.setattr(demo, "resolve", lambda *a, **k: resolve(tiny))
    done = demo.demo(tmp_path, "cpu", "finback demo", no_progress, lambda text: None)
    assert done.report.exists()
    assert any("no-audio baselines" in line for line in done.headline)
    assert "does not yet show that the model recognises the animals" in done.verdict
