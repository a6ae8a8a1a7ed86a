"""What an audit looks at: windows of real clips by side, and samples, all as log-mels of one spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.files import atomic_path
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore
from finback.generation.generator import Sampling, SpectrogramGenerator

FEWEST, MOST = 20, 60  # samples per species, however few or many clips it was learnt from
FOLDER = "audit"  # in the run's folder: samples that were made for it
CLIPS = 2**32  # seeds of different species lie this far apart


@dataclass(frozen=True, eq=False)
class Windows:
    """N log-mels and where each comes from. A clip longer than a window has several."""

    x: np.ndarray  # (N, M, F) float32 dB
    y: np.ndarray  # (N,) class ids
    clip: np.ndarray  # (N,) number of the clip within its side
    tapes: tuple[str, ...]  # (N,) the clip's tape; of samples, the sample's own number
    spans: tuple[Clip, ...] = ()  # (N,) what was heard; empty for samples

    def __len__(self) -> int:
        return len(self.y)

    def subset(self, index: np.ndarray) -> Windows:
        """The windows numbered `index`."""
        spans = tuple(self.spans[int(i)] for i in index) if self.spans else ()
        return Windows(
            self.x[index], self.y[index], self.clip[index], tuple(self.tapes[int(i)] for i in index), spans
        )


@dataclass(frozen=True, eq=False)
class Material:
    """All that is compared: windows by the name of their set."""

    labels: Labels
    real: dict[str, Windows]
    made: dict[str, Windows]
    store: FeatureStore

    @property
    def all(self) -> dict[str, Windows]:
        return {**self.made, **self.real}


def real(
    store: FeatureStore, clips: Sequence[Clip], labels: Labels, progress: Progress = no_progress
) -> Windows:
    """All windows of the clips."""
    spec = store.extractor.spec
    store.prepare(clips, progress)
    found = [store(clip) for clip in clips]
    spans = [store.extractor.windows(clip) for clip in clips]
    owner = np.repeat(np.arange(len(clips)), np.array([len(w) for w in found], dtype=int))
    return Windows(
        x=np.concatenate([np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32), *found]),
        y=labels.targets(clips)[owner],
        clip=owner,
        tapes=tuple(clips[int(i)].group_key for i in owner),
        spans=tuple(span for of_clip in spans for span in of_clip),
    )


def how_many(learnt: np.ndarray, n_classes: int, wanted: int | None = None) -> np.ndarray:
    """(K,) samples per species: `wanted`, or as many as it has learnt windows (N,), 20 at least and 60 at
    most."""
    counts = np.bincount(learnt, minlength=n_classes)
    each = np.clip(counts, FEWEST, MOST) if wanted is None else np.full(n_classes, wanted)
    return np.where(counts > 0, each, 0)


def made(
    maker: SpectrogramGenerator,
    counts: np.ndarray,
    sampling: Sampling,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Windows:
    """`counts` (K,) samples of each species; kept in the run's folder, since a generator may be slow.

    The n-th sample of a species has the same seed whatever the counts.
    """
    y = np.repeat(np.arange(len(counts)), counts)
    number = np.concatenate([np.arange(n) for n in counts])
    seeds = seed * 1_000_003 + y * CLIPS + number
    facts = {**asdict(sampling), "seed": seed, "counts": counts.tolist(), "step": maker.run.info.step}
    x = kept(
        maker.run.path / FOLDER, "samples", facts, lambda: maker.sample(y, seeds, sampling, progress=progress)
    )
    return Windows(x, y, np.arange(len(y)), tuple(f"sample {i}" for i in range(len(y))))


def kept(folder: Path, what: str, facts: Mapping[str, Any], make: Callable[[], np.ndarray]) -> np.ndarray:
    """An array that is dear to make: read from the folder if it was made under the same facts before."""
    key = hashlib.blake2b(json.dumps(facts, sort_keys=True, default=str).encode(), digest_size=6).hexdigest()
    path = folder / f"{what}-{key}.npy"
    if path.exists():
        found: np.ndarray = np.load(path)
        return found
    made_now = make()
    with atomic_path(path) as temporary:
        np.save(temporary, made_now)
    return made_now


def per_clip(values: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mean over each clip's windows of (N, D): (C, D), the clips' class ids (C,) and tapes (C,)."""
    first = np.unique(windows.clip, return_index=True)[1]
    sums = np.zeros((len(first), values.shape[1]))
    np.add.at(sums, windows.clip, values)
    return sums / np.bincount(windows.clip)[:, None], windows.y[first], [windows.tapes[int(i)] for i in first]


def alike(sets: Sequence[np.ndarray], rng: np.random.Generator, most: int) -> list[np.ndarray]:
    """Rows of each set, drawn so that all have the same number of each species; class ids (N_i,) each.

    At most `most` of a species; one of which any set has fewer than two is left out.
    """
    n_classes = 1 + max(int(y.max(initial=-1)) for y in sets)
    counts = np.min([np.bincount(y, minlength=n_classes) for y in sets], axis=0).clip(max=most)
    counts[counts < 2] = 0
    return [
        np.concatenate([rng.permutation(np.flatnonzero(y == k))[: counts[k]] for k in range(n_classes)])
        for y in sets
    ]
