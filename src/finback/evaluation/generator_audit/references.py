"""The figures of `by_embedding` for an audit: generators and real clips in each reference embedding.

All sounds are first windows of clips, or samples through the vocoder: at most 20 of a species, except for the
real clips that classifiers are trained on. Of a generator that makes waves, these waves are measured; only
where samples are told from vocoded clips, they go through the vocoder, too. Embeddings are stored in the
run's folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress, no_progress
from finback.evaluation.generator_audit.by_embedding import EmbeddedSets, Vectors
from finback.evaluation.generator_audit.embeddings import (
    EmbeddingOptions,
    WaveEmbedder,
    first_sounds,
    vocoded,
)
from finback.evaluation.generator_audit.set_metrics import PER_SPECIES
from finback.evaluation.generator_audit.windows import AuditData, Windows, cached
from finback.generation.vocoders.inversion import Inverter

VOCODED = "train vocoded"
# Figures that say nothing about real clips of the same groups.
OF_SAMPLES = ("real_made_auc", "real_made_auc_ci", "substitution", "substitution_ci")


@dataclass(frozen=True, eq=False)
class _Sounds:
    """The sounds of one set, made when an embedding needs them, with species and recording groups."""

    key: tuple[str, str]  # a hash of their log-mels, and what made the sound
    make: Callable[[], NDArray[np.float32]]
    y: NDArray[np.int64]
    groups: Sequence[str] = ()

    @cached_property
    def waves(self) -> NDArray[np.float32]:
        """(N, T')."""
        return self.make()


def reference_rows(
    data: AuditData,
    embedders: Sequence[WaveEmbedder],
    options: EmbeddingOptions,
    invert: Inverter,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """By the name of the embedding: the number of species on unseen tapes, and rows of figures."""
    sounds = _sounds(data, options, invert, progress)
    result = {}
    for embedder in embedders:
        vectors = {name: _embedded(own, embedder, options, progress) for name, own in sounds.items()}
        sets = EmbeddedSets(vectors["train"], vectors[VOCODED], vectors["unseen"])
        rows = {name: sets.of_samples(vectors[name], vectors.get(_again(name))) for name in data.generated}
        rows |= {"train": sets.of_train(), VOCODED: sets.of_vocoded()}
        if len(vectors["held_out"].y):
            held = sets.of_samples(vectors["held_out"])
            rows["held_out"] = {**held, **dict.fromkeys(OF_SAMPLES)}
        if len(vectors["unseen"].y):
            rows["unseen"] = sets.of_unseen()
        result[embedder.name] = {"n_species_unseen": len(sets.species), "rows": rows}
    return result


def _sounds(
    data: AuditData, options: EmbeddingOptions, invert: Inverter, progress: Progress
) -> Mapping[str, _Sounds]:
    spec = data.store.extractor.spec
    found: dict[str, _Sounds] = {}
    for name, windows in data.real.items():
        first = windows.subset(np.unique(windows.clip, return_index=True)[1])
        recorded = partial(first_sounds, first.spans, spec)
        found[name] = _Sounds((_hash(first.x), "recorded"), recorded, first.y, first.groups)
    for name, windows in {**data.generated, VOCODED: data.real["train"]}.items():
        chosen = _at_most(windows, options.seed)
        own = windows.subset(chosen)
        through = partial(vocoded, invert, own.x, progress)
        groups = own.groups if own.spans else ()
        found[name] = _Sounds((_hash(own.x), options.vocoder), through, own.y, groups)
        if name in data.waves:
            made = partial(data.waves[name].__getitem__, chosen)
            found |= {name: _Sounds((_hash(own.x), "made"), made, own.y), _again(name): found[name]}
    return found


def _again(name: str) -> str:
    """The name of the samples of a generator of waves, through the vocoder."""
    return f"{name}, vocoded"


def _embedded(own: _Sounds, embedder: WaveEmbedder, options: EmbeddingOptions, progress: Progress) -> Vectors:
    key = {"of": own.key, "backbone": [embedder.name, embedder.backbone.version]}
    z = cached(options.folder, "vectors", key, lambda: embedder(own.waves, progress))
    return Vectors(z, own.y, own.groups)


def _at_most(windows: Windows, seed: int) -> NDArray[np.int64]:
    """Numbers of windows: the first one of at most 20 clips or samples of each species."""
    first = np.unique(windows.clip, return_index=True)[1]
    rng = np.random.default_rng([seed, 12])
    y = windows.y[first]
    chosen = [rng.permutation(np.flatnonzero(y == k))[:PER_SPECIES] for k in np.unique(y)]
    return first[np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *chosen]))]


def _hash(array: NDArray[Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()
