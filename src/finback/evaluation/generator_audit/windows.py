"""The data of an audit: windows of real clips by set, and samples, all as log-mels of one spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress, no_progress
from finback.core.storage.arrays import read_arrays
from finback.core.storage.files import atomic_path
from finback.core.storage.keeping import kept
from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore
from finback.generation.generator import Sampling, SpectrogramGenerator

FEWEST, MOST = 20, 60  # limits of the default number of samples per species
FOLDER = "audit"  # in the run's folder: samples and embeddings that were made for audits
SEEDS_PER_SPECIES = 2**32  # distance between the first seeds of two species


@dataclass(frozen=True, eq=False)
class Windows:
    """N log-mels and the clip of each. A clip longer than a window has several."""

    x: NDArray[np.float32]  # (N, M, F) dB
    y: NDArray[np.int64]  # (N,) class ids
    clip: NDArray[np.int64]  # (N,) number of the clip within its set
    groups: tuple[str, ...]  # (N,) the clip's recording group; the number of a sample
    spans: tuple[Clip, ...] = ()  # (N,) the window as a clip of its recording; empty for samples

    def __len__(self) -> int:
        return len(self.y)

    def subset(self, index: NDArray[np.integer]) -> Windows:
        """The windows numbered `index`."""
        spans = tuple(self.spans[int(i)] for i in index) if self.spans else ()
        groups = tuple(self.groups[int(i)] for i in index)
        return Windows(self.x[index], self.y[index], self.clip[index], groups, spans)


@dataclass(frozen=True, eq=False)
class AuditData:
    """All windows that are compared, by the name of their set."""

    labels: Labels
    real: dict[str, Windows]
    generated: dict[str, Windows]
    store: FeatureStore
    waves: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # (N, T') of generators of waves

    @property
    def all(self) -> dict[str, Windows]:
        """Sets of samples, then sets of real clips."""
        return {**self.generated, **self.real}


def real_windows(
    store: FeatureStore, clips: Sequence[Clip], labels: Labels, progress: Progress = no_progress
) -> Windows:
    """All windows of the clips."""
    spec = store.extractor.spec
    store.prepare(clips, progress)
    logmels = [store(clip) for clip in clips]
    spans = [store.extractor.windows(clip) for clip in clips]
    owner = np.repeat(np.arange(len(clips)), np.array([len(w) for w in logmels], dtype=int))
    return Windows(
        x=np.concatenate([np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32), *logmels]),
        y=labels.targets(clips)[owner],
        clip=owner,
        groups=tuple(clips[int(i)].group_key for i in owner),
        spans=tuple(span for of_clip in spans for span in of_clip),
    )


def samples_per_species(
    train: NDArray[np.integer], n_classes: int, n: int | None = None
) -> NDArray[np.int64]:
    """(K,) number of samples: `n`, or that of the species' training windows, at least 20 and at most 60.

    `train` (N,) holds the class id of each training window. A species without windows gets no sample.
    """
    counts = np.bincount(train, minlength=n_classes)
    each = np.clip(counts, FEWEST, MOST) if n is None else np.full(n_classes, n)
    return np.where(counts > 0, each, 0)


def sampled_windows(
    generator: SpectrogramGenerator,
    counts: NDArray[np.int64],
    sampling: Sampling,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Windows:
    """`counts` (K,) samples of each species; kept in the run's folder, since a generator may be slow.

    The n-th sample of a species has the same seed for all counts.
    """
    y, seeds = _labels_and_seeds(counts, seed)
    step = generator.run.info.step
    key = {**asdict(sampling), "seed": seed, "counts": counts.tolist(), "step": step}
    x = cached(
        generator.run.path / FOLDER,
        "samples",
        key,
        lambda: generator.sample(y, seeds, sampling, progress=progress),
    )
    return Windows(x, y, np.arange(len(y)), tuple(f"sample {i}" for i in range(len(y))))


def sampled_waves(
    generator: SpectrogramGenerator,
    counts: NDArray[np.int64],
    seed: int = 0,
    progress: Progress = no_progress,
) -> NDArray[np.float32]:
    """The waves (N, T') of the same samples, of a generator that makes waves; kept in the run's folder."""
    y, seeds = _labels_and_seeds(counts, seed)
    key = {"seed": seed, "counts": counts.tolist(), "run": generator.run.fingerprint()}
    folder = generator.run.path / FOLDER
    return cached(folder, "sounds", key, lambda: generator.sample_waves(y, seeds, progress))


def _labels_and_seeds(counts: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    y = np.repeat(np.arange(len(counts)), counts)
    number = np.concatenate([np.arange(n) for n in counts])
    return y, seed * 1_000_003 + y * SEEDS_PER_SPECIES + number


def cached(
    folder: Path, what: str, key: Mapping[str, Any], make: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """An array that is expensive to make: read from the folder if it was made before with the same key."""
    digest = hashlib.blake2b(json.dumps(key, sort_keys=True, default=str).encode(), digest_size=6)
    path = folder / f"{what}-{digest.hexdigest()}.npy"
    if path.exists():
        with suppress(ValueError, OSError):  # a damaged file is made again
            stored: NDArray[np.float32] = next(iter(read_arrays(path).values()))
            return stored
    array = make()
    with kept(path), atomic_path(path) as temporary:
        np.save(temporary, array)
    return array


def per_clip(
    values: NDArray[np.floating], windows: Windows
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Values (N, D) of windows -> means of clips (C, D), the clips' class ids (C,) and groups (C,)."""
    first = np.unique(windows.clip, return_index=True)[1]
    sums = np.zeros((len(first), values.shape[1]))
    np.add.at(sums, windows.clip, values)
    means = sums / np.bincount(windows.clip)[:, None]
    return means, windows.y[first], [windows.groups[int(i)] for i in first]


def balanced(
    sets: Sequence[NDArray[np.integer]], rng: np.random.Generator, most: int
) -> list[NDArray[np.int64]]:
    """Row numbers of each set, drawn so that all sets have the same number of each species.

    `sets` holds the class ids (N_i,) of each set. At most `most` rows of a species are drawn; a species with
    fewer than two rows in any set is left out.
    """
    n_classes = 1 + max(int(y.max(initial=-1)) for y in sets)
    counts = np.min([np.bincount(y, minlength=n_classes) for y in sets], axis=0).clip(max=most)
    counts[counts < 2] = 0
    return [
        np.concatenate([rng.permutation(np.flatnonzero(y == k))[: counts[k]] for k in range(n_classes)])
        for y in sets
    ]
