"""Frozen front ends: windows of sound to one vector each. What is frozen is a feature, not a model.

    hear = embedder("birdnet", spec)
    vectors = hear(waves)  # (w, T) -> (w, D)

A pretrained backbone that never learns is computed once and cached like a spectrogram; the model on top is
only a head over (B, D). Packages that carry weights are optional and imported on use; each embedder says what
to install and under which licence its weights come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from finback.core.errors import SettingsError
from finback.core.registry import looked_up

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec

EMBEDDERS = {
    "aisfx": "finback.features.backbones.aisfx:AiSfx",
    "birdnet": "finback.features.backbones.birdnet:BirdNet",
    "mfcc": "finback.features.backbones.mfcc:Mfcc",
    "onnx": "finback.features.backbones.onnx:Onnx",
}


class Embedder(Protocol):
    """(w, T) float32 waves -> (w, D) float32 vectors; no vector depends on its neighbours."""

    install: ClassVar[str]  # the command that brings its package; "" = nothing is needed
    licence: ClassVar[str]  # of its weights, shown before first use; "" = there are none

    n_features: int  # D
    version: str  # part of the cache's key: changes whenever the numbers may
    heard_samples: int  # how far one window may advance so that no sample is missed

    def __call__(self, waves: np.ndarray) -> np.ndarray: ...


def embedder_class(name: str) -> type[Embedder]:
    """The class behind a name, to ask for its licence. Raises `SettingsError` on an unknown one."""
    found: type[Embedder] = looked_up(EMBEDDERS, name, "embedder")
    return found


def embedder(name: str, spec: FeatureSpec) -> Embedder:
    """An embedder that hears windows of `spec`.

    Raises `SettingsError` when its package is missing (says what to install) or it cannot hear such windows.
    """
    make: type = embedder_class(name)
    made: Embedder = make(spec)
    return made


def check_window(name: str, spec: FeatureSpec, sample_rate: int, clip_samples: int) -> None:
    """Raises `SettingsError` unless the windows of `spec` are the ones that a network was trained on."""
    if (spec.sample_rate, spec.clip_samples) != (sample_rate, clip_samples):
        raise SettingsError(
            f"{name} hears windows of {clip_samples} samples at {sample_rate} Hz, "
            f"not {spec.clip_samples} at {spec.sample_rate} Hz",
            f"set features.sample_rate = {sample_rate} and features.clip_samples = {clip_samples}",
        )
