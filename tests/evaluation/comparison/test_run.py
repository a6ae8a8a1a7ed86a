"""A comparison end to end: the same folds for all, resumed where it stopped, one failure stops nobody."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked import forked
from page_checks import problems

from finback.cli.compare import show_estimate
from finback.core.errors import RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json, write_json
from finback.data.index import IndexRequest
from finback.evaluation.comparison import leaderboard
from finback.evaluation.comparison import run as compare
from finback.evaluation.study import StudyOptions, StudyProgress
from finback.metrics.classification import METRICS
from finback.models.networks.dnn import DNN

FAMILIES = ["dnn", "mfcc-forest"]


def request(simulated: Path) -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")


def comparison(
    tiny: str, families: list[str] = FAMILIES, seeds: tuple[int, ...] = (0,), random: bool = True
) -> compare.Comparison:
    quick = ["training.epochs=2", "model.hidden=16", "model.trees=20"]
    quick = [s for s in quick if "trees" not in s or "mfcc-forest" in families]
    options = StudyOptions(2, seeds, device="cpu", command="finback compare ...")
    return compare.plan(families, tiny, quick, random=random, options=options)


class Recorder:
    """Keeps the log, the rows of progress and the loops of a comparison."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown: list[list[StudyProgress]] = []
        self.loops: list[str] = []

    def progress(self, items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        self.loops.append(what)
        return items

    def run(self, prepared: compare.PreparedComparison) -> dict[str, Any]:
        return compare.run(
            prepared, self.progress, lambda rows: self.shown.append(list(rows)), self.lines.append
        )


@pytest.fixture(scope="module", autouse=True)
def _small_baseline_forests() -> Iterable[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finback.data.audit.baselines.TREES", 5)
        yield


@pytest.fixture(scope="module")
def done(simulated: Path, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder, dict]:
    """A finished comparison: two families, two folds, two seeds, a random split."""
    out, recorder = tmp_path_factory.mktemp("compare") / "out", Recorder()
    prepared = compare.prepare(comparison(tiny, seeds=(0, 1)), request(simulated), out)
    assert not out.exists()  # looking costs nothing
    assert set(prepared.left_s) == set(FAMILIES)
    assert prepared.total_s > 0
    said: list[str] = []
    show_estimate(prepared, lambda *_, **__: None, said.append)
    n, sets = re.search(r"^data: (\d+) clips", said[0]), re.findall(r"\d+", said[1].partition(":")[2])
    assert n is not None
    assert sum(map(int, sets)) == int(n[1])  # the sets of the first fold hold all clips
    assert said[2].startswith("fold 2 of 2: training ")
    return out, recorder, recorder.run(prepared)


def test_everything_is_left(done: tuple[Path, Recorder, dict]) -> None:
    out, _, found = done
    for name in ("leaderboard.json", "leaderboard.csv", "report.html", "audit.json"):
        assert (out / name).stat().st_size > 0, name
    assert read_json(out / "leaderboard.json") == json.loads(json.dumps(found))
    assert sorted(p.name for p in (out / "runs").iterdir()) == [
        f"{family}-{which}" for family in FAMILIES for which in ("random", "seed0", "seed1")
    ]


def test_all_families_of_a_seed_are_judged_on_the_same_folds(done: tuple[Path, Recorder, dict]) -> None:
    out, _, _ = done

    def splits(name: str) -> list[str]:
        return [(out / "runs" / name / "folds" / str(i) / "split.csv").read_text() for i in range(2)]

    assert splits("dnn-seed0") == splits("mfcc-forest-seed0")
    assert splits("dnn-seed1") == splits("mfcc-forest-seed1")
    assert splits("dnn-seed0") != splits("dnn-seed1")


def test_figures_are_means_over_seeds(done: tuple[Path, Recorder, dict]) -> None:
    out, _, found = done
    for name, row in found["families"].items():
        runs = [read_json(out / "runs" / f"{name}-seed{seed}" / "metrics.json") for seed in (0, 1)]
        for metric in METRICS:
            values = [r[metric] for r in runs]
            assert row[metric] == pytest.approx(np.mean(values))
            assert row[f"{metric}_sd"] == pytest.approx(np.std(values, ddof=1))
            assert row[f"{metric}_ci"][0] <= row[f"{metric}_ci"][1]
        parts = [RunFolder(out / "runs" / f"{name}-seed{seed}").info.training_s for seed in (0, 1)]
        assert row["training_s"] == pytest.approx(np.mean(parts))
        assert row["clips_per_s"] > 0
        assert row["n_parameters"] > 0
        by_chance = read_json(out / "runs" / f"{name}-random" / "metrics.json")
        assert row["random_split"]["accuracy"] == by_chance["accuracy"]


def test_the_leader_is_the_best_and_the_other_is_set_against_it(done: tuple[Path, Recorder, dict]) -> None:
    _, _, found = done
    first, second = found["families"].values()
    assert found["leader"] == next(iter(found["families"]))
    assert first["macro_f1_multi_group"] >= second["macro_f1_multi_group"]
    assert (first["rank"], second["rank"]) == (1, 2)
    assert first["versus_leader"] is None
    gap = second["versus_leader"]["accuracy"]["difference"]
    assert gap == pytest.approx(second["accuracy"] - first["accuracy"])  # the same clips under both seeds
    assert {"grouped", "random"} == set(found["no_audio_baselines"])
    assert (
        found["no_audio_baselines"]["random"]["group_lookup_accuracy"]
        > found["no_audio_baselines"]["grouped"]["group_lookup_accuracy"]
    )


def test_the_csv_is_the_same_table(done: tuple[Path, Recorder, dict]) -> None:
    out, _, found = done
    with open(out / "leaderboard.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["family"] for r in rows] == list(found["families"])
    second = found["families"][rows[1]["family"]]
    assert float(rows[1]["accuracy"]) == second["accuracy"]
    assert float(rows[1]["ece_high"]) == second["ece_ci"][1]
    ahead = second["versus_leader"]["macro_f1_multi_group"]["ahead"]
    assert float(rows[1]["versus_leader_macro_f1_multi_group_ahead"]) == ahead
    assert rows[0]["versus_leader_accuracy"] == ""


def test_a_line_a_run_and_a_table_that_fills(done: tuple[Path, Recorder, dict]) -> None:
    _, recorder, _ = done
    assert [line.split(":")[0] for line in recorder.lines] == [
        *("dnn, seed 0", "mfcc-forest, seed 0", "dnn, seed 1", "mfcc-forest, seed 1"),
        *("dnn, random split", "mfcc-forest, random split"),
    ]
    assert "run 1 of 6, at most about" in recorder.lines[0]
    assert recorder.lines[-1].endswith("run 6 of 6")
    first, last = recorder.shown[0][0], recorder.shown[-1][0]
    assert (first.candidate, first.done, first.total, first.best) == ("dnn", 0, 5, None)
    assert last.done == 5
    assert last.best is not None
    assert last.left_s == 0
    assert any(loop.startswith("dnn, seed 0 (1 of 6): fold 2 of 2: training") for loop in recorder.loops)


def test_done_is_not_done_again(done: tuple[Path, Recorder, dict], simulated: Path, tiny: str) -> None:
    out, _, found = done
    before = {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()}
    prepared, recorder = compare.prepare(comparison(tiny, seeds=(0, 1)), request(simulated), out), Recorder()
    assert prepared.left_s == {}
    assert recorder.run(prepared) == found
    assert {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()} == before
    assert not [loop for loop in recorder.loops if "training" in loop or loop == "listening"]
    with pytest.raises(RunError, match=r"holds another run.*epochs"):
        compare.prepare(compare.plan(FAMILIES, tiny, options=StudyOptions(2)), request(simulated), out)


def test_a_killed_one_goes_on_and_a_family_that_fails_stops_nobody(
    simulated: Path, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the second fold of the first family; then that family fails for good."""

    def interrupt(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        for item in items:
            if "fold 2 of 2: training" in what:
                raise KeyboardInterrupt
            yield item

    def prepared() -> compare.PreparedComparison:
        return compare.prepare(comparison(tiny, random=False), request(simulated), tmp_path)

    first = prepared()
    with pytest.raises(KeyboardInterrupt):
        compare.run(first, interrupt)
    assert RunFolder(tmp_path / "runs" / "dnn-seed0").info.training_s > 0  # the part so far
    again = prepared()
    assert again.left_s["dnn"] < first.left_s["dnn"] or again.costs["dnn"] != first.costs["dnn"]
    assert len(again.planned[0].parts_done()) == 1

    def broken(self: DNN, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes\ndo not fit")

    monkeypatch.setattr(DNN, "embed", broken)
    recorder = Recorder()
    found = recorder.run(again)
    row = found["families"]["dnn"]
    assert row["error"] == "RuntimeError: shapes do not fit"
    assert row["rank"] is None
    assert found["leader"] == "mfcc-forest"
    assert list(found["families"]) == ["mfcc-forest", "dnn"]
    assert any(line.startswith("dnn, seed 0: failed: RuntimeError") for line in recorder.lines)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "dnn failed" in page
    assert problems(page) == []
    monkeypatch.undo()
    repaired = Recorder().run(prepared())
    assert repaired["families"]["dnn"]["error"] is None
    assert repaired["families"]["dnn"]["random_split"] is None


def test_one_that_cannot_be_measured_is_named_and_wrong_settings_are_refused(
    simulated: Path, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(plan: Any, manifest: Any) -> Any:
        raise RuntimeError("out of luck")

    with pytest.raises(SettingsError, match="onnx"):
        compare.prepare(comparison(tiny, ["onnx", "dnn"]), request(simulated), tmp_path)
    monkeypatch.setattr(compare, "measure", no)
    found = compare.prepare(comparison(tiny, ["dnn"]), request(simulated), tmp_path)
    assert found.errors == {"dnn": "RuntimeError: out of luck"}
    assert found.total_s == 0


def test_a_seed_that_only_one_family_has_is_not_compared(
    done: tuple[Path, Recorder, dict], simulated: Path
) -> None:
    from finback.data.dataset import prepare_request

    out, _, _ = done
    dataset = prepare_request(request(simulated))
    candidates = [
        leaderboard.Candidate("dnn", {0: out / "runs" / "dnn-seed0"}),
        leaderboard.Candidate("mfcc-forest", {1: out / "runs" / "mfcc-forest-seed1"}),
    ]
    found = leaderboard.leaderboard(candidates, dataset, {})
    assert [row["versus_leader"] for row in found["families"].values()] == [None, None]
    assert [row["accuracy_sd"] for row in found["families"].values()] == [None, None]
    assert found["no_audio_baselines"] == {"grouped": None, "random": None}


def test_the_command_prints_the_board_and_exits_by_the_outcome(
    done: tuple[Path, Recorder, dict], simulated: Path, tiny: str
) -> None:
    out, _, found = done
    asked = ["compare", "--audio", simulated / "audio", "--labels", simulated / "labels.csv", "--out", out]
    asked += ["--families", ",".join(FAMILIES), "--preset", tiny]
    asked += ["--set", "training.epochs=2", "--set", "model.hidden=16", "--set", "model.trees=20"]
    asked += ["--folds", "2", "--seeds", "2", "--device", "cpu"]
    run = forked(asked, out)
    assert run.returncode == 0, run.stderr
    for part in (found["leader"], " first ", "no audio: group lookup", "(random split)", "report: "):
        assert part in run.stdout
    assert "runs are finished" in run.stderr


def test_a_leaderboard_of_version_0_1_0_is_read_with_todays_keys(tmp_path: Path) -> None:
    accuracy = {"group_lookup_accuracy": 0.9, "metadata_accuracy": 0.8}
    old = {"families": {"dnn": {"random": {"accuracy": 0.9}}}, "deaf": {"by_tape": None, "random": accuracy}}
    write_json(tmp_path / "leaderboard.json", old)
    assert leaderboard.load(tmp_path) == {
        "families": {"dnn": {"random_split": {"accuracy": 0.9}}},
        "no_audio_baselines": {
            "grouped": None,
            "random": {"group_lookup_accuracy": 0.9, "metadata_accuracy": 0.8},
        },
    }
