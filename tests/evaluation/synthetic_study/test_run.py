"""Synthetic clips in training: the same folds and steps for all arms, nothing of the test side in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_study import job

from finback.core.errors import RunError
from finback.core.files import read_json
from finback.core.runs import RunFolder
from finback.core.scores import load_scores
from finback.core.split_table import load_split
from finback.data.dataset import Dataset
from finback.data.index import IndexRequest
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation import synthetic_study as gain
from finback.evaluation.synthetic_study import results as board
from finback.evaluation.synthetic_study import samples as made
from finback.evaluation.synthetic_study import train_arm as learn
from finback.evaluation.synthetic_study.plan import Fold, folds_of
from finback.generation.generator import Sampling


@pytest.fixture(scope="module")
def request_(simulated: Path) -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")


@pytest.fixture(scope="module")
def done(
    request_: IndexRequest, tiny: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, gain.Prepared, dict[str, Any], list[str]]:
    out, said = tmp_path_factory.mktemp("gain") / "out", []
    prepared = gain.prepare(job(tiny), request_, out)
    assert not out.exists()  # looking costs nothing
    assert set(prepared.left_s) == {arm.name for arm in prepared.job.arms}
    assert prepared.total_s > 0
    return out, prepared, gain.run(prepared, say=said.append), said


def test_everything_is_left(done: tuple[Path, gain.Prepared, dict[str, Any], list[str]]) -> None:
    out, prepared, found, said = done
    assert read_json(out / "gain.json") == found
    assert (out / "figures" / "gain.png").stat().st_size > 5000
    with open(out / "gain.csv", encoding="utf-8", newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert list(rows) == [arm.name for arm in prepared.job.arms] == list(found["arms"])
    one = found["arms"]["classic + moved x 2"]["versus"]["few_f1"]
    assert float(rows["classic + moved x 2"]["gain_few_f1"]) == one["difference"]
    assert rows["classic"]["gain_few_f1"] == ""
    assert len(said) == 12


def test_all_arms_train_for_the_same_steps_on_the_same_real_clips(
    done: tuple[Path, gain.Prepared, dict[str, Any], list[str]], tiny_dataset: Dataset
) -> None:
    out, prepared, _, _ = done
    for fold in prepared.folds:
        folders = [made.fold_folder(out, arm, fold) for arm in prepared.job.arms]
        infos = [RunFolder(folder).info for folder in folders]
        assert len({info.step for info in infos}) == 1
        assert {(folder / "split.csv").read_text() for folder in folders} == {
            (folders[0] / "split.csv").read_text()
        }
        split = load_split(folders[0] / "split.csv", tiny_dataset.clips, "group")
        assert not split.val
        assert len(split.train) + len(split.test) + len(split.set_aside) == len(tiny_dataset.clips)
        wanted = {arm.name: sum(arm.wanted(n) for n in fold.real.values()) for arm in prepared.job.arms}
        assert [info.n_synthetic for info in infos] == list(wanted.values())
        assert infos[3].n_synthetic == 2 * len(split.train)


def test_generators_learn_from_the_folds_training_side_alone(
    done: tuple[Path, gain.Prepared, dict[str, Any], list[str]],
) -> None:
    out, prepared, _, _ = done
    for fold in prepared.folds:
        heard = run_subsets(RunFolder.open(made.generator_folder(out, "gaussian", fold)))
        assert {c.key for c in heard["train"]} == {c.key for c in fold.split.train}
        assert not heard["held_out"]
        assert not {c.group for c in heard["train"]} & {c.group for c in fold.split.test}


def test_gains_are_differences_of_what_the_runs_said(
    done: tuple[Path, gain.Prepared, dict[str, Any], list[str]], tiny_dataset: Dataset
) -> None:
    out, prepared, found, _ = done
    right = {}
    for arm in sorted(prepared.job.arms, key=lambda a: a.name != "classic"):  # the baseline first
        parts = [
            load_scores(made.fold_folder(out, arm, fold) / "scores.parquet", tiny_dataset.clips)[0]
            for fold in prepared.folds
        ]
        truth = np.concatenate([s.labels.targets(s.clips) for s in parts])
        right[arm.name] = np.concatenate([s.logits.argmax(axis=1) for s in parts]) == truth
        recalls = [right[arm.name][truth == k].mean() for k in range(4)]
        row = found["arms"][arm.name]
        assert row["accuracy"] == pytest.approx(right[arm.name].mean())
        assert row["few_recall"] == pytest.approx(np.mean(recalls))
        if row["versus"]:
            gap = right[arm.name].mean() - right["classic"].mean()
            assert row["versus"]["accuracy"]["difference"] == pytest.approx(gap)
            gained = np.mean([s["gain_recall"]["difference"] for s in row["per_species"].values()])
            assert row["versus"]["few_recall"]["difference"] == pytest.approx(gained)
            assert row["versus"]["scarce_recall"] == row["versus"]["few_recall"]  # few in every fold
    assert found["arms"]["classic"]["versus"] is None
    assert set(found["few"]) == set(tiny_dataset.labels.names)
    assert sum(rests["n_clips"] for rests in found["few"].values()) == len(right["none"])


def test_done_is_not_done_again_and_more_can_be_added(
    done: tuple[Path, gain.Prepared, dict[str, Any], list[str]], request_: IndexRequest, tiny: str
) -> None:
    out, _, found, _ = done
    before = {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()}
    again = gain.prepare(job(tiny), request_, out)
    assert again.todo == []
    assert gain.run(again) == found
    assert {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()} == before
    more = gain.prepare(job(tiny, ["gaussian"], ratios=(1.0,), over="none", folds=(1,)), request_, out)
    assert [(fold.number, arm.name) for fold, arm in more.todo] == [(1, "none + gaussian x 1")]
    with pytest.raises(RunError, match="holds another run"):
        gain.prepare(job(tiny, thin=3), request_, out)


def test_a_killed_one_goes_on_and_an_arm_that_fails_stops_nobody(
    request_: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        for item in items:
            if what.startswith("classic, seed 0, fold 1: training"):
                raise KeyboardInterrupt
            yield item

    asked = job(tiny, ["classic", "gaussian"], ratios=(1.0,))
    with pytest.raises(KeyboardInterrupt):
        gain.run(gain.prepare(asked, request_, tmp_path), interrupt)
    prepared = gain.prepare(asked, request_, tmp_path)
    assert [(fold.number, arm.maker) for fold, arm in prepared.todo] == [(1, ""), (1, "gaussian")]

    def broken(*given: Any) -> Any:
        raise RuntimeError("no\nsamples")

    monkeypatch.setattr(made, "train_generator", broken)
    found = gain.run(prepared)
    row = found["arms"]["classic + gaussian x 1"]
    assert row["error"] == "RuntimeError: no samples"
    assert (row["n_folds"], found["arms"]["classic"]["n_folds"]) == (1, 2)
    assert row["versus"]["n_clips"] < len(prepared.manifest.clips)  # the fold that both have


def test_when_the_hours_are_up_nothing_new_begins(request_: IndexRequest, tiny: str, tmp_path: Path) -> None:
    said: list[str] = []
    prepared = gain.prepare(job(tiny, ["classic", "gaussian"], hours=1e-6), request_, tmp_path)
    found = gain.run(prepared, say=said.append)
    assert "6 of 6 trainings are left" in said[0]
    assert found["verdict"].startswith("Nothing to tell yet")


class Half:
    """A maker whose samples say in their first value whether the judge will like them: every other one."""

    def __init__(self, fold: Fold, spec: Any) -> None:
        from finback.core.types import Labels

        self.labels, self.spec = Labels(tuple(sorted(fold.real))), spec
        self.seeds: list[int] = []

    def sample(self, labels: np.ndarray, seeds: np.ndarray, sampling: Sampling, **other: Any) -> np.ndarray:
        x = np.zeros((len(labels), self.spec.n_mels, self.spec.n_frames), np.float32)
        x[:, 0, 0] = np.where(np.arange(len(labels)) % 2, labels, -1)
        self.seeds += seeds.tolist()
        return x

    def score_logmels(self, x: np.ndarray, spec: Any) -> np.ndarray:
        return np.eye(len(self.labels) + 1)[x[:, 0, 0].astype(int)][:, :-1] - 0.1 * (x[:, :1, 0] < 0)


def test_the_judge_keeps_what_it_names_right_and_the_rest_is_made_anew(
    tiny: str, tiny_dataset: Dataset
) -> None:
    asked = job(tiny, judge=True)
    fold = folds_of(asked, tiny_dataset)[0]
    maker: Any = Half(fold, asked.settings.features)
    names = maker.labels.names
    pool = made.make(asked, maker, {names[1]: 6, names[2]: 2}, maker, lambda items, *_: items)
    assert pool.species == (names[1],) * 5 + (names[2],)
    assert pool.x[:, 0, 0].tolist() == [1] * 5 + [2]
    assert (pool.made, pool.refused) == (6 + 3 + 2 + 1 + 2 + 1 + 1 + 1, 11)  # a last one is never liked
    assert len(set(maker.seeds)) == len(maker.seeds) == pool.made  # none was asked for twice
    once = replace(asked, options=asked.options.model_copy(update={"tries": 1}))
    fewer = made.make(once, maker, {names[1]: 8}, maker, lambda items, *_: items)
    assert (len(fewer.species), fewer.refused) == (4, 4)
    x, kept = pool.first({names[1]: 2, names[2]: 1})
    assert kept == (names[1], names[1], names[2])
    assert len(x) == 3


def test_a_judged_arm_is_judged_by_its_own_folds_classifier(
    request_: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tiny, ["gaussian"], ratios=(1.0,), judge=True, folds=(0,))
    loaded: list[Path] = []
    real = made.Predictor.load

    def load(path: Path, *given: Any) -> Any:
        loaded.append(path)
        return real(path, *given)

    monkeypatch.setattr(made.Predictor, "load", load)
    found = gain.run(gain.prepare(asked, request_, tmp_path))
    assert tmp_path / "runs" / "classic-seed0" / "folds" / "0" in loaded
    row = found["arms"]["classic + gaussian x 1, judged"]
    assert 0 <= row["refused"] <= 1
    assert found["folds"] == [0]


def facts(ci: list[float] | None, by: float = 0.05, n: int = 1, ahead: float = 0.99) -> dict[str, Any]:
    gain = {"difference": by, "ci": ci, "ahead": ahead}
    rows = {f"a{i}": {"maker": "vae", "versus": {"few_f1": gain}} for i in range(n)}
    base = {"classic": {"maker": None, "versus": None}}
    return {"few": {"x": {}, "y": {}}, "below": 25, "baseline": "classic", "arms": {**base, **rows}}


def test_the_verdict_says_no_more_than_the_interval() -> None:
    assert board.verdict(facts([0.01, 0.09])).startswith("Gain: with a0, macro-F1 over the 2 species")
    assert "the best of 3 tried" in board.verdict(facts([0.01, 0.09], n=3, ahead=0.995))
    assert board.verdict(facts([0.01, 0.09], n=3, ahead=0.995)).startswith("Gain")
    assert board.verdict(facts([0.01, 0.09], n=3)).startswith("No gain shown")  # three tries for one success
    assert board.verdict(facts([0.0, 0.09])).startswith("No gain shown")
    assert board.verdict(facts([-0.02, 0.09])).startswith("No gain shown")
    assert board.verdict(facts([-0.09, -0.01], -0.05)).startswith("Harm")
    assert "on one tape" in board.verdict(facts(None))
    assert board.verdict({**facts(None), "few": {}}).startswith("Nothing to tell")


def test_an_arm_is_an_ordinary_run(
    done: tuple[Path, gain.Prepared, dict[str, Any], list[str]], tiny_dataset: Dataset
) -> None:
    from finback.models.predictor import Predictor

    out, prepared, _, _ = done
    arm, fold = prepared.job.arms[3], prepared.folds[0]
    assert learn.is_done(prepared.job, arm, fold, out)
    predictor = Predictor.load(made.fold_folder(out, arm, fold), "cpu")
    kept, _ = load_scores(made.fold_folder(out, arm, fold) / "scores.parquet", tiny_dataset.clips)
    assert np.allclose(predictor.scores(fold.split.test).logits, kept.logits, atol=1e-5)
