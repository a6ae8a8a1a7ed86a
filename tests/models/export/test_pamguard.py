"""The zip for PAMGuard: what its reader asks for is in it, and its spectrogram leads to nearly our answers.

PAMGuard itself is not tried here. `jpam_input` does to a segment of sound what its library jpam does, as its
source says (AudioData, WavInterpolator, Spectrogram; read in 2026).
"""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import resample
from small_models import make

from finback.audio.io import open_recording, read, write
from finback.core.errors import SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.types import Clip, Labels
from finback.features.spec import FeatureSpec
from finback.models.export import export
from finback.models.export.pamguard import NETWORK, TABLE, n_bins, n_frames, segment_samples, to_pamguard
from finback.models.predictor import Predictor
from finback.models.tree import Leaf


@pytest.fixture(scope="module")
def zipped(sharp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pamguard") / "whales.zip"
    to_pamguard(RunFolder.open(sharp), Predictor.load(sharp, "cpu"), path)
    return path


def contents(path: Path) -> tuple[Any, dict[str, Any]]:
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return torch.jit.load(BytesIO(file.read(NETWORK))), json.loads(file.read(TABLE))


def steps(x: np.ndarray) -> np.ndarray:
    """Samples rounded down to those of 16 bits, as jpam keeps them."""
    return np.clip(np.floor(x.astype(np.float64) * 32768), -32768, 32767) / 32768


def jpam_input(segment: np.ndarray, own: int, metadata: dict[str, Any]) -> np.ndarray:
    """(1, F', H) magnitudes that PAMGuard hands to the network."""
    (_, load), (_, frames) = [(t["name"], t["params"]) for t in metadata["transforms"]]
    x, n_fft, hop = steps(segment), frames["fft"], frames["hop"]
    if own != load["sr"]:
        x = steps(resample(x, int(np.ceil(len(x) * load["sr"] / own))))
    starts = np.arange(int(np.ceil(len(x) / hop))) * hop
    starts[1:] += 1  # its counter steps once too often
    x = np.concatenate([x, np.zeros(n_fft + hop)])
    window = 0.54 + 0.46 * np.cos(np.arange(-(n_fft // 2), n_fft // 2) * np.pi / (n_fft // 2))
    spectra = np.fft.rfft(np.stack([x[s : s + n_fft] for s in starts]) * window)
    half = n_fft // 2
    return np.abs(spectra[None, :, : half + half % 2]).astype(np.float32)


def test_the_zip_holds_what_pamguard_looks_for(zipped: Path, trained: Path) -> None:
    """`PamZipModelClassifier` wants names with .py and .pdtf; `DLTransformParser2` these keys."""
    with zipfile.ZipFile(zipped) as file:
        names = file.namelist()
    assert [n for n in names if ".py" in n] == [NETWORK]
    assert [n for n in names if ".pdtf" in n] == [TABLE]
    _, metadata = contents(zipped)
    spec, labels = FeatureSpec.model_validate(RunFolder.open(trained).info.spec), metadata["class_info"]
    assert metadata["version_info"] == {"version": 1.0}
    assert labels == {"num_class": 4, "name_class": list(RunFolder.open(trained).info.labels)}
    assert metadata["model_info"] == {
        "input_shape": [1, n_frames(spec), n_bins(spec)],
        "output_shape": [1, 4],
    }
    assert isinstance(metadata["seg_size"]["size_ms"], int)
    assert [t["name"] for t in metadata["transforms"]] == ["load_audio", "spectrogram"]
    assert metadata["species"]["name"] == metadata["target"]["name"] == labels["name_class"]


@pytest.mark.parametrize("own", [8000, 11025, 48000, 7321])
def test_a_segment_of_whole_milliseconds_has_the_promised_shape(zipped: Path, own: int) -> None:
    network, metadata = contents(zipped)
    n = own * metadata["seg_size"]["size_ms"] // 1000
    for off in (-1, 0, 1):
        x = jpam_input(np.random.default_rng(0).normal(0, 0.1, n + off), own, metadata)
        assert [1, *x.shape[1:]] == metadata["model_info"]["input_shape"]
    answer = network(torch.from_numpy(np.repeat(x, 3, axis=0)))
    assert answer.shape == (3, 4)
    torch.testing.assert_close(answer.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    "spec", [FeatureSpec(), FeatureSpec(n_fft=1024, hop=200, n_frames=300), FeatureSpec(hop=500)]
)
def test_a_window_has_all_the_frames_that_the_model_hears(spec: FeatureSpec) -> None:
    assert n_frames(spec) >= spec.n_frames
    for off in (-0.4, 0.4):
        assert np.ceil(segment_samples(spec) / spec.hop + off) == n_frames(spec)


def test_answers_are_near_those_of_finback(zipped: Path, sharp: Path, tmp_path: Path) -> None:
    """On windows that are full of sound; a recorder's offset changes nothing."""
    network, metadata = contents(zipped)
    predictor = Predictor.load(sharp, "cpu")
    spec = predictor.spec
    rng = np.random.default_rng(1)
    differences, spread = [], []
    for i in range(8):
        t = np.arange(segment_samples(spec)) / spec.sample_rate
        call = np.sin(2 * np.pi * (300 + 300 * i) * t * (1 + 0.1 * t))
        x = 0.2 * call * rng.uniform(0.3, 1) + rng.normal(0, 0.02, len(t))
        write(tmp_path / f"{i}.wav", x, spec.sample_rate)
        recording = open_recording(tmp_path / f"{i}.wav")
        clip = Clip(recording, 0, min(spec.clip_samples, recording.n_samples))
        mine = predictor.scores([clip]).probabilities[0]
        x = read(recording.path)
        theirs = network(torch.from_numpy(jpam_input(x, spec.sample_rate, metadata))).detach().numpy()[0]
        offset = (
            network(torch.from_numpy(jpam_input(x + 0.2, spec.sample_rate, metadata))).detach().numpy()[0]
        )
        differences.append(np.abs(theirs - mine).max())
        spread.append(mine)
        np.testing.assert_allclose(offset, theirs, atol=0.02)
    assert np.median(differences) < 0.05
    assert np.ptp(np.array(spread), axis=0).max() > 0.05, "answers that are all alike prove nothing"


def test_what_pamguard_cannot_feed_is_refused(tmp_path: Path, trained: Path) -> None:
    labels = Labels(tuple("abcde"))

    def refused(name: str, **settings: Any) -> pytest.ExceptionInfo[SettingsError]:
        model = make(name)
        spec = FeatureSpec.model_validate({**model.spec.model_dump(), **settings})
        with pytest.raises(SettingsError) as caught:
            to_pamguard(
                RunFolder.open(trained), Predictor(Leaf(model, 1.0, spec), labels), tmp_path / "x.zip"
            )
        return caught

    assert "this run uses wave" in str(refused("cnn1d").value)
    assert "this run uses mfcc" in str(refused("mfcc-plda").value)
    assert "features.level=none" in str(refused("cnn2d", level="peak").value)
    assert not (tmp_path / "x.zip").exists()


def test_a_card_is_written_of_any_run(trained: Path, generator_run: Path, tmp_path: Path) -> None:
    for run, kind in ((trained, "classifier"), (generator_run, "generator")):
        assert export(str(run), "card", tmp_path / "card.md") == {"kind": kind}
        text = (tmp_path / "card.md").read_text()
        assert text.startswith("# ")
        assert "## Limits" in text
    assert export("watkins", "card", tmp_path / "card.md")["kind"] in ("classifier", "generator", "vocoder")


def test_a_card_tells_of_no_machine(trained: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    info = RunFolder.open(trained).info
    run.write(info.updated(command="finback run --audio /home/me/my/clips", family="cnn1d"))
    export(str(tmp_path), "card", tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text()
    assert "`finback run --audio my/clips`" in text
    assert "8000 Hz, waves of 8000 samples" in text
