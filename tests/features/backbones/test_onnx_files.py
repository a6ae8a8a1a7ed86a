"""The files beside an ONNX network belong to it: to its version, to its copy, and they lie in its folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError, SettingsError
from finback.features.backbones import Backbone
from finback.features.frontends import backbone
from finback.features.spec import FeatureSpec
from finback.models.model_files import keep_copies, keep_files, located_settings

pytest.importorskip("onnxruntime", reason="the extra onnx")
pytest.importorskip("onnx", reason="the extra onnx")

import onnx
from networks import write_network

T = 500
SPEC = FeatureSpec(sample_rate=1000, clip_samples=T, n_fft=128, hop=32, n_mels=8, n_frames=10)


def network_of(path: Path) -> Backbone:
    return backbone("onnx", SPEC, onnx_file=str(path), onnx_output="embedding")


def pointing_at(path: Path, location: str) -> Path:
    """A network whose weights are said to be at another place."""
    write_network(path, ["b", T], beside="w.bin")
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_the_version_is_the_content_of_all_files(tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.onnx", ["b", T], beside="inner/w.bin")
    before = network_of(path).version
    copy = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    assert network_of(copy / "a.onnx").version == before
    data = bytearray((tmp_path / "inner" / "w.bin").read_bytes())
    data[100] ^= 1
    (tmp_path / "inner" / "w.bin").write_bytes(data)
    assert network_of(path).version != before


def test_a_network_in_one_file_has_the_version_it_had(tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.onnx", ["b", T])
    digest = hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()
    assert network_of(path).version == f"{digest}-embedding"


@pytest.mark.parametrize(
    "where", ["/etc/passwd", "../w.bin", "inner/../../w.bin", "..", "C:\\w.bin", "link.bin"]
)
def test_weights_outside_the_folder_are_refused(where: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(100_000))
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "link.bin").symlink_to(tmp_path / "w.bin")
    path = pointing_at(tmp_path / "network" / "a.onnx", where)
    with pytest.raises(SettingsError, match=r"a\.onnx: its tensors are in another folder .*into one folder"):
        network_of(path)
    with pytest.raises(SettingsError, match="in another folder"):
        keep_files("onnx", {"onnx_file": str(path)}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"the file gone\.bin with its tensors is not beside it"):
        network_of(pointing_at(tmp_path / "a.onnx", "gone.bin"))


@pytest.mark.parametrize("name", ["run.json", "Weights.safetensors", "backbone.onnx", "figures/w.bin"])
def test_weights_named_like_a_file_of_a_run_are_refused(name: str, tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.onnx", ["b", T], beside=name)
    with pytest.raises(SettingsError, match="is the name of a file of a run folder"):
        keep_files("onnx", {"onnx_file": str(path)}, tmp_path / "run")


def test_the_copy_of_a_run_is_whole_and_is_the_only_one_that_is_read(tmp_path: Path) -> None:
    path = write_network(tmp_path / "here" / "a.onnx", ["b", T], beside="inner/w.bin")
    settings, run = {"onnx_file": str(path)}, tmp_path / "run"
    version, x = network_of(path).version, np.ones((1, T), np.float32)
    expected = network_of(path)(x)
    keep_files("onnx", settings, run)
    keep_copies("onnx", run, tmp_path / "ensemble")
    shutil.rmtree(path.parent)
    for folder in (run, tmp_path / "ensemble"):
        located = located_settings("onnx", settings, folder)["onnx_file"]
        assert network_of(located).version == version
        assert np.array_equal(network_of(located)(x), expected)
    os.unlink(run / "backbone.onnx")
    with pytest.raises(RunError, match=r"backbone\.onnx: no such file"):
        located_settings("onnx", settings, run)
