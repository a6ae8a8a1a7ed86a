"""The script of docs/exporting.md answers as finback does, where finback and torch cannot be imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_models import leaf, some_waves

from finback.audio.io import probe, write
from finback.core.runs.folder import RunFolder
from finback.core.types import Labels
from finback.features.spec import FeatureSpec
from finback.models.export.metadata import metadata_of
from finback.models.export.module import ExportedModel
from finback.models.export.onnx import describe, graph, to_onnx
from finback.models.predict import Model
from finback.models.predictor import Predictor
from finback.models.tree import Leaf
from finback.models.weights import save_tensors

ROOT = Path(__file__).parents[3]
BLOCKED = (
    "import sys, runpy\nsys.modules['finback'] = sys.modules['torch'] = None\n"
    "sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
)


@pytest.fixture(scope="module")
def exported(sharp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    to_onnx(RunFolder.open(sharp), Predictor.load(sharp, "cpu"), path)
    return path


def script_answers(model: Path, files: list[Path], folder: Path) -> np.ndarray:
    """(N, K) what the script of docs/exporting.md prints."""
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/exporting.md").read_text(encoding="utf-8"), re.S
    )
    (script,) = [block for block in blocks if "onnxruntime" in block]
    assert len(script.splitlines()) <= 20
    (folder / "classify.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(folder / "classify.py"), str(model), *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(f) for f in files]
    return np.array([list(line["species"].values()) for line in lines])


def compare(model: Path, run: Path, files: list[Path], folder: Path) -> float:
    predictions = Model("run", Predictor.load(run, "cpu")).predict(files)
    assert not predictions.errors
    mine = np.stack([p.probabilities for p in predictions])
    assert np.ptp(mine, axis=0).max() > 0.05, "answers that are all alike prove nothing"
    return float(np.abs(script_answers(model, files, folder) - mine).max())


def test_the_script_of_the_page_answers_as_finback(exported: Path, sharp: Path, tmp_path: Path) -> None:
    files = []
    rng = np.random.default_rng(0)
    for i, (rate, seconds) in enumerate(
        [(8000, 1.0), (44100, 0.31), (11025, 2.7), (6300, 5.0), (96000, 0.8)]
    ):
        x = some_waves(1, round(rate * seconds))[0] + 0.1  # an offset
        x = np.stack([x, 0.2 * rng.normal(size=len(x)).clip(-2, 2)], axis=1) if i % 2 else x
        files.append(tmp_path / f"{i}.wav")
        write(files[-1], x, rate)
    assert compare(exported, sharp, files, tmp_path) < 1e-4


def test_the_script_knows_levels_and_fills(tmp_path: Path) -> None:
    """A run whose windows are scaled and reflected: the script goes by what the file tells."""
    made = leaf("mfcc-plda")
    spec = FeatureSpec.model_validate({**made.spec.model_dump(), "level": "rms", "pad": "reflect"})
    predictor = Predictor(Leaf(made.model, 1.1, spec), Labels(tuple("abcde")))
    (tmp_path / "run.json").write_text('{"format": 1, "kind": "classifier", "family": "mfcc-plda"}')
    save_tensors(tmp_path / "weights.safetensors", made.model.state_dict(), {})
    model = graph(ExportedModel(predictor.root), spec.clip_samples)
    describe(model, metadata_of(RunFolder.open(tmp_path), predictor))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    write(tmp_path / "short.wav", some_waves(1, 2500)[0], 5000)
    mine = Model("run", predictor).predict(tmp_path / "short.wav")
    theirs = script_answers(tmp_path / "model.onnx", [tmp_path / "short.wav"], tmp_path)
    np.testing.assert_allclose(theirs[0], mine.probabilities, atol=1e-4)


@pytest.mark.real
def test_the_script_answers_as_finback_on_a_hundred_recordings(
    exported: Path, sharp: Path, tmp_path: Path, watkins: Path
) -> None:
    by_rate: dict[int, list[Path]] = {}
    for path in sorted((watkins / "audio").iterdir()):
        by_rate.setdefault(probe(path).sample_rate, []).append(path)
    files: list[Path] = []
    while len(files) < 100:
        files += [by_rate[rate].pop() for rate in sorted(by_rate) if by_rate[rate]]
    assert len({probe(f).sample_rate for f in files[:100]}) > 5
    assert compare(exported, sharp, files[:100], tmp_path) < 1e-4
