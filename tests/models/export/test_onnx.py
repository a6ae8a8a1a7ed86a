"""The exported file answers as the run does: families that can leave, folds, ensembles."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import leaf, some_waves

from finback import models
from finback.audio.io import open_recording, write
from finback.cli import main
from finback.core.errors import RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json
from finback.core.types import Clip
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.metrics.combination import Combination, equal
from finback.models.export import onnx as onnx_file
from finback.models.export.frontend import GRAPHS
from finback.models.export.module import ExportedModel, refuse
from finback.models.export.onnx import graph, to_onnx
from finback.models.predict import Model
from finback.models.predictor import Predictor
from finback.models.tree import Leaf, Node

ROOT = Path(__file__).parents[3]
LEAVING = sorted(
    name
    for name in models.CLASSIFIERS
    if models.family(name).input in GRAPHS and name not in ("aisfx-tuned", "yamnet-tuned")
)


@pytest.fixture(scope="module")
def exported(sharp: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    return path, to_onnx(RunFolder.open(sharp), Predictor.load(sharp, "cpu"), path)


def run_graph(root: Leaf | Node, waves: np.ndarray) -> list[np.ndarray]:
    import onnxruntime

    spec = root.leaves[0].spec
    content = graph(ExportedModel(root), spec.clip_samples).SerializeToString()
    return onnxruntime.InferenceSession(content).run(None, {"wave": waves})


def own_answers(root: Leaf | Node, waves: np.ndarray) -> np.ndarray:
    """(B, K) calibrated log-probabilities by the classes that predict, window by window."""
    x = Extractor.for_model(root.leaves[0].model).front_end.from_waves(torch.from_numpy(waves))
    with torch.inference_mode():
        raw = [part.model(x).numpy() for part in root.leaves]
    return root.answer(iter(raw))


@pytest.mark.parametrize("kind", ["logmel", "wave", "mfcc"])
def test_every_family_answers_in_a_graph_as_it_does_here(kind: str) -> None:
    """All families with the same input in one graph, stacked, and a fold: no part is left out."""
    names = [name for name in LEAVING if models.family(name).input == kind]
    leaves = tuple(leaf(name, 0.1 + 0.02 * i) for i, name in enumerate(names))  # new networks hardly differ
    bias = tuple(0.1 * i for i in range(5))
    stacked = Node(leaves, Combination("stack", tuple(1 / (2 + i) for i in range(len(leaves))), bias), 0.9)
    folds = Node(leaves[:1], equal(1), 1.2)
    root = Node((stacked, folds), Combination("weights", (0.8, 0.2)))
    waves = some_waves(3, leaves[0].spec.clip_samples)
    probabilities, clip = run_graph(root, waves)
    mine = torch.from_numpy(own_answers(root, waves)).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, mine, atol=2e-5)
    assert clip.shape == (1, probabilities.shape[1])
    assert np.ptp(mine, axis=0).max() > 1e-3, "answers that do not depend on the wave prove nothing"


def test_several_windows_are_one_clip(
    exported: tuple[Path, dict[str, Any]], sharp: Path, tmp_path: Path
) -> None:
    import onnxruntime

    predictor = Predictor.load(sharp, "cpu")
    spec = predictor.spec
    write(tmp_path / "long.wav", some_waves(1, 3 * spec.clip_samples)[0], spec.sample_rate, "PCM_24")
    prediction = Model("run", predictor).predict(tmp_path / "long.wav")
    session = onnxruntime.InferenceSession(str(exported[0]))
    windows = predictor.store.extractor.waves(clip_of(tmp_path / "long.wav"))
    assert len(windows) > 2
    probabilities, clip = session.run(None, {"wave": windows})
    np.testing.assert_allclose(clip[0], prediction.probabilities, atol=5e-5)
    one = session.run(["probabilities"], {"wave": windows[:1]})[0]
    np.testing.assert_allclose(probabilities[:1], one, atol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 1e-3


def clip_of(path: Path) -> Clip:
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def test_the_file_tells_what_it_is_and_not_where_it_was_made(
    exported: tuple[Path, dict[str, Any]], sharp: Path
) -> None:
    import onnx

    path, facts = exported
    model = onnx.load(str(path))
    values = {p.key: json.loads(p.value) for p in model.metadata_props}
    run = read_json(sharp / "run.json")
    assert values["labels"] == run["labels"]
    assert values["sample_rate"] == run["spec"]["sample_rate"]
    assert values["window_samples"] == run["spec"]["clip_samples"]
    assert values["temperature"] == run["temperature"]
    assert values["licence"] == run["licence"]
    assert values["fingerprint"] == facts["fingerprint"]
    assert model.opset_import[0].version >= 17
    assert {n.domain for n in model.graph.node} == {""}
    assert facts["largest_difference"] < 5e-5
    content = path.read_bytes()
    for trace in (b"site-packages", b".py", str(ROOT).encode()):
        assert trace not in content


def test_what_differs_is_not_written(sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_text("the old one")
    monkeypatch.setattr(onnx_file, "graph", lambda whole, n: broken_graph(whole, n))
    with pytest.raises(RunError, match=r"differ from finback's by .*nothing was written"):
        to_onnx(RunFolder.open(sharp), Predictor.load(sharp, "cpu"), tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_text() == "the old one"


def broken_graph(whole: ExportedModel, n: int) -> Any:
    with torch.no_grad():
        whole.answer.temperature *= 1.5
    return graph(whole, n)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(
        SettingsError, match=r"needs onnxscript, not installed; pip install 'onnx>=.*'onnxscript>="
    ):
        onnx_file.check_packages()


def test_what_cannot_be_a_graph_is_refused_by_name() -> None:
    with pytest.raises(
        SettingsError, match=r"a run on birdnet features cannot be exported: .*TensorFlow Lite"
    ):
        refuse(leaf("birdnet"))
    with pytest.raises(SettingsError, match="different features"):
        refuse(Node((leaf("cnn2d"), leaf("cnn1d")), equal(2)))
    cnn2d = leaf("cnn2d")
    spec = FeatureSpec.model_validate({**cnn2d.spec.model_dump(), "background": "median"})
    with pytest.raises(SettingsError, match=r"features\.background=none"):
        refuse(Leaf(cnn2d.model, 1.0, spec))
    with pytest.raises(SettingsError, match=r"features\.playback = \[1\.0, 0\.5\] needs the recording"):
        refuse(leaf("mfcc-mix", playback=(1.0, 0.5)))


def test_the_command_tells_what_it_wrote(
    sharp: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*words: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["finback", "export", str(sharp), *words])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code

    out = tmp_path / "deep" / "model.onnx"
    assert call("--to", "onnx", "--out", str(out), "--json") in (0, None)
    values = json.loads(capsys.readouterr().out)
    assert values["file"] == str(out)
    assert values["bytes"] == out.stat().st_size
    assert values["largest_difference"] < 1e-4
    assert call("--to", "jax") == 2
    assert "there are: onnx, pamguard, card" in capsys.readouterr().err


def test_the_command_says_that_the_file_has_no_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: str, to: str, out: Path) -> dict[str, Any]:
        out.write_bytes(b"x")
        sizes = {"sample_rate": 8000, "window_samples": 8000, "largest_difference": 0.0, "n_clips": 1}
        return {"none_of_these": False, "labels": ["a"], **sizes}

    monkeypatch.setattr("finback.models.export.export", write)
    words = ["finback", "export", "watkins-small", "--out", str(tmp_path / "model.onnx")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        main()
    assert "names one of its species for any sound" in " ".join(capsys.readouterr().out.split())
