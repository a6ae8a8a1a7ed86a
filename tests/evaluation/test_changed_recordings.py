"""A recording that changed after training is named; nothing is judged on it, and nothing of it is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import finback
from finback.audio.io import probe, read_channels, write
from finback.core.errors import AudioError
from finback.core.progress import no_progress
from finback.core.storage.files import read_json
from finback.data.dataset import Dataset, prepare_request
from finback.data.index import IndexRequest
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.pages.write import write as write_report
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture
def study(simulated: Path, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings of its own, a trained run that was not evaluated, and an empty cache."""
    shutil.copytree(simulated / "audio", tmp_path / "audio")
    shutil.copy(simulated / "labels.csv", tmp_path)
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path / "cache"))
    plan = Plan("cnn2d", resolve(tiny, ["training.epochs=1"]), device="cpu")
    request = IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv")
    train(plan, prepare_request(request), tmp_path / "run", no_progress)
    return tmp_path


def noise_over(path: Path) -> bytes:
    """Overwrite a recording by noise of the same length. Returns what it held."""
    held, n = path.read_bytes(), len(read_channels(path))
    write(path, np.random.default_rng(3).normal(0, 0.1, n), probe(path).sample_rate)
    return held


@pytest.mark.parametrize("cached", [False, True])
def test_the_test_set_is_not_evaluated_on_other_sounds(study: Path, cached: bool) -> None:
    run = study / "run"
    twin = shutil.copytree(run, study / "twin")
    if cached:
        expected = evaluate_run(twin, "cpu")
    rows = (run / "split.csv").read_text().splitlines()
    tested = [study / "audio" / row.split(",")[1] for row in rows if row.endswith(",test")]
    held = {path: noise_over(path) for path in tested}
    more = rf"and {len(tested) - 1} more recordings"
    with pytest.raises(AudioError, match=rf"content changed since .*{more}.*; restore the file") as error:
        evaluate_run(run, "cpu")
    assert any(str(path) in str(error.value) for path in tested)
    assert not (run / "metrics.json").exists()
    for path, data in held.items():
        path.write_bytes(data)
    if not cached:
        expected = evaluate_run(twin, "cpu")
    assert evaluate_run(run, "cpu") == expected


def test_a_changed_recording_is_not_trained_on(study: Path, tiny: str) -> None:
    dataset = Dataset.load(study / "run")
    changed = dataset.clips[0].recording.path
    noise_over(changed)
    plan = Plan("cnn2d", resolve(tiny, ["training.epochs=1", "training.mixup=0"]), device="cpu")
    with pytest.raises(AudioError, match=f"{changed.name}: its content changed"):
        train(plan, dataset, study / "again", no_progress)


def test_the_page_does_not_play_another_sound(study: Path) -> None:
    evaluate_run(study / "run", "cpu")
    before = write_report(study / "run").read_text()
    for path in sorted((study / "audio").iterdir()):
        noise_over(path)
    after = write_report(study / "run").read_text()
    assert "<audio" in before
    assert "<audio" not in after
    assert "content changed since it was indexed" in after
    assert read_json(study / "run" / "run.json")["trained"]


def test_a_score_that_is_not_finite_is_an_error_of_the_file(
    trained: Path, simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = finback.load(trained, "cpu")
    good, bad, other = sorted((simulated / "audio").iterdir())[:3]
    original = Predictor.score_sound

    def overflowing(self: Predictor, sound, *span):  # type: ignore[no-untyped-def]
        leaf = self.root.leaves[0].model
        forward = type(leaf).forward
        nothing = float("nan") if sound.name == str(bad) else 0.0
        monkeypatch.setattr(type(leaf), "forward", lambda net, x: forward(net, x) + nothing)
        try:
            return original(self, sound, *span)
        finally:
            monkeypatch.setattr(type(leaf), "forward", forward)

    monkeypatch.setattr(Predictor, "score_sound", overflowing)
    found = model.predict([good, bad, other])
    assert [p.file for p in found] == [str(good), str(other)]
    assert len(found.errors) == 1
    assert f"{bad}: the scores are not finite numbers" in found.errors[0]


def test_scores_of_a_set_that_are_not_finite_name_the_recording(trained: Path) -> None:
    predictor = Predictor.load(trained, "cpu")
    clips = Dataset.load(trained).clips[:3]
    with_nan = predictor.root.answer
    object.__setattr__(predictor, "root", _Spoiled(predictor.root.leaves, with_nan))
    with pytest.raises(AudioError, match=f"{clips[1].recording.path.name}: the scores are not finite"):
        predictor.scores(clips)


class _Spoiled:
    """A classifier whose second answer is NaN."""

    def __init__(self, leaves, answer) -> None:  # type: ignore[no-untyped-def]
        self.leaves, self._answer = leaves, answer

    def answer(self, raw):  # type: ignore[no-untyped-def]
        logits = self._answer(raw).copy()
        logits[1, 0] = np.nan
        return logits
