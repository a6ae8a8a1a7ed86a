"""The predictor needs only the run folder; batches do not matter; bad files are named and skipped."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import open_recording, read, write
from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json, write_json
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.models.predict import Model
from finback.models.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(trained: Path) -> Predictor:
    return Predictor.load(trained, "cpu")


@pytest.fixture(scope="module")
def clips(trained: Path) -> tuple[Clip, ...]:
    return Manifest.load(trained / "manifest.csv").clips


def test_the_folder_is_the_model(
    trained: Path, clips: tuple[Clip, ...], predictor: Predictor, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(trained, copy)
    assert not list(copy.rglob("checkpoint*"))  # gone when training was done
    for extra in ("manifest.csv", "problems.json", "split.csv", "metrics.json"):
        (copy / extra).unlink()
    assert np.array_equal(
        Predictor.load(copy, "cpu").scores(clips[:5]).logits, predictor.scores(clips[:5]).logits
    )


def test_eight_together_equal_eight_alone(predictor: Predictor, clips: tuple[Clip, ...]) -> None:
    together = predictor.scores(clips[:8]).logits
    alone = np.concatenate([predictor.scores([c]).logits for c in clips[:8]])
    assert np.allclose(together, alone, atol=1e-4)


def test_a_clip_is_the_mean_of_its_windows(
    predictor: Predictor, tmp_path: Path, clips: tuple[Clip, ...]
) -> None:
    long = np.concatenate([read(c.recording.path) for c in clips[:8]])
    write(tmp_path / "long.wav", long, clips[0].recording.sample_rate)
    recording = open_recording(tmp_path / "long.wav")
    whole = Clip(recording, 0, recording.n_samples)
    windows = predictor.store.extractor.windows(whole)
    assert len(windows) > 2
    raw = predictor.scores(windows).logits
    assert np.allclose(predictor.scores([whole]).logits[0], raw.mean(axis=0), atol=0.05)


def test_no_clips_no_scores(predictor: Predictor) -> None:
    assert predictor.scores([]).logits.shape == (0, 4)


def test_embeddings(predictor: Predictor, clips: tuple[Clip, ...]) -> None:
    embeddings = predictor.embed(clips[:3])
    assert embeddings.shape[0] == 3
    assert np.isfinite(embeddings).all()


def test_bad_files_are_named_and_the_rest_goes_on(
    predictor: Predictor, clips: tuple[Clip, ...], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    good = clips[0].recording.path
    found = Model("run", predictor).predict([bad, good, tmp_path / "missing.wav"])
    failed = found.errors
    assert [p.file for p in found] == [str(good)]
    assert len(failed) == 2
    assert "bad.wav" in failed[0]
    assert "missing.wav" in failed[1]
    top = found[0].top(4)
    assert sum(chance for _, chance in top) == pytest.approx(1)
    assert top == sorted(top, key=lambda pair: -pair[1])


def test_temperature_divides_the_logits(
    trained: Path, clips: tuple[Clip, ...], predictor: Predictor, tmp_path: Path
) -> None:
    copy = tmp_path / "cooler"
    shutil.copytree(trained, copy)
    run = RunFolder.open(copy)
    before = run.info.temperature
    run.note(temperature=2 * before)
    warm = Predictor.load(copy, "cpu").scores(clips[:3]).logits
    assert np.allclose(warm * 2, predictor.scores(clips[:3]).logits, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "vae"}, "a vae, not a classifier"),
        ({"format": 99}, "format 99"),
        ({"trained": None}, "training has not finished"),
        ({"family": "resnet"}, "unknown model family"),
        ({"labels": ["a", "b"]}, "not the weights of this model"),
    ],
)
def test_runs_that_cannot_serve_are_refused(
    trained: Path, tmp_path: Path, change: dict, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    info = {**read_json(copy / "run.json"), **change}
    write_json(copy / "run.json", {k: v for k, v in info.items() if v is not None})
    with pytest.raises(Exception, match=message):
        Predictor.load(copy, "cpu")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a finback run folder"):
        Predictor.load(tmp_path)


def test_recordings_may_move(clips: tuple[Clip, ...], predictor: Predictor, tmp_path: Path) -> None:
    moved = shutil.copy(clips[0].recording.path, tmp_path / "renamed.flac")
    clip = replace(clips[0], recording=open_recording(moved))
    assert np.array_equal(predictor.scores([clip]).logits, predictor.scores(clips[:1]).logits)
