"""Front ends: windows of waves to the features that are the input of a network.

    front_end = create("logmel", spec)
    features = front_end(waves)         # (w, T) float32 -> (w, M, F) float32
    x = front_end.batch(features)       # -> (w, 1, M, F), the input of the network's `forward`

There are log-mel spectrograms, the waves themselves, and frozen backbones (`features/backbones`). A front end
is one class and one line in `FRONT_ENDS`; a backbone is one class and one line in `BACKBONES`. Other modules
do not compare names of front ends: each difference between them is an attribute or a method of the protocol.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.core.registry import looked_up
from finback.features.backbones import BACKBONES, Array, Backbone, Background
from finback.features.logmel import LogMel
from finback.features.spec import ONE_SPEED, FeatureSpec

FRONT_ENDS = {
    "logmel": "finback.features.frontends:LogMelFrontEnd",
    "wave": "finback.features.frontends:WaveFrontEnd",
    **BACKBONES,
}


class FrontEnd(Protocol):
    """(w, T) float32 waves -> (w, ...) float32, T = `spec.clip_samples`; each window by itself."""

    name: ClassVar[str]  # its key in `FRONT_ENDS`
    install: ClassVar[str]  # the command that installs its package; "" = no package is needed
    licence: ClassVar[str]  # of its weights, shown before first use; "" = there are no weights
    is_spectrogram: ClassVar[bool]  # its features are the spec's log-mel spectrograms, which generators make
    takes_any_window: ClassVar[bool]  # windows may have any length and sample rate
    can_augment_waves: ClassVar[bool]  # training may change the waves of each batch: it is cheap enough
    background: ClassVar[Background]  # what it does where features.background = "median"
    no_graph: ClassVar[
        str
    ]  # why an ONNX graph cannot hold it; "" = `models/export/frontend.py` has the graph

    version: str  # part of the feature cache's key: changes whenever the numbers may; "" = the spec says all
    covered_samples: int  # samples at the spec's rate by which a window may advance so that none is missed

    def __call__(self, waves: Array, background_db: Tensor | None = None) -> Array:
        """(w, T) waves -> (w, ...) features. `background_db` (w, M) is subtracted if `background` says so."""
        ...

    def batch(self, features: Array) -> Tensor:
        """(B, ...) features -> the network's input: (B, 1, M, F), (B, T) or (B, D)."""
        ...

    def from_waves(self, waves: Tensor) -> Tensor:
        """(B, T) waves -> the network's input, for waves that were augmented after reading."""
        ...

    @classmethod
    def describe(cls, spec: FeatureSpec) -> str:
        """The input of the network in words, for a model card."""
        ...


class LogMelFrontEnd:
    """(w, T) -> (w, M, F) mel spectrograms in dB, as power, or PCEN, as the spec says."""

    name: ClassVar[str] = "logmel"
    install: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    is_spectrogram: ClassVar[bool] = True
    takes_any_window: ClassVar[bool] = True
    can_augment_waves: ClassVar[bool] = True
    background: ClassVar[Background] = "subtracted"
    no_graph: ClassVar[str] = ""

    def __init__(self, spec: FeatureSpec) -> None:
        self.version = ""
        self.covered_samples = spec.covered_samples
        self.logmel = LogMel(spec)

    @torch.inference_mode()
    def __call__(self, waves: Array, background_db: Tensor | None = None) -> Array:
        return self.logmel(torch.from_numpy(waves), background_db)[:, 0].numpy()

    def batch(self, features: Array) -> Tensor:
        return torch.from_numpy(features)[:, None]  # (B, 1, M, F)

    def from_waves(self, waves: Tensor) -> Tensor:
        return self.logmel(waves)  # (B, 1, M, F)

    @classmethod
    def describe(cls, spec: FeatureSpec) -> str:
        scale = "" if spec.scale == "db" else f" ({spec.scale})"
        return f"{spec.sample_rate} Hz, {spec.n_mels} mel bands x {spec.n_frames} frames{scale}"


class WaveFrontEnd:
    """(w, T) -> (w, T): the input of the network is the waves themselves."""

    name: ClassVar[str] = "wave"
    install: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    is_spectrogram: ClassVar[bool] = False
    takes_any_window: ClassVar[bool] = True
    can_augment_waves: ClassVar[bool] = True
    background: ClassVar[Background] = "ignored"
    no_graph: ClassVar[str] = ""

    def __init__(self, spec: FeatureSpec) -> None:
        self.version = ""
        self.covered_samples = spec.clip_samples

    def __call__(self, waves: Array, background_db: Tensor | None = None) -> Array:
        return waves

    def batch(self, features: Array) -> Tensor:
        return torch.from_numpy(features)  # (B, T)

    def from_waves(self, waves: Tensor) -> Tensor:
        return waves

    @classmethod
    def describe(cls, spec: FeatureSpec) -> str:
        return f"{spec.sample_rate} Hz, waves of {spec.clip_samples} samples"


def front_end_class(name: str) -> type[FrontEnd]:
    """The class of that name. Raises `SettingsError` for an unknown name."""
    kind: type[FrontEnd] = looked_up(FRONT_ENDS, name, "front end")
    return kind


def create(name: str, spec: FeatureSpec, **settings: str) -> FrontEnd:
    """A front end for windows of `spec`; `settings` are its own settings, such as the file of a backbone.

    Raises `SettingsError` when its package is missing (the message names the package), or when it does not
    work with such windows.
    """
    kind = front_end_class(name)
    if spec.background == "median" and spec.level != "none":
        raise SettingsError(
            f"features.level = '{spec.level}' with features.background = 'median'",
            "subtracting the background removes the level already: set level = 'none'",
        )
    if spec.background == "median" and kind.background == "refused":
        raise SettingsError(
            f"features.background = 'median' with a model on {name}",
            "the input of a backbone is unchanged waves: set features.background = 'none'",
        )
    make: type = kind
    front_end: FrontEnd = make(spec, **settings)
    if spec.playback != ONE_SPEED:
        if not isinstance(front_end, Backbone):
            raise SettingsError(
                f"features.playback = {spec.model_dump(mode='json')['playback']} with a model on {name}",
                "only backbones take other speeds: set playback = [1]",
            )
        front_end.windows_per_speed = spec.windows_per_speed
    return front_end


def backbone(name: str, spec: FeatureSpec, **settings: str) -> Backbone:
    """A front end that is a backbone.

    Raises `SettingsError` as `create` does, and for a front end that is not a backbone.
    """
    front_end = create(name, spec, **settings)
    if not isinstance(front_end, Backbone):
        raise SettingsError(f"{name}: not a backbone", "there are: " + ", ".join(sorted(BACKBONES)))
    return front_end
