"""The main job end to end: what it leaves, that it resumes, and that it says when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finback.core.errors import RunError
from finback.core.progress import no_progress
from finback.core.storage.files import read_json
from finback.data.index import IndexRequest
from finback.evaluation import pipeline
from finback.training.plan import Plan
from finback.training.settings import resolve

LEFT = [
    *("run.json", "weights.safetensors", "manifest.csv", "problems.json", "split.csv", "audit.json"),
    *("metrics.jsonl", "metrics.json", "scores.parquet", "report.html"),
]


def job(tiny: str, **other: Any) -> Plan:
    return Plan("cnn2d", resolve(tiny), **{"device": "cpu", "command": "finback run ...", **other})


def request(simulated: Path) -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")


def test_everything_is_left_in_the_folder(trained: Path) -> None:
    for name in LEFT:
        assert (trained / name).stat().st_size > 0, name
    assert (
        len(list((trained / "figures").glob("*.png"))) == len(list((trained / "figures").glob("*.svg"))) > 3
    )
    assert not list(trained.rglob(".*tmp*"))


def test_done_is_said_and_nothing_is_done_again(trained: Path, simulated: Path, tiny: str) -> None:
    before = {p: p.stat().st_mtime_ns for p in trained.rglob("[!.]*") if p.is_file()}
    lines: list[str] = []
    done = pipeline.run(job(tiny, seed=0), request(simulated), trained, no_progress, lines.append)
    assert any("this run is finished" in line for line in lines)
    assert {p: p.stat().st_mtime_ns for p in trained.rglob("[!.]*") if p.is_file()} == before
    assert any("accuracy" in line for line in done.headline)


def test_the_usual_family_carries_over_and_a_run_keeps_its_own(trained: Path, tmp_path: Path) -> None:
    assert pipeline.usual_family("watkins", tmp_path) == "auto"
    assert pipeline.usual_family("right-whale", tmp_path) == "cnn2d"
    assert pipeline.usual_family("watkins", trained) == "cnn2d"  # begun when this was the usual one


def test_an_interrupted_run_ends_as_one_never_stopped(
    trained: Path, simulated: Path, tiny: str, tmp_path: Path
) -> None:
    def interrupt(items: Any, what: str, total: int | None = None) -> Any:
        for i, item in enumerate(items):
            if what == "training" and i == 3:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        pipeline.run(job(tiny), request(simulated), tmp_path / "cut", interrupt, lambda text: None)
    assert not (tmp_path / "cut" / "metrics.json").exists()
    pipeline.run(job(tiny), request(simulated), tmp_path / "cut", no_progress, lambda text: None)
    assert (tmp_path / "cut" / "weights.safetensors").read_bytes() == (
        trained / "weights.safetensors"
    ).read_bytes()
    assert read_json(tmp_path / "cut" / "metrics.json") == read_json(trained / "metrics.json")


def test_another_run_is_not_overwritten(trained: Path, simulated: Path, tiny: str) -> None:
    before = (trained / "audit.json").read_bytes()
    with pytest.raises(RunError, match="seed 0 -> 1"):
        pipeline.run(job(tiny, seed=1), request(simulated), trained, no_progress, lambda text: None)
    assert (trained / "audit.json").read_bytes() == before


@pytest.mark.real
def test_the_promise_on_watkins(watkins: Path) -> None:
    """A random split leaks; a split by group does not."""
    from finback.data.dataset import prepare_and_audit
    from finback.data.index import index
    from finback.data.splits.split import SplitSettings

    found = IndexRequest(
        audio=watkins / "audio", labels=watkins / "labels.csv", groups=f"{watkins / 'metadata.csv'}:group"
    )
    audit = prepare_and_audit(index(found), split=SplitSettings())[1].to_json()
    assert audit["random"]["group_leak_share"] >= 0.9
    assert audit["random"]["group_lookup_accuracy"] >= 0.85
    assert audit["grouped"]["group_leak_share"] == 0
    assert audit["grouped"]["group_lookup_accuracy"] <= 0.15


def test_the_lines_on_sets_of_species_fit_80_columns() -> None:
    ends = {"coverage": 0.911, "coverage_ci": (0.869, 0.947), "mean_size": 1.9, "mean_size_ci": (1.7, 2.0)}
    lines = pipeline._sets_lines({"level": 0.9, "refused": "", **ends})
    assert max(map(len, lines)) <= 80
    assert lines == [
        "  sets of species at 0.9                 0.911  [0.869, 0.947] hold the true one",
        "  species in a set, on average           1.9    [1.7, 2.0]",
    ]
