"""The demo: the complete workflow on simulated recordings."""

from __future__ import annotations

from pathlib import Path

from finback.core.progress import Log, Progress
from finback.data.index import IndexRequest
from finback.datasets.simulate.calls import CALLS
from finback.datasets.simulate.simulate import ClipSettings, simulate_clips
from finback.evaluation.pipeline import Done, run
from finback.training.plan import Plan
from finback.training.settings import resolve


def demo(out: Path, device: str, command: str, progress: Progress, log: Log) -> Done:
    """The complete workflow on simulated recordings.

    The species are those whose calls are inside the frequency range of the default preset.
    """
    top_hz = resolve().features.top_hz
    settings = ClipSettings(species=tuple(name for name, call in CALLS.items() if call.low_hz < top_hz))
    labels = simulate_clips(out / "data", settings, progress)
    request = IndexRequest(audio=labels.parent / "audio", labels=labels)
    plan = Plan("cnn2d", resolve(overrides=["training.epochs=25"], family="cnn2d"), 0, device, command)
    return run(plan, request, out / "run", progress, log)
