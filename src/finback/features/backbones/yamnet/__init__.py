"""`yamnet`: inner layers of YAMNet, windows at 16 kHz -> mean and deviation of 1,536 channels, bundled.

Google's network for 521 everyday sounds of AudioSet, licensed for any use (Apache-2.0). Its weights are in
this folder, converted from TensorFlow by `benchmarks/yamnet_weights.py`; PROVENANCE.md says where they come
from and how well they agree with the original.

The last layers of a network describe its own 521 classes, inner layers the parts of sounds: blocks 6 to 8 of
13 name whales of new tapes better than the last one. So blocks 9 to 13 are not run. The network goes over
the whole window at once, not over patches of 0.96 s that overlap: the same channels, at half the cost. The
numbers are logarithms: else few loud channels have most of a vector's length, which heads divide by.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor

from finback.core.errors import RunError, SettingsError
from finback.features.backbones import Backbone
from finback.features.backbones.yamnet.network import BLOCKS, FRAME, HOP, SAMPLE_RATE, LogMel, Network
from finback.features.spec import FeatureSpec

LICENCE = "YAMNet weights: Apache-2.0, the TensorFlow authors (Google)"
WEIGHTS = "weights.safetensors"
SHA256 = "50b730de4c6196b551d242d815a3e0a114011f6a687dceb0c0f6727c2778b380"
REPAIR = "install finback again"
LAYERS = (6, 7, 8)  # blocks whose outputs are the features
FLOOR = 0.1  # added before the logarithm: a channel that is silent says little
SHORTEST = FRAME + 3 * HOP  # samples, four frames


class Yamnet(Backbone):
    """(w, T) -> (w, 3072): log of mean and deviation over time and frequency of channels of blocks 6 to 8."""

    name: ClassVar[str] = "yamnet"
    licence: ClassVar[str] = LICENCE
    no_graph: ClassVar[str] = "no graph was written for its spectrogram"

    def __init__(self, spec: FeatureSpec) -> None:
        """Raises `SettingsError` for another sample rate, and for a window below 0.055 s."""
        check_rate("yamnet", spec)
        self.network = Network(max(LAYERS))
        self.network.load_state_dict(weights_of(self.network))
        self.network.eval()
        self.spectrogram = LogMel()
        self.n_features = 2 * sum(BLOCKS[layer - 1][0] for layer in LAYERS)
        self.version = f"2-{SHA256[:8]}"
        self.covered_samples = spec.clip_samples

    @torch.inference_mode()
    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, T) -> (w, 3072), one window at a time: no number depends on its neighbours."""
        return torch.cat([self._vector(wave[None]) for wave in torch.from_numpy(waves)]).numpy()

    def _vector(self, wave: Tensor) -> Tensor:
        return torch.cat([moments(h) for h in self.network.outputs(self.spectrogram(wave), LAYERS)], dim=1)


def moments(h: Tensor) -> Tensor:
    """(B, C, F, M), not negative -> (B, 2 C): log of mean and deviation over time and frequency."""
    deviation, mean = torch.std_mean(h, dim=(2, 3), correction=0)
    return (torch.cat([mean, deviation], dim=1) + FLOOR).log()


def check_rate(name: str, spec: FeatureSpec) -> None:
    """Raises `SettingsError` unless `spec` has windows at 16 kHz that are long enough for the network."""
    if spec.sample_rate != SAMPLE_RATE or spec.clip_samples < SHORTEST:
        raise SettingsError(
            f"{name} needs windows of at least {SHORTEST:,} samples at {SAMPLE_RATE:,} Hz; "
            f"these settings give {spec.clip_samples:,} samples at {spec.sample_rate:,} Hz",
            f"set features.sample_rate = {SAMPLE_RATE} and a longer features.clip_samples",
        )


def weights_of(network: Network) -> dict[str, Tensor]:
    """The bundled weights of the blocks of `network`. Raises `RunError` for a damaged file."""
    return {name: tensor for name, tensor in _bundled().items() if name in network.state_dict()}


@lru_cache(maxsize=1)
def _bundled() -> dict[str, Tensor]:
    """All weights in single precision, the classifier of 521 sounds included."""
    file = resources.files(__package__) / WEIGHTS
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise RunError(f"{file}: damaged (its SHA-256 is not the one in this version)", REPAIR)
    return {name: tensor.float() for name, tensor in load(data).items()}
