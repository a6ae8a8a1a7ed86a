"""Arms of classifiers that take in sound, and arms that are pre-trained on samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_study import FEW

from finback.core.errors import RunError, SettingsError
from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.evaluation import synthetic_study
from finback.evaluation.study import StudyOptions
from finback.evaluation.synthetic_study.fold_generator import trained_generator
from finback.evaluation.synthetic_study.sounds import SOUNDS
from finback.evaluation.synthetic_study.train_arm import PRETRAINING
from finback.generation.synthesizer import Synthesizer
from finback.models.weights import load_tensors

OPTIONS = StudyOptions(n_folds=2, device="cpu")
ONE_FOLD = synthetic_study.SyntheticSettings(only_folds=(0,), ratios=(0.5, 1.0))


def run(names: list[str], family: str, preset: str, request: IndexRequest, out: Path) -> Path:
    few = FEW if family == "cnn2d" else ()
    study = synthetic_study.plan(names, family, preset, few, (), ONE_FOLD, options=OPTIONS)
    synthetic_study.run(synthetic_study.prepare(study, request, out))
    return out / "runs"


def test_a_head_gets_the_samples_as_sound(simulated: Path, tiny: str, tmp_path: Path) -> None:
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    runs = run(["gaussian"], "mfcc-plda", tiny, request, tmp_path / "out")
    arms = [
        RunFolder(runs / name / "folds" / "0")
        for name in ("classic-seed0", "classic-gaussian-x-0.5-seed0", "classic-gaussian-x-1-seed0")
    ]
    real = len(arms[0].training_rows(include_validation=False))
    assert [arm.info.n_synthetic for arm in arms] == [0, real // 2, real]
    sounds = runs / "gaussian-seed0-fold0" / SOUNDS
    assert len(list(sounds.glob("*.wav"))) == real  # an arm with fewer samples shares those of the other
    logits = [load_scores(arm.scores, prepare_request(request).clips)[0].logits for arm in arms]
    assert not np.allclose(logits[0], logits[1])
    assert not np.allclose(logits[1], logits[2])


def test_samples_first_and_then_the_real_clips(simulated: Path, tiny: str, tmp_path: Path) -> None:
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    runs = run(["pretrain-gaussian"], "cnn2d", tiny, request, tmp_path / "out")
    before, arm = (
        RunFolder(runs / name / "folds" / "0")
        for name in ("classic-seed0", "classic-after-gaussian-x-1-seed0")
    )
    first, _ = load_tensors(arm.path / PRETRAINING / "weights.safetensors")
    last, _ = load_tensors(arm.weights)
    assert any(not torch.equal(first[name], last[name]) for name in last)
    # Two epochs of the baseline: here one on as many samples, and one on the real clips.
    assert before.info.step == 2 * (arm.info.step or 0)
    assert arm.info.n_synthetic == len(before.training_rows(include_validation=False))


@pytest.mark.parametrize(
    ("names", "family", "word"),
    [
        (["pretrain-gaussian"], "mfcc-plda", "fitted in one step"),
        (["tape-transfer"], "mfcc-plda", "work on log-mels"),
        (["pretrain-gan"], "cnn2d", "no such arm"),
    ],
)
def test_what_such_a_classifier_cannot_do(names: list[str], family: str, word: str, tiny: str) -> None:
    with pytest.raises(SettingsError, match=word):
        synthetic_study.plan(names, family, tiny)


def test_studies_share_generators_of_the_same_folds(
    simulated: Path, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    shared = ONE_FOLD.model_copy(update={"generators": tmp_path / "shared", "ratios": (0.5,)})
    for family in ("mfcc-plda", "mfcc-svm"):
        study = synthetic_study.plan(["gaussian"], family, tiny, (), (), shared, options=OPTIONS)
        prepared = synthetic_study.prepare(study, request, tmp_path / family)
        result = synthetic_study.run(prepared)
        assert result["arms"]["classic + gaussian x 0.5"]["n_synthetic"]
        # The second study trains and generates nothing.
        monkeypatch.setattr(Synthesizer, "sample", _unexpected)
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["gaussian-seed0-fold0"]
    assert not list(tmp_path.glob("mfcc-*/runs/gaussian*"))


def test_generators_of_other_folds_are_refused(simulated: Path, tiny: str, tmp_path: Path) -> None:
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    shared = ONE_FOLD.model_copy(update={"generators": tmp_path / "shared"})
    study = synthetic_study.plan(["gaussian"], "mfcc-plda", tiny, (), (), shared, options=OPTIONS)
    prepared = synthetic_study.prepare(study, request, tmp_path / "out")
    first = prepared.folds[0]
    trained_generator(study, "gaussian", first, prepared.dataset, tmp_path / "out", no_progress)
    halved = replace(study, settings=shared.model_copy(update={"max_real_clips": 2}))
    with pytest.raises(RunError, match="trained on other clips than those of fold 0"):
        synthetic_study.prepare(halved, request, tmp_path / "other")


def _unexpected(*args: object, **named: object) -> None:
    raise AssertionError("samples were generated again")
