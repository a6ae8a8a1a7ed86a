"""A packaged run: small, without names of this machine, and still the same model; its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json, write_json
from finback.core.storage.locks import LOCK
from finback.data.dataset import Dataset
from finback.models import pretrained
from finback.models.export.folder import package_run, without_paths
from finback.models.model_card import card
from finback.models.predictor import Predictor
from finback.models.scoring import LONGER_CLIPS


def test_a_shipped_classifier_gives_the_same_scores(
    trained: Path, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    package_run(trained, tmp_path / "small")
    whole, small = (Predictor.load(p, "cpu") for p in (trained, tmp_path / "small"))
    clips = tiny_dataset.clips[:6]
    np.testing.assert_allclose(
        small.scores(clips).probabilities, whole.scores(clips).probabilities, atol=5e-3
    )
    sizes = [(p / "weights.safetensors").stat().st_size for p in (trained, tmp_path / "small")]
    assert sizes[1] < 0.6 * sizes[0]
    assert {p.name for p in (tmp_path / "small").iterdir()} == {
        "run.json",
        "weights.safetensors",
        "metrics.json",
        "left_out.json",
        "split.csv",
        "training_clips.json",
        "card.md",
        LOCK,
    }


def test_the_card_says_what_was_measured_and_where_it_ends(trained: Path) -> None:
    text = card(RunFolder.open(trained))
    accuracy = read_json(trained / "metrics.json")["accuracy"]
    assert f"accuracy on tapes not trained on: {accuracy:.3f}" in text
    for name in RunFolder.open(trained).info.labels:
        assert name in text
    assert 'It answers "none of these" to noise' in text
    assert f"- longer clips: {LONGER_CLIPS}" in text


def test_the_card_of_a_run_without_a_gate_says_that_it_names_every_sound(
    trained: Path, tmp_path: Path
) -> None:
    RunFolder(tmp_path).write(RunFolder.open(trained).info.updated(gate={}))
    assert "a sound of none of them" in card(RunFolder.open(tmp_path))


def test_the_card_of_a_generator_puts_its_figures_beside_real_clips(
    generator_run: Path, tmp_path: Path
) -> None:
    package_run(generator_run, tmp_path)
    row = {"kad": 3.21, "coverage": 0.654}
    write_json(
        tmp_path / "generator_audit.json",
        {
            "generators": {"gaussian": "runs/gaussian", "vae": "runs/vae"},
            "recognised": {"gaussian": {"accuracy": 0.31}, "held_out": {"accuracy": 0.93}},
            "distances": [{"space": "judge", "reference": "unseen", "rows": {"gaussian": row}}],
            "copying": {
                "logmel": {"rows": {"gaussian": {"below_pair": 0.28}, "held_out": {"below_pair": 0.46}}}
            },
        },
    )
    text = card(RunFolder.open(tmp_path))
    assert "0.31 of samples, 0.93 of real clips of the same tapes" in text
    assert "KAD 3.2, coverage 0.65" in text
    assert "0.28 of samples, 0.46 of real clips of the same tapes" in text
    assert "not recordings of animals" in text


def test_a_card_leaves_out_what_too_few_clips_could_not_tell(generator_run: Path, tmp_path: Path) -> None:
    package_run(generator_run, tmp_path)
    write_json(
        tmp_path / "generator_audit.json",
        {
            "generators": {"gaussian": "runs/gaussian"},
            "recognised": {"gaussian": {"accuracy": 0.31}, "held_out": {"accuracy": None}},
            "distances": [{"space": "judge", "reference": "unseen", "rows": {}}],
            "copying": {
                "logmel": {"rows": {"gaussian": {"below_pair": None}, "held_out": {"below_pair": 0.5}}}
            },
        },
    )
    text = card(RunFolder.open(tmp_path))
    assert "recognised by a classifier of the same log-mels, which flatters: 0.31 of samples\n" in text
    assert "of them training clips" in text
    assert "KAD" not in text
    assert "nearer to a training clip" not in text


@pytest.mark.parametrize(
    ("word", "travels"),
    [
        ("--audio '/home/me/my clips/audio' --out runs/x", "--audio 'my clips/audio' --out runs/x"),
        ("--audio=/home/me/clips/a", "--audio=clips/a"),
        (r"--audio 'C:\Users\me\clips\a'", "--audio clips/a"),
        (r"--audio '\\server\share\clips\a'", "--audio clips/a"),
        ("--audio ../../home/me/clips/a --set a=/b", "--audio clips/a --set a=/b"),
        ("--audio /a 'one quote", "--audio a ''\"'\"'one' quote"),  # of a run folder from elsewhere
    ],
)
def test_no_path_of_this_machine_travels(word: str, travels: str) -> None:
    assert without_paths(f"finback train cnn2d {word}") == f"finback train cnn2d {travels}"


def test_an_unfinished_run_is_not_shipped(trained: Path, tmp_path: Path) -> None:
    RunFolder(tmp_path / "half").write(RunFolder.open(trained).info.updated(trained=False))
    with pytest.raises(RunError, match="training has not finished"):
        package_run(tmp_path / "half", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_and_folders_are_both_understood(trained: Path, tmp_path: Path) -> None:
    assert pretrained.resolve(trained, "classifier") == trained
    with pytest.raises(RunError, match="no such run folder"):
        pretrained.resolve("nothing-of-the-kind", "classifier")


def test_the_card_of_a_generator_names_the_baseline_beside(generator_run: Path, tmp_path: Path) -> None:
    package_run(generator_run, tmp_path)
    rows = {
        "gaussian": {"recognised": 0.7, "kad_unseen": 5.25, "real_made_auc": 0.98},
        "stationary-gaussian": {"recognised": 0.6},
        "unseen": {"recognised": 0.8, "kad_unseen": None},
    }
    write_json(
        tmp_path / "generator_audit.json",
        {
            "generators": {"gaussian": "runs/gaussian"},
            "recognised": {"gaussian": {"accuracy": 0.99}},
            "distances": [],
            "copying": {
                "logmel": {"rows": {"gaussian": {"below_pair": None}}},
                "whitened": {"rows": {"gaussian": {"below_pair": 0.1, "below_nearest": 0.01}}},
            },
            "reference_embeddings": {"birdnet": {"rows": rows}},
        },
    )
    text = card(RunFolder.open(tmp_path))
    assert (
        "- recognised by a classifier on BirdNET: 0.70 of samples, 0.60 of noise without calls (the "
        "baseline), 0.80 of real clips of other tapes\n" in text
    )
    assert "- KAD to clips of other tapes, BirdNET: 5.2 of samples\n" in text
    assert "(nearer than 1 % of clips are to another tape): 0.01 of samples\n" in text
