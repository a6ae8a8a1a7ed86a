"""The whole, undamaged inputs: made once by the runner, copied by each worker."""

from __future__ import annotations

import functools
import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.answers import Said, finback

HERE = Path(__file__).parents[1]
KEPT = HERE / "data" / "runs_0_1_0"
RATE = 8000
FORMATS: dict[str, tuple[str, str]] = {  # suffix -> container and coding of soundfile
    "16.wav": ("WAV", "PCM_16"),
    "24.wav": ("WAV", "PCM_24"),
    "f.wav": ("WAV", "FLOAT"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "ulaw.wav": ("WAV", "ULAW"),
    "ex.wav": ("WAVEX", "PCM_16"),
    "rf.wav": ("RF64", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
    "a.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.w64": ("W64", "PCM_16"),
    "a.caf": ("CAF", "PCM_16"),
    "a.au": ("AU", "PCM_16"),
}


def build(folder: Path) -> None:
    """Sound in every format, labels, run folders of today and of 0.1.0, a scan, an ONNX network."""
    import soundfile

    shutil.copytree(KEPT, folder / "old")
    for path in (folder / "old").rglob("problems.json"):
        value = json.loads(path.read_text())
        path.write_text(json.dumps({**value, "audio": str(folder / "old/data/audio")}))
    sounds = folder / "sounds"
    sounds.mkdir()
    for suffix, (container, coding) in FORMATS.items():
        soundfile.write(sounds / suffix, wave(), RATE, format=container, subtype=coding)
    data = folder / "old" / "data"
    words = ("--audio", data / "audio", "--labels", data / "labels.csv", "--preset", HERE / "tiny.toml")
    settings = ("--set", "training.epochs=1", "--set", "training.refit=false", "--device", "cpu")
    said = finback(*map(str, ("train", "cnn2d", *words, *settings, "--out", folder / "run")))
    assert said.code == 0, said.err
    said = finback("evaluate", str(folder / "run"), "--device", "cpu")
    assert said.code == 0, said.err
    _scan(folder)
    _network(folder / "network.onnx")
    rng = np.random.default_rng(0)
    np.savez(folder / "logmels.npz", a=rng.normal(-40, 9, (32, 60)).astype("f4"), b=np.full((32, 60), -50.0))
    np.save(folder / "logmels.npy", rng.normal(-40, 9, (2, 32, 60)).astype("f4"))


def _scan(folder: Path) -> None:
    """A scan of two short recordings, with detections."""
    import soundfile

    sea, rng = folder / "sea", np.random.default_rng(2)
    sea.mkdir()
    for name, seconds in (("20230501_120000.wav", 13), ("20230501_130000.flac", 4)):
        x = np.concatenate([wave() * (i % 3 == 0) + 0.003 * rng.normal(size=RATE) for i in range(seconds)])
        soundfile.write(sea / name, x, RATE, subtype="PCM_16")
    from fuzz.kinds.scan import SCAN

    said = finback(
        "scan", str(folder / "run"), str(sea), "--out", str(folder / "scan"), *SCAN, "--format", "jsonl"
    )
    assert said.code == 0, said.err


def wave() -> np.ndarray:
    """One second of two tones and a little noise, float64."""
    t = np.arange(RATE) / RATE
    return (
        0.3 * np.sin(900 * t) + 0.2 * np.sin(5000 * t**2) + 0.01 * np.random.default_rng(1).normal(size=RATE)
    )


def _network(path: Path) -> None:
    """Waves (b, 8000) -> embeddings (b, 4)."""
    try:
        from onnx import TensorProto, checker, helper, numpy_helper, save
    except ImportError:
        return
    weight = np.random.default_rng(0).normal(size=(8000, 4)).astype("f4")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 8000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)


class Stage:
    """The inputs of one worker. `work()` is an empty folder for a mutant, gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clip = sorted((folder / "old/data/audio").rglob("*.flac"))[0]
        self.whole = functools.lru_cache(maxsize=64)(self._whole)

    @contextmanager
    def work(self) -> Iterator[Path]:
        path = self.folder / "work"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _whole(self, *words: str) -> Said:
        """What the command says of the undamaged input, asked once."""
        return finback(*words)


Case = tuple[Stage, random.Random]
Answer = tuple[str, Any]
