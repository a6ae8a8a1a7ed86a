"""What an ensemble answers: its members' probabilities combined, with weights from validation clips alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import InputError
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores, save_scores
from finback.core.runs.split_table import load_split
from finback.core.storage.files import read_json, write_json
from finback.core.types import Clip, Scores
from finback.models import ensemble
from finback.models.ensemble import combine
from finback.models.predictor import Predictor


def probabilities(run: Path, clips: tuple[Clip, ...]) -> np.ndarray:
    return Predictor.load(run, "cpu").scores(clips).probabilities


def powered(p: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities after a temperature."""
    q = p ** (1 / temperature)
    return q / q.sum(axis=1, keepdims=True)


def test_the_mean_of_two_runs_is_the_mean_of_their_probabilities(
    pair: Path, trained: Path, second: Path, clips: tuple[Clip, ...]
) -> None:
    mean = (probabilities(trained, clips) + probabilities(second, clips)) / 2
    info = read_json(pair / "run.json")
    assert info["combination"] == {"how": "mean", "weights": [0.5, 0.5], "bias": []}
    assert probabilities(pair, clips) == pytest.approx(powered(mean, info["temperature"]), abs=1e-5)


def test_members_hear_with_their_own_ears(pair: Path, trained: Path, second: Path) -> None:
    predictor = Predictor.load(pair, "cpu")
    assert [leaf.spec.n_mels for leaf in predictor.root.leaves] == [32, 24]
    assert predictor.spec == predictor.store.extractor.spec == predictor.root.leaves[0].spec
    assert len({leaf.features_key for leaf in predictor.root.leaves}) == 2


def test_features_are_computed_once_for_all_that_share_them(
    folded: list[Path], tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    ens = combine(folded, tmp_path / "ens").path
    cache = tmp_path / "cache"
    predictor = Predictor.load(ens, "cpu", cache)
    predictor.prepare(clips[:6])
    kept = list(cache.rglob("*.npy"))
    assert len(predictor.root.leaves) == 4
    assert len(kept) == 2 * 6  # two kinds of features, four models
    before = {path: path.stat().st_mtime_ns for path in kept}
    cached = predictor.scores(clips[:6]).logits
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")} == before
    assert np.array_equal(cached, Predictor.load(ens, "cpu").scores(clips[:6]).logits)


def test_eight_together_equal_eight_alone(pair: Path, clips: tuple[Clip, ...]) -> None:
    predictor = Predictor.load(pair, "cpu")
    together = predictor.scores(clips[:8]).logits
    alone = np.concatenate([predictor.scores([clip]).logits for clip in clips[:8]])
    assert np.allclose(together, alone, atol=1e-4)
    assert predictor.scores([]).logits.shape == (0, 4)


def test_folds_are_ensembles_of_their_own_and_answer_together(
    folded: list[Path], tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    made = combine(folded, tmp_path / "ens", "weights")
    assert [fold.info.kind for fold in made.folds] == ["ensemble"] * 2
    parts = []
    for i, fold in enumerate(made.folds):
        w = fold.info.combination["weights"]
        assert sum(w) == pytest.approx(1)
        members = [probabilities(run / "folds" / str(i), clips) for run in folded]
        parts.append(powered(w[0] * members[0] + w[1] * members[1], fold.info.temperature))
        assert probabilities(fold.path, clips) == pytest.approx(parts[-1], abs=1e-5)
    assert probabilities(made.path, clips) == pytest.approx(np.mean(parts, axis=0), abs=1e-5)
    mean = np.mean([fold.info.combination["weights"] for fold in made.folds], axis=0)
    assert [m["weight"] for m in made.info.members] == pytest.approx(mean)


def test_its_own_validation_scores_are_those_of_the_members_combined(
    folded: list[Path], tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    for how in ensemble.METHODS:
        made = combine(folded, tmp_path / how, how)
        for i, fold in enumerate(made.folds):
            own, _ = load_scores(fold.path / "validation.parquet", clips)
            split = load_split(fold.path / "split.csv", clips, "group")
            assert own.clips == split.val
            theirs = [load_scores(run / "folds" / str(i) / "validation.parquet", clips)[0] for run in folded]
            values = fold.info.combination
            p = np.stack([s.probabilities[[s.clips.index(c) for c in own.clips]] for s in theirs])
            w = np.array(values["weights"])[:, None, None]
            mixed = (w * p).sum(0) if how != "stack" else np.exp((w * np.log(p)).sum(0) + values["bias"])
            expected = powered(mixed / mixed.sum(1, keepdims=True), fold.info.temperature)
            assert own.probabilities == pytest.approx(expected, abs=1e-5)


def test_its_own_validation_scores_are_calibrated(
    pair: Path, trained: Path, second: Path, clips: tuple[Clip, ...]
) -> None:
    own, _ = load_scores(pair / "validation.parquet", clips)
    theirs = [load_scores(run / "validation.parquet", own.clips)[0] for run in (trained, second)]
    assert theirs[0].clips == theirs[1].clips == own.clips
    temperature = read_json(pair / "run.json")["temperature"]
    assert temperature != 1
    mean = (theirs[0].probabilities + theirs[1].probabilities) / 2
    assert own.probabilities == pytest.approx(powered(mean, temperature), abs=1e-5)


def with_answers(run: Path, clips: tuple[Clip, ...], strength: float) -> None:
    """Replace a run's validation scores by the truth times `strength`, in every fold."""
    for fold in RunFolder.open(run).folds:
        path = fold.path / "validation.parquet"
        scores, folds = load_scores(path, clips)
        values = strength * np.eye(len(scores.labels))[scores.labels.targets(scores.clips)]
        save_scores(path, Scores(scores.clips, scores.labels, values.astype(np.float32)), folds, subset="val")


@pytest.mark.parametrize("how", ["weights", "stack"])
def test_the_better_on_validation_weighs_more(
    folded: list[Path], tmp_path: Path, clips: tuple[Clip, ...], how: str
) -> None:
    runs = [Path(shutil.copytree(run, tmp_path / run.name)) for run in folded]
    with_answers(runs[0], clips, 6.0)
    with_answers(runs[1], clips, -6.0)
    made = combine(runs, tmp_path / "ens", how)  # type: ignore[arg-type]
    for fold in made.folds:
        good, bad = fold.info.members
        assert good["weight"] > bad["weight"] + 0.05  # one validation tape justifies no more
        assert good["validation_loss"] < bad["validation_loss"]


def test_neither_sound_nor_test_side_is_needed_to_make_it_and_no_member_to_use_it(
    folded: list[Path], tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    expected = combine(folded, tmp_path / "expected", "stack").path
    runs = [Path(shutil.copytree(run, tmp_path / "away" / run.name)) for run in folded]
    for run in runs:
        beside = read_json(run / "problems.json")
        write_json(run / "problems.json", {**beside, "audio": "/nowhere"})
        for scored in run.rglob("scores.parquet"):
            scored.unlink()
    made = combine(runs, tmp_path / "here" / "ens", "stack").path
    shutil.rmtree(tmp_path / "away")
    moved = Path(shutil.move(made, tmp_path / "moved"))
    for extra in [*moved.rglob("split.csv"), *moved.rglob("validation.parquet"), moved / "manifest.csv"]:
        extra.unlink()
    assert np.array_equal(probabilities(moved, clips[:5]), probabilities(expected, clips[:5]))


def test_without_validation_there_is_only_the_plain_mean(
    trained: Path, second: Path, tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    runs = [Path(shutil.copytree(run, tmp_path / run.name)) for run in (trained, second)]
    for run in runs:
        table = (
            (run / "split.csv")
            .read_text()
            .replace(",validation\n", ",train\n")
            .replace(",validation\r\n", ",train\r\n")
        )
        (run / "split.csv").write_text(table)
        (run / "validation.parquet").unlink()
    with pytest.raises(InputError, match="no validation clips to fit weights on"):
        combine(runs, tmp_path / "weighted", "weights")
    made = combine(runs, tmp_path / "ens")
    assert made.info.temperature == 1
    assert made.info.not_calibrated == "no validation clips"
    assert made.info.validation_loss is None
    mean = (probabilities(runs[0], clips) + probabilities(runs[1], clips)) / 2
    assert probabilities(made.path, clips) == pytest.approx(mean, abs=1e-5)
