"""Any ONNX network as a front end: the shapes that are understood, and the errors that name the repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import SettingsError
from finback.features.backbones import Backbone
from finback.features.frontends import backbone
from finback.features.spec import FeatureSpec

pytest.importorskip("onnxruntime", reason="the extra onnx")
pytest.importorskip("onnx", reason="pip install onnx, to make networks for the test")

from networks import write_network

T = 500


SPEC = FeatureSpec(sample_rate=1000, clip_samples=T, n_fft=128, hop=32, n_mels=8, n_frames=10)


def network_of(path: Path | str, output: str = "embedding", spec: FeatureSpec = SPEC) -> Backbone:
    return backbone("onnx", spec, onnx_file=str(path), onnx_output=output)


def test_an_embedding_of_three_shapes_of_input(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 0.1, (3, T)).astype(np.float32)
    weights = np.random.default_rng(0).normal(0, 1, (T, 6)).astype(np.float32)
    for i, axes in enumerate((["b", T], [1, T], ["b", 1, T], [1, 1, T], [T])):
        network = network_of(write_network(tmp_path / f"{i}.onnx", axes))
        assert np.allclose(network(x), x @ weights, atol=1e-4), axes
        assert network.n_features == 6


def test_a_grid_is_averaged(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 0.1, (2, T)).astype(np.float32)
    plain = network_of(write_network(tmp_path / "a.onnx", ["b", T]))(x)
    grid = network_of(write_network(tmp_path / "b.onnx", ["b", T], grid=True))(x)
    assert np.allclose(grid, plain + 2.5, atol=1e-4)  # the mean of 0 to 5


def test_the_version_is_the_content_and_the_output(tmp_path: Path) -> None:
    versions = [
        network_of(write_network(tmp_path / name, ["b", T], seed), output).version
        for name, seed, output in (
            ("a.onnx", 0, "embedding"),
            ("copy.onnx", 0, "embedding"),
            ("a.onnx", 1, "embedding"),
            ("a.onnx", 0, "scores"),
        )
    ]
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3
    assert all(set(v) <= set("0123456789abcdefghijklmnopqrstuvwxyz-_.") for v in versions)  # names a folder


@pytest.mark.parametrize(
    ("axes", "changes", "message"),
    [
        (["b", T], {"onnx_file": ""}, "onnx_file=network.onnx"),
        (["b", T], {"onnx_file": "gone.onnx"}, r"gone\.onnx: no such file"),
        (["b", T], {"onnx_output": "embeding"}, "one of: embedding, scores"),
        (["b", T], {"onnx_output": ""}, "2 outputs; set model.onnx_output to one of: embedding, scores"),
        (["b", T], {"clip_samples": 600}, r"features\.clip_samples = 500"),
        ([4, T], {}, "batch of 1 or of any size"),
        (["b", 2, T], {}, "one channel"),
        (["b", 1, 1, T], {}, r"one float32 input \(B, T\)"),
    ],
)
def test_what_cannot_be_used_is_named(
    axes: list[int | str], changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = write_network(tmp_path / "a.onnx", axes)
    settings = {"onnx_file": str(path), "onnx_output": "embedding"}
    settings |= {key: str(value) for key, value in changes.items() if key in settings}
    spec = SPEC.model_copy(update={"clip_samples": changes.get("clip_samples", T)})
    with pytest.raises(SettingsError, match=message):
        backbone("onnx", spec, **settings)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"not a network" * 10)
    with pytest.raises(SettingsError, match="not a network that onnxruntime can run"):
        network_of(tmp_path / "a.onnx")
