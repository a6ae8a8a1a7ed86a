"""A synthetic study: the same folds and steps for all arms, and nothing of the test set in training."""

from __future__ import annotations

import csv
import html
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_study import study

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.core.runs.split_table import load_split
from finback.core.storage.files import read_json, write_json
from finback.data.dataset import Dataset
from finback.data.index import IndexRequest
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation import synthetic_study
from finback.evaluation.synthetic_study import fold_generator, results, samples
from finback.evaluation.synthetic_study.fold_generator import generator_folder
from finback.evaluation.synthetic_study.plan import Fold, fold_folder, folds_of
from finback.evaluation.synthetic_study.verdict import verdict
from finback.generation.generator import Sampling

# The folder, the study, its results, the lines of the log.
Done = tuple[Path, synthetic_study.PreparedSyntheticStudy, dict[str, Any], list[str]]


@pytest.fixture(scope="module")
def request_(simulated: Path) -> IndexRequest:
    return IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")


@pytest.fixture(scope="module")
def done(request_: IndexRequest, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Done:
    out, lines = tmp_path_factory.mktemp("study") / "out", []
    prepared = synthetic_study.prepare(study(tiny), request_, out)
    assert not out.exists()  # looking costs nothing
    assert set(prepared.left_s) == {arm.name for arm in prepared.study.arms}
    assert prepared.total_s > 0
    return out, prepared, synthetic_study.run(prepared, log=lines.append), lines


def test_everything_is_left(done: Done) -> None:
    out, prepared, found, lines = done
    assert read_json(out / "synthetic_study.json") == found
    assert (out / "figures" / "synthetic_study.png").stat().st_size > 5000
    page = (out / "report.html").read_text("utf-8")
    assert html.escape(found["verdict"].replace(" %", "\N{NO-BREAK SPACE}%")) in page
    assert all(html.escape(arm) in page for arm in found["arms"])
    with open(out / "synthetic_study.csv", encoding="utf-8", newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert list(rows) == [arm.name for arm in prepared.study.arms] == list(found["arms"])
    one = found["arms"]["classic + tape-transfer x 2"]["versus"]["low_data_f1"]
    assert float(rows["classic + tape-transfer x 2"]["low_data_f1_difference"]) == one["difference"]
    assert rows["classic"]["low_data_f1_difference"] == ""
    assert len(lines) == 12
    assert results.load(out) == read_json(out / "synthetic_study.json")


def test_all_arms_train_for_the_same_steps_on_the_same_real_clips(done: Done, tiny_dataset: Dataset) -> None:
    out, prepared, _, _ = done
    for fold in prepared.folds:
        folders = [fold_folder(out, arm, fold) for arm in prepared.study.arms]
        infos = [RunFolder(folder).info for folder in folders]
        assert len({info.step for info in infos}) == 1
        assert {(folder / "split.csv").read_text() for folder in folders} == {
            (folders[0] / "split.csv").read_text()
        }
        split = load_split(folders[0] / "split.csv", tiny_dataset.clips, "group")
        assert not split.val
        assert len(split.train) + len(split.test) + len(split.set_aside) == len(tiny_dataset.clips)
        wanted = {
            arm.name: sum(arm.n_synthetic(n) for n in fold.training_clips.values())
            for arm in prepared.study.arms
        }
        assert [info.n_synthetic for info in infos] == list(wanted.values())
        assert infos[3].n_synthetic == 2 * len(split.train)


def test_generators_are_trained_on_the_folds_training_set_alone(
    done: Done,
) -> None:
    out, prepared, _, _ = done
    for fold in prepared.folds:
        subsets = run_subsets(RunFolder.open(generator_folder(prepared.study, out, "gaussian", fold)))
        assert {c.key for c in subsets["train"]} == {c.key for c in fold.split.train}
        assert not subsets["held_out"]
        assert not {c.group for c in subsets["train"]} & {c.group for c in fold.split.test}


def test_differences_are_those_of_the_scores_of_the_runs(done: Done, tiny_dataset: Dataset) -> None:
    out, prepared, found, _ = done
    right = {}
    for arm in sorted(prepared.study.arms, key=lambda a: a.name != "classic"):  # the baseline first
        parts = [
            load_scores(fold_folder(out, arm, fold) / "scores.parquet", tiny_dataset.clips)[0]
            for fold in prepared.folds
        ]
        truth = np.concatenate([s.labels.targets(s.clips) for s in parts])
        right[arm.name] = np.concatenate([s.logits.argmax(axis=1) for s in parts]) == truth
        recalls = [right[arm.name][truth == k].mean() for k in range(4)]
        row = found["arms"][arm.name]
        assert row["accuracy"] == pytest.approx(right[arm.name].mean())
        assert row["low_data_recall"] == pytest.approx(np.mean(recalls))
        if row["versus"]:
            gap = right[arm.name].mean() - right["classic"].mean()
            assert row["versus"]["accuracy"]["difference"] == pytest.approx(gap)
            mean = np.mean([s["recall_difference"]["difference"] for s in row["per_species"].values()])
            assert row["versus"]["low_data_recall"]["difference"] == pytest.approx(mean)
            # Every species has few training clips in every fold.
            assert row["versus"]["low_data_recall_by_fold"] == row["versus"]["low_data_recall"]
    assert found["arms"]["classic"]["versus"] is None
    assert set(found["low_data_species"]) == set(tiny_dataset.labels.names)
    assert sum(rests["n_clips"] for rests in found["low_data_species"].values()) == len(right["none"])


def test_done_is_not_done_again_and_more_can_be_added(done: Done, request_: IndexRequest, tiny: str) -> None:
    out, _, found, _ = done
    before = {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()}
    again = synthetic_study.prepare(study(tiny), request_, out)
    assert again.todo == []
    assert synthetic_study.run(again) == found
    assert {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*") if p.is_file()} == before
    more = synthetic_study.prepare(
        study(tiny, ["gaussian"], ratios=(1.0,), augmentation="none", only_folds=(1,)), request_, out
    )
    assert [(run.fold.number, run.arm.name) for run in more.todo] == [(1, "none + gaussian x 1")]
    with pytest.raises(RunError, match="holds another run"):
        synthetic_study.prepare(study(tiny, max_real_clips=3), request_, out)


def test_a_killed_one_goes_on_and_an_arm_that_fails_stops_nobody(
    request_: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        for item in items:
            if what.startswith("classic, seed 0, fold 1 (3 of 4): training"):
                raise KeyboardInterrupt
            yield item

    asked = study(tiny, ["classic", "gaussian"], ratios=(1.0,))
    with pytest.raises(KeyboardInterrupt):
        synthetic_study.run(synthetic_study.prepare(asked, request_, tmp_path), interrupt)
    prepared = synthetic_study.prepare(asked, request_, tmp_path)
    assert [(run.fold.number, run.arm.generator) for run in prepared.todo] == [(1, ""), (1, "gaussian")]

    def broken(*given: Any) -> Any:
        raise RuntimeError("no\nsamples")

    monkeypatch.setattr(fold_generator, "train_generator", broken)
    found = synthetic_study.run(prepared)
    row = found["arms"]["classic + gaussian x 1"]
    assert row["error"] == "RuntimeError: no samples"
    assert (row["n_folds"], found["arms"]["classic"]["n_folds"]) == (1, 2)
    assert row["versus"]["n_clips"] < len(prepared.dataset.clips)  # the fold that both have


def test_when_the_hours_are_up_nothing_new_begins(request_: IndexRequest, tiny: str, tmp_path: Path) -> None:
    lines: list[str] = []
    prepared = synthetic_study.prepare(study(tiny, ["classic", "gaussian"], hours=1e-6), request_, tmp_path)
    found = synthetic_study.run(prepared, log=lines.append)
    assert "6 of 6 runs are left" in lines[0]
    assert found["verdict"].startswith("No result yet")


class Half:
    """A generator and a filter: the first value of a sample is its label, in every other sample -1."""

    def __init__(self, fold: Fold, spec: Any) -> None:
        from finback.core.types import Labels

        self.labels, self.spec = Labels(tuple(sorted(fold.training_clips))), spec
        self.seeds: list[int] = []

    def sample(self, labels: np.ndarray, seeds: np.ndarray, sampling: Sampling, **other: Any) -> np.ndarray:
        x = np.zeros((len(labels), self.spec.n_mels, self.spec.n_frames), np.float32)
        x[:, 0, 0] = np.where(np.arange(len(labels)) % 2, labels, -1)
        self.seeds += seeds.tolist()
        return x

    def score_logmels(self, x: np.ndarray, spec: Any) -> np.ndarray:
        return np.eye(len(self.labels) + 1)[x[:, 0, 0].astype(int)][:, :-1] - 0.1 * (x[:, :1, 0] < 0)


def test_the_filter_keeps_samples_of_their_species_and_the_others_are_generated_again(
    tiny: str, tiny_dataset: Dataset
) -> None:
    asked = study(tiny, filter=True)
    fold = folds_of(asked, tiny_dataset)[0]
    generator: Any = Half(fold, asked.classifier.features)
    names = generator.labels.names
    pool = samples.generate(asked, generator, {names[1]: 6, names[2]: 2}, generator, lambda items, *_: items)
    assert pool.species == (names[1],) * 5 + (names[2],)
    assert pool.x[:, 0, 0].tolist() == [1] * 5 + [2]
    assert (pool.n_generated, pool.n_rejected) == (
        6 + 3 + 2 + 1 + 2 + 1 + 1 + 1,
        11,
    )  # a single sample is always rejected
    assert len(set(generator.seeds)) == len(generator.seeds) == pool.n_generated  # none was asked for twice
    once = replace(asked, settings=asked.settings.model_copy(update={"max_attempts": 1}))
    fewer = samples.generate(once, generator, {names[1]: 8}, generator, lambda items, *_: items)
    assert (len(fewer.species), fewer.n_rejected) == (4, 4)
    x, kept = pool.first({names[1]: 2, names[2]: 1})
    assert kept == (names[1], names[1], names[2])
    assert len(x) == 3


def test_a_filtered_arm_uses_the_classifier_of_its_own_fold(
    request_: IndexRequest, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = study(tiny, ["gaussian"], ratios=(1.0,), filter=True, only_folds=(0,))
    loaded: list[Path] = []
    real = samples.Predictor.load

    def load(path: Path, *given: Any) -> Any:
        loaded.append(path)
        return real(path, *given)

    monkeypatch.setattr(samples.Predictor, "load", load)
    found = synthetic_study.run(synthetic_study.prepare(asked, request_, tmp_path))
    assert tmp_path / "runs" / "classic-seed0" / "folds" / "0" in loaded
    row = found["arms"]["classic + gaussian x 1, filtered"]
    assert 0 <= row["rejected_share"] <= 1
    assert found["folds"] == [0]


def result(ci: list[float] | None, by: float = 0.05, n: int = 1, ahead: float = 0.99) -> dict[str, Any]:
    versus = {"difference": by, "ci": ci, "ahead": ahead}
    rows = {f"a{i}": {"generator": "vae", "versus": {"low_data_f1": versus}} for i in range(n)}
    base = {"classic": {"generator": None, "versus": None}}
    return {
        "low_data_species": {"x": {}, "y": {}},
        "low_data_below": 25,
        "baseline": "classic",
        "arms": {**base, **rows},
    }


def test_the_verdict_claims_no_more_than_the_interval() -> None:
    assert verdict(result([0.01, 0.09])).startswith("Gain: a0 changes macro-F1 over the 2 species")
    assert "the best of 3 arms" in verdict(result([0.01, 0.09], n=3, ahead=0.995))
    assert verdict(result([0.01, 0.09], n=3, ahead=0.995)).startswith("Gain")
    assert verdict(result([0.01, 0.09], n=3)).startswith("No gain shown")  # three tries for one success
    assert verdict(result([0.0, 0.09])).startswith("No gain shown")
    assert verdict(result([-0.02, 0.09])).startswith("No gain shown")
    assert verdict(result([-0.09, -0.01], -0.05)).startswith("Harm")
    assert "on a single recording group" in verdict(result(None))
    assert verdict({**result(None), "low_data_species": {}}).startswith("No result")


def test_an_arm_is_an_ordinary_run(done: Done, tiny_dataset: Dataset) -> None:
    from finback.models.predictor import Predictor

    out, prepared, _, _ = done
    arm, fold = prepared.study.arms[3], prepared.folds[0]
    assert next(run for run in prepared.planned if (run.arm, run.fold) == (arm, fold)).is_done
    predictor = Predictor.load(fold_folder(out, arm, fold), "cpu")
    kept, _ = load_scores(fold_folder(out, arm, fold) / "scores.parquet", tiny_dataset.clips)
    assert np.allclose(predictor.scores(fold.split.test).logits, kept.logits, atol=1e-5)


def test_a_study_of_version_0_1_0_opens_and_is_resumed(
    done: Done, request_: IndexRequest, tiny: str, tmp_path: Path
) -> None:
    out, _, found, _ = done
    old = tmp_path / "old"
    shutil.copytree(out, old)
    (old / "synthetic_study.json").unlink()
    run = RunFolder(old)
    run.note(kind="gain")
    row = {"maker": "vae", "over": "classic", "moved": 0.0, "judged": True, "fill": None, "refused": 0.25}
    row["versus"] = {"few_f1": {"difference": 0.1}, "scarce_recall": None}
    row["per_species"] = {"Narwhal": {"gain_f1": None, "gain_recall": None}}
    top = {"below": 25, "thin": 0, "of_folds": 5, "few": {"Narwhal": {"learnt_from": [2, 3]}}}
    write_json(old / "gain.json", {**top, "arms": {"classic + vae x 1": row}})
    assert results.load(old) == {
        **{"low_data_below": 25, "max_real_clips": 0, "n_folds": 5},
        "low_data_species": {"Narwhal": {"training_clips": [2, 3]}},
        "arms": {
            "classic + vae x 1": {
                **{"generator": "vae", "augmentation": "classic", "tape_transfer": 0.0, "filtered": True},
                **{"target_clips": None, "rejected_share": 0.25},
                "versus": {"low_data_f1": {"difference": 0.1}, "low_data_recall_by_fold": None},
                "per_species": {"Narwhal": {"f1_difference": None, "recall_difference": None}},
            }
        },
    }
    again = synthetic_study.prepare(study(tiny), request_, old)
    assert again.todo == []
    assert synthetic_study.run(again) == found
