"""Features computed once: a folder of arrays named by content, span and spec.

The key of a feature is its sound (content hash, span, channel), its front end and the fingerprint of its
spec, never a file name. So renamed recordings keep their features, and a changed file is never taken for the
old one. Vectors of a frozen backbone are features like any other; the version of the backbone is part of the
key.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.core.files import atomic_path
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip, Labels
from finback.features.extract import Extractor

LONGEST_KEPT = 256  # windows: 11 minutes of the default preset, 11 MB
VERSION = 1  # raise when the numbers of a feature change while its spec does not


def default_folder() -> Path:
    """`$FINBACK_CACHE`, else `$XDG_CACHE_HOME/finback`, else `~/.cache/finback`."""
    chosen = os.environ.get("FINBACK_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "finback"


class FeatureStore:
    """Clips -> (W, M, F), (W, T) or (W, D) windows, from disk when they were computed before.

    `folder` None keeps nothing. A damaged file is computed again.
    """

    def __init__(self, extractor: Extractor, folder: Path | None = None) -> None:
        self.extractor = extractor
        self.root = folder
        front_end = "-".join(filter(None, (extractor.front_end.name, extractor.front_end.version)))
        self.folder = folder and folder / f"{front_end}-{extractor.spec.fingerprint}-v{VERSION}"

    def __call__(self, clip: Clip) -> np.ndarray:
        if self.folder is None:
            return self.extractor(clip)
        path = self._path(clip)
        try:
            return np.load(path)
        except (FileNotFoundError, ValueError, EOFError):
            features = self.extractor(clip)
            with atomic_path(path) as temporary:
                np.save(temporary, features)
            return features

    def through(self, front_end: str) -> FeatureStore:
        """The store of the same spec through the front end of that name, in the same folder."""
        if front_end == self.extractor.front_end.name:
            return self
        return FeatureStore(Extractor(self.extractor.spec, front_end), self.root)

    def stream(self, clip: Clip) -> Iterator[np.ndarray]:
        """The same in pieces; a clip too long to be cached is computed in bounded memory."""
        if self.folder is None or len(self.extractor.windows(clip)) > LONGEST_KEPT:
            yield from self.extractor.stream(clip)
        else:
            yield self(clip)

    def prepare(self, clips: Sequence[Clip], progress: Progress = no_progress) -> None:
        """Compute what is missing, two at a time: reading one clip overlaps transforming another."""
        missing = self.missing(clips)
        if missing:
            with ThreadPoolExecutor(max_workers=2) as pool:
                for _ in progress(pool.map(self.__call__, missing), "computing features", len(missing)):
                    pass

    def missing(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips that `prepare` would compute, each sound once: two threads must not write one file."""
        return list({c.key: c for c in clips if self._is_missing(c)}.values())

    def _is_missing(self, clip: Clip) -> bool:
        if self.folder is None or self._path(clip).exists():
            return False
        return len(self.extractor.windows(clip)) <= LONGEST_KEPT

    def _path(self, clip: Clip) -> Path:
        assert self.folder is not None
        recording, start, stop, channel = clip.key
        mix = "mean" if channel < 0 else f"ch{channel}"
        return self.folder / recording[:2] / f"{recording}-{start}-{stop}-{mix}.npy"


def windows_of(store: FeatureStore, clips: Sequence[Clip], labels: Labels) -> tuple[Tensor, Tensor]:
    """All windows of labelled clips as spectrograms (N, 1, M, F), and each one's class id (N,)."""
    by_clip = [store(clip) for clip in clips]
    y = np.repeat(labels.targets(clips), [len(windows) for windows in by_clip])
    return torch.from_numpy(np.concatenate(by_clip))[:, None], torch.from_numpy(y)


def batches(store: FeatureStore, clips: Iterable[Clip], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All windows of all clips in batches: (inputs (B, ...), index of each one's clip (B,))."""
    inputs: list[np.ndarray] = []
    owners: list[int] = []
    for i, clip in enumerate(clips):
        for piece in store.stream(clip):
            for window in piece:
                inputs.append(window)
                owners.append(i)
                if len(inputs) == size:
                    yield np.stack(inputs), np.array(owners)
                    inputs, owners = [], []
    if inputs:
        yield np.stack(inputs), np.array(owners)
