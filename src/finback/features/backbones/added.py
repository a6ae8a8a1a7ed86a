"""Backbones whose weights finback may not distribute, or not carry: the user adds the file once.

    add(Cnn14, Path("Cnn14_mAP=0.431.pth"))     # verified, converted and copied into the data folder
    found("cnn14")                              # the copy, or None

A class with the base `Added` says what it needs: `sample_rate`, `window`, how a given file is converted
(`convert`), and what its copy is named (`stored`). PyTorch checkpoints are read with `weights_only`, which
runs no code, and kept as safetensors; ONNX networks are kept as they are. A copy appears whole or not at all,
beside `backbone.json`, which says where it came from. Nothing is overwritten: another file under the same
name is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from finback.core.errors import InputError, RunError, SettingsError
from finback.core.storage.data_folder import VARIABLE, added_backbones
from finback.core.storage.files import RESTORE, read_json, write_json
from finback.core.storage.folders import is_whole, whole_folder
from finback.features.backbones import Backbone, check_window
from finback.features.spec import FeatureSpec

ABOUT = "backbone.json"


@dataclass(frozen=True)
class AddedWeights:
    """What is known of added weights; `backbone.json` holds it."""

    name: str
    n_features: int
    parameters: int | None  # None: the file is a graph that finback does not count
    source: str  # name of the file that was given
    source_sha256: str
    recognised: str  # what file this is, when its digest is known; else ""
    licence: str


class Added(Backbone):
    """Base of the backbones that are added. `weights` "" is the added copy."""

    sample_rate: ClassVar[int]
    window: ClassVar[int]  # samples
    stored: ClassVar[str]  # name of the copy
    source: ClassVar[str]  # where the file can be had
    known: ClassVar[Mapping[str, str]] = {}  # SHA-256 of files that are known -> what they are
    no_graph: ClassVar[str] = "its weights are not part of a run's own network"

    def __init__(self, spec: FeatureSpec, weights: str = "") -> None:
        check_window(self.name, spec, self.sample_rate, self.window)
        self.covered_samples = self.window
        self.open(Path(weights) if weights else required(self.name), spec)

    def open(self, path: Path, spec: FeatureSpec) -> None:
        """Load the network of the copy, and set `n_features` and `version`."""
        raise TypeError(f"{type(self).__name__} does not define open")

    @classmethod
    def convert(cls, given: Path, folder: Path) -> None:
        """Write the copy of a given file into a new folder. Raises `SettingsError` for a wrong file."""
        raise TypeError(f"{cls.__name__} does not define convert")

    @property
    def n_parameters(self) -> int | None:
        """The number of weights, where it is known."""
        return None

    @classmethod
    def spec(cls) -> FeatureSpec:
        """Windows of the network's own."""
        return FeatureSpec(sample_rate=cls.sample_rate, clip_samples=cls.window, level="peak", pad="tile")


def folder_of(name: str) -> Path:
    """Where the copy of a backbone is, or would be."""
    return added_backbones() / name


def found(kind: type[Added]) -> Path | None:
    """The copy of the weights of a backbone, or None where they were not added."""
    folder = folder_of(kind.name)
    return folder / kind.stored if is_whole(folder, ABOUT) and (folder / kind.stored).is_file() else None


def required(name: str) -> Path:
    """The copy. Raises `SettingsError` with the command that adds it."""
    kind = added_class(name)
    path = found(kind)
    if path is None:
        raise SettingsError(f"{name}: its weights are not installed", kind.install)
    return path


def added_class(name: str) -> type[Added]:
    """The class of a backbone that can be added. Raises `InputError` for another name."""
    from importlib import import_module

    if name not in ADDABLE:
        known = ", ".join(sorted(ADDABLE))
        raise InputError(
            f"{name}: no backbone that can be added",
            f"there are: {known}; another ONNX network: finback train onnx --set model.onnx_file=FILE",
        )
    module, _, attribute = ADDABLE[name].partition(":")
    kind: type[Added] = getattr(import_module(module), attribute)
    return kind


def about(kind: type[Added]) -> AddedWeights | None:
    """What `backbone.json` says of added weights, or None. Raises `RunError` when it is damaged."""
    if found(kind) is None:
        return None
    path = folder_of(kind.name) / ABOUT
    try:
        return AddedWeights(**read_json(path))
    except TypeError:
        raise RunError(f"{path}: not a description of weights", RESTORE) from None


def add(kind: type[Added], given: Path) -> AddedWeights:
    """Verify a file of weights, and copy it into the data folder, or return what is known of the same copy.

    Raises `InputError` when the file is missing or other weights are there already, and `SettingsError` when
    the file is not of this network.
    """
    if not given.is_file():
        raise InputError(f"--weights {given}: no such file", "check the path")
    digest = sha256(given)
    before = about(kind)
    folder = folder_of(kind.name)
    if before is not None:
        if before.source_sha256 == digest:
            return before
        raise InputError(
            f"{folder}: holds other weights ({before.source}, SHA-256 {before.source_sha256[:12]}), "
            "and runs may depend on them",
            f"to use both, set {VARIABLE} to another folder and add the file there",
        )
    with whole_folder(folder, last=ABOUT) as hidden:
        kind.convert(given, hidden)
        backbone = kind(kind.spec(), str(hidden / kind.stored))
        _check_answer(kind, backbone, given)
        described = AddedWeights(
            kind.name, backbone.n_features, backbone.n_parameters, given.name, digest,
            kind.known.get(digest, ""), kind.licence,
        )  # fmt: skip
        write_json(hidden / ABOUT, asdict(described))
    return described


def _check_answer(kind: type[Added], backbone: Added, given: Path) -> None:
    """Raises `SettingsError` unless silence and noise give finite vectors that differ."""
    noise = np.random.default_rng(0).normal(0, 0.1, kind.window).astype(np.float32)
    vectors = backbone.vectors(np.stack([np.zeros_like(noise), noise]))
    if vectors.shape != (2, backbone.n_features) or not np.isfinite(vectors).all():
        raise SettingsError(f"{given}: its vectors are not finite numbers", "download the file again")
    if np.array_equal(vectors[0], vectors[1]):
        raise SettingsError(f"{given}: gives the same vector for silence and noise", "download it again")


def sha256(path: Path) -> str:
    """64 hex digits of the content of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_peak(waves: np.ndarray, peak: float) -> np.ndarray:
    """(w, T) -> (w, T): each window without its mean, its largest value `peak`; silence stays silent."""
    centred = waves - waves.mean(axis=1, keepdims=True)
    largest = np.abs(centred).max(axis=1, keepdims=True)
    scaled: np.ndarray = centred * (peak / np.maximum(largest, 1e-6))
    return scaled.astype(np.float32)


ADDABLE = {
    "beats": "finback.features.backbones.beats:Beats",
    "cnn14": "finback.features.backbones.cnn14:Cnn14",
    "perch2": "finback.features.backbones.perch2:Perch2",
}
