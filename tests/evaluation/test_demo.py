"""The demo: clips, a run in folds, a scan of a recording, and what continues after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finback.cli import demo as command
from finback.core.progress import no_progress
from finback.core.storage.csv_files import read_csv
from finback.evaluation import demo
from finback.evaluation.demo import DemoSize

SMALL = DemoSize(tapes=3, clips=6, background_clips=2, minutes=1, calls_per_minute=10, folds=3, workers=1)


def made(out: Path, progress: Any = no_progress) -> demo.Demo:
    return demo.demo(out, ("cpu", "finback demo"), progress, lambda text: None, lambda pace: None, SMALL)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    return made(tmp_path_factory.mktemp("demo"))


def test_the_demo_needs_no_data(small: demo.Demo) -> None:
    assert small.done.report.exists()
    assert (small.n_clips, small.n_tapes) == (5 * 6 + 3 * 2, 6 * 3)
    assert small.done.metrics["n_groups"] == small.n_tapes  # each tape is tested once
    assert any("no-audio baselines" in line for line in small.done.headline)
    assert len(read_csv(small.truth)) == small.events.overall["n_true"] == 10


def test_background_is_an_answer_and_no_event(small: demo.Demo) -> None:
    assert "background" in small.done.metrics["labels"]
    assert {event["species"] for event in small.scan.events} <= set(demo.SPECIES)


def test_it_says_what_each_part_shows_and_what_to_do_next(
    small: demo.Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    command._show(small, Path("runs/demo"))
    text = " ".join(capsys.readouterr().out.split())
    overall = small.events.overall
    assert f"found {overall['n_found']} of {overall['n_true']} calls" in text
    assert text.count("false alarm") >= 1
    for words in ("group lookup", "easier than the real sea", "report.html", "finback run --audio clips"):
        assert words in text
    shown = command.to_json(small)
    assert shown["events"]["all"]["n_true"] == sum(shown["events"][name]["n_true"] for name in demo.SPECIES)


def test_an_interrupted_demo_ends_as_one_never_stopped(small: demo.Demo, tmp_path: Path) -> None:
    def interrupt(items: Any, what: str, total: int | None = None) -> Any:
        for i, item in enumerate(items):
            if what == "simulating recording" and i == 1:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, interrupt)
    assert not (tmp_path / "scan").exists()
    again = made(tmp_path)
    assert again.done.metrics == small.done.metrics
    assert again.events.overall == small.events.overall


def test_the_demo_again_repeats_nothing(small: demo.Demo) -> None:
    out = small.done.folder.parent
    kept = [*out.rglob("*.flac"), *out.rglob("*.safetensors"), out / "run" / "report.html"]
    before = {p: p.stat().st_mtime_ns for p in kept}
    assert made(out).events.overall == small.events.overall
    assert {p: p.stat().st_mtime_ns for p in kept} == before
