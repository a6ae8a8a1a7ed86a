"""Run folders of version 0.1.0 (tests/data/runs_0_1_0) open, answer, evaluate and resume in today's finback.

Models are loaded and pages written by packages far above `core`: what is tested is the run folder, whole.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked import Done, forked

from finback.audio.io import open_recording
from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.renames import MOVED_TO_MODEL, REMOVED_SETTINGS, RUN, current
from finback.core.runs.scores import load_scores
from finback.core.storage.files import read_json, write_json
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.data.index import IndexRequest, index
from finback.data.locate import locate
from finback.data.manifest import Manifest
from finback.evaluation.comparison import leaderboard
from finback.evaluation.comparison.page import write as write_comparison
from finback.evaluation.evaluate import evaluate_on, evaluate_run
from finback.evaluation.pages.run_data import read_run
from finback.evaluation.pages.write import write
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vae_latents import LatentSpace
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.models.model_card import card
from finback.models.predictor import Predictor
from finback.models.weights import load_tensors

KEPT = Path(__file__).parents[2] / "data" / "runs_0_1_0"
CLASSIFIERS = ("classifier", "classifier-folds", "ensemble", "packaged")
GENERATORS = ("generator-gaussian", "generator-vae", "generator-diffusion")
RUNS = (*CLASSIFIERS, *GENERATORS, "vocoder", "interrupted")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of all folders, whose manifests name the copied recordings."""
    copy = shutil.copytree(KEPT, tmp_path / "old")
    for path in copy.rglob("problems.json"):
        write_json(path, read_json(path) | {"audio": str(copy / "data" / "audio")})
        locate(path.parent, [copy / "data" / "audio"])  # as --recordings does: they were not made here
    return copy


def recordings(old: Path) -> list[Clip]:
    found = [open_recording(path) for path in sorted((old / "data" / "audio").rglob("*.flac"))]
    return [Clip(recording, 0, recording.n_samples) for recording in found]


def train(old: Path, out: Path, *more: str) -> Done:
    """The command that `interrupted/` was begun with.

    Sums are added in another order with more threads, and a restart could then end in other weights.
    """
    data = ("--audio", old / "data/audio", "--labels", old / "data/labels.csv", "--preset", old / "tiny.toml")
    values = ("training.epochs=60", "training.learning_rate=3e-3", "training.checkpoint_s=0", *more)
    settings = [word for value in values for word in ("--set", value)]
    words = ("train", "cnn2d", *data, "--device", "cpu", "--seed", 0, *settings, "--out", out)
    return forked(words, old)


@pytest.mark.parametrize("name", RUNS)
def test_run_json_is_read_and_loses_nothing(old: Path, name: str) -> None:
    run = RunFolder.open(old / name)
    before: dict[str, Any] = current(read_json(run.run_json), RUN)
    run.note()
    after = json.loads(run.run_json.read_text())
    # Settings that are gone had their defaults; all else is kept.
    gone = set(before["spec"]) - set(after["spec"])
    assert gone <= {*MOVED_TO_MODEL, *(key.removeprefix("features.") for key in REMOVED_SETTINGS)}
    assert after.keys() == before.keys()
    for key in before.keys() - {"settings", "spec"}:
        assert after[key] == before[key]


@pytest.mark.parametrize("name", ["classifier", "classifier-folds", "ensemble"])
def test_classifiers_give_the_same_answers(old: Path, name: str) -> None:
    run = RunFolder.open(old / name)
    clips = Manifest.load(run.manifest).clips
    scores, folds = load_scores(run.scores, clips)
    kept = read_json(run.metrics)
    run.metrics.unlink()
    run.scores.unlink()
    metrics = evaluate_run(run.path, "cpu")
    again, again_folds = load_scores(run.scores, clips)
    assert again.labels == scores.labels
    assert [c.key for c in again.clips] == [c.key for c in scores.clips]
    assert np.array_equal(again_folds, folds)
    # Equal bit for bit on the machine that wrote them; another processor may add in another order.
    assert np.allclose(again.logits, scores.logits, atol=1e-4)
    assert metrics["accuracy"] == kept["accuracy"]
    assert set(kept) <= set(metrics) | {"deaf"}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_predict_and_evaluate_other_recordings(old: Path, name: str) -> None:
    clips = recordings(old)
    scores = Predictor.load(old / name, "cpu").scores(clips[:3])
    assert scores.labels.names == ("Bearded seal", "Humpback whale", "Killer whale")
    assert np.allclose(scores.probabilities.sum(axis=1), 1)
    dataset = Dataset.load(old / "classifier")
    assert evaluate_on(old / name, dataset, "cpu")["n_clips"] == len(dataset.clips)


def test_a_packaged_run_answers_as_the_run_it_was_made_from(old: Path) -> None:
    clips = recordings(old)[:6]
    whole, small = (
        Predictor.load(old / n, "cpu").scores(clips).probabilities for n in ("classifier", "packaged")
    )
    assert np.allclose(whole, small, atol=0.01)  # weights in half precision


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_generate(old: Path, name: str) -> None:
    generator = SpectrogramGenerator.load(old / name, "cpu")
    x = generator.sample([0, 2], [0, 1])
    assert x.shape == (2, generator.spec.n_mels, generator.spec.n_frames)
    assert np.isfinite(x).all()


def test_a_generator_gives_the_samples_it_gave(old: Path) -> None:
    with np.load(old / "generated" / "spectrograms.npz") as kept:
        expected = kept["killer-whale-000001"]
    generator = SpectrogramGenerator.load(old / "generator-gaussian", "cpu")
    of_the_seed_alone = Sampling(streams="seed")
    sample = generator.sample([generator.labels.index("Killer whale")], [1], of_the_seed_alone)[0]
    assert np.allclose(sample, expected, atol=1e-3)


def test_the_vae_and_the_vocoder_open(old: Path) -> None:
    space = LatentSpace.load(old / "generator-vae", "cpu")
    x = SpectrogramGenerator.load(old / "generator-gaussian", "cpu").sample([0], [0])
    assert len(space.encode(x)) == 1
    waves = to_waves(x, Vocoder.load(old / "vocoder", space.spec, "cpu"))
    assert np.isfinite(waves).all()


@pytest.mark.parametrize(
    "name", [name for name in RUNS if name not in ("interrupted", "generator-diffusion")]
)
def test_reports_are_written(old: Path, name: str) -> None:
    page = write(old / name)
    assert page == old / name / "report.html"
    assert "0.1.0" in page.read_text(encoding="utf-8")


def test_the_leaderboard_of_a_comparison_is_read_and_its_page_written(old: Path) -> None:
    comparison = leaderboard.load(old / "comparison")
    assert set(comparison["families"]) == {"cnn2d", "mfcc-plda"}
    for row in comparison["families"].values():
        assert 0 <= row["random_split"]["accuracy"] <= 1
    assert comparison["no_audio_baselines"]["grouped"]["metadata_accuracy"] == pytest.approx(5 / 12)
    page = write_comparison(comparison, old / "comparison")
    assert "mfcc-plda" in page.read_text(encoding="utf-8")


def test_generated_clips_are_still_training_data(old: Path) -> None:
    for name, n in (("generated", 4), ("synthesized", 5)):
        real = {"audio": old / "data" / "audio", "labels": old / "data" / "labels.csv"}
        manifest = index(IndexRequest(**real, synthetic=(old / name,)))
        assert sum(clip.synthetic for clip in manifest.clips) == n
        assert {model.role for model in manifest.provenance} >= {"generator"}


def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(old: Path) -> None:
    done = train(old, old / "interrupted")
    assert done.returncode == 0, done.stderr
    resumed, whole = (load_tensors(old / n / "weights.safetensors")[0] for n in ("interrupted", "classifier"))
    assert resumed.keys() == whole.keys()
    # Equal bit for bit on the machine that wrote them; another processor may add in another order, and what
    # 40 epochs make of that is larger than one rounding.
    for name, tensor in whole.items():
        assert np.allclose(resumed[name].numpy(), tensor.numpy(), atol=2e-2), name
    info = RunFolder.open(old / "interrupted").info
    assert info.trained
    assert info.finback == "0.1.0"
    assert info.temperature == pytest.approx(RunFolder.open(old / "classifier").info.temperature, rel=1e-2)


def test_another_setting_is_refused_by_name(old: Path) -> None:
    done = train(old, old / "interrupted", "training.mixup=0.5")
    assert done.returncode == 2
    assert "holds another run (training.mixup 0.2 -> 0.5); give another --out" in " ".join(
        done.stderr.split()
    )


def test_unknown_keys_of_an_old_run_survive(old: Path) -> None:
    run = RunFolder.open(old / "classifier")
    write_json(run.run_json, read_json(run.run_json) | {"station": "Ross Sea"})
    RunFolder.open(old / "classifier").note(seed=0)
    assert read_json(run.run_json)["station"] == "Ross Sea"


def test_an_unfinished_run_says_so(old: Path) -> None:
    with pytest.raises(RunError, match="training has not finished"):
        Predictor.load(old / "interrupted", "cpu")


@pytest.mark.parametrize(
    ("name", "file", "change", "words", "problem"),
    [
        ("ensemble", "run.json", {"combination": None}, ("predict",), "neither a classifier nor an ensemble"),
        ("ensemble", "run.json", {"kind": "vocoder"}, ("predict",), "a vocoder, not a classifier"),
        ("classifier", "run.json", {"kind": "x"}, ("card",), "which has no model card"),
        ("classifier", "run.json", {"labels": ["a", "b"]}, ("evaluate",), "not those of run.json"),
        ("classifier", "metrics.json", {"accuracy": 0.5}, ("evaluate",), "not that of the confusion matrix"),
        ("classifier-folds", "run.json", {"n_folds": 10**9}, ("predict",), "key 'n_folds'"),
        ("classifier", "problems.json", {"schedules": "x"}, ("report",), "key 'schedules'"),
    ],
)
def test_a_damaged_folder_is_refused_or_named(
    old: Path, name: str, file: str, change: dict[str, Any], words: tuple[str, ...], problem: str
) -> None:
    run = old / name
    write_json(run / file, read_json(run / file) | change)
    clip = next((old / "data" / "audio").rglob("*.flac"))
    if words == ("report",):
        assert any(problem in text for text in read_run(run).missing)
        return
    do = {
        "predict": lambda: Predictor.load(run).scores([Clip(open_recording(clip), 0, 100)]),
        "card": lambda: card(RunFolder.open(run)),
        "evaluate": lambda: evaluate_run(run),
    }[words[0]]
    with pytest.raises(RunError, match=problem):
        do()
