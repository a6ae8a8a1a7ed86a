"""The real clip nearest to a generated spectrogram, among the clips that its generator was trained on.

    nearest, reason = training_clips(generator)       # None and a reason where the clips are not there
    index, distance = nearest.find(logmels)           # (N,) and (N,)

Distances are `metrics.copying.shifted_distances`: 0 for a copy, 1.41 for two spectrograms without any
correlation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from finback.audio.content import NAME_FOLDER, is_there
from finback.core.errors import InputError, RunError
from finback.core.progress import Progress
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import SpectrogramGenerator
from finback.generation.sample_folder import SampleFolder
from finback.metrics.copying import shifted_distances

CHUNK = 256  # spectrograms in memory at a time


class NearestClips:
    """Real clips, their features, and their files as the manifest names them."""

    def __init__(self, store: FeatureStore, clips: Sequence[Clip], files: Sequence[str]) -> None:
        self.store, self.clips, self.files = store, tuple(clips), tuple(files)

    def find(self, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Log-mels (N, M, F) -> index of the nearest clip in `clips` (N,), and its distance (N,)."""
        best, index = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
        for owners, windows in self._windows():
            distances = shifted_distances(x, windows)  # (N, L)
            nearest = distances.argmin(axis=1)
            closer = distances[np.arange(len(x)), nearest] < best
            best[closer] = distances[closer, nearest[closer]]
            index[closer] = owners[nearest[closer]]
        return index, best

    def _windows(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """(clip of each window (L,), windows (L, M, F)), a chunk of clips at a time."""
        for first in range(0, len(self.clips), CHUNK):
            chunk = [self.store(c) for c in self.clips[first : first + CHUNK]]
            owners = np.repeat(np.arange(first, first + len(chunk)), [len(w) for w in chunk])
            yield owners, np.concatenate(chunk)


def training_clips(generator: SpectrogramGenerator) -> tuple[NearestClips | None, str]:
    """The training clips of a generator and ""; None and the reason where their features cannot be had."""
    try:
        clips = run_subsets(generator.run)["train"]
        manifest = Manifest.load(generator.run.manifest)
    except (RunError, InputError):
        return None, "the run folder has no table of the generator's training clips"
    store = FeatureStore(Extractor(generator.spec, "logmel"), default_folder())
    if not all(c.recording.located for c in clips):
        return None, f"the run folder was not made here; {NAME_FOLDER}"
    uncached = set(store.missing(clips))
    missing = [c for c in clips if c in uncached and not is_there(c.recording)]
    if missing:
        name = missing[0].recording.path.name
        return (
            None,
            f"{len(missing)} of {len(clips)} training recordings are not on this machine ({name}, ...)",
        )
    return NearestClips(store, clips, [manifest.file_of(c) for c in clips]), ""


def add_parents(samples: SampleFolder, nearest: NearestClips, progress: Progress) -> None:
    """Fill in the columns `parents` and `distance` of new samples."""
    names = sorted(name for name in samples.new if not samples.rows[name]["parents"])
    starts = range(0, len(names), CHUNK)
    for start in progress(starts, "finding the nearest training clips", len(starts)) if names else ():
        part = names[start : start + CHUNK]
        index, distance = nearest.find(np.stack(list(samples.logmels(part))))
        for name, i, d in zip(part, index, distance, strict=True):
            samples.rows[name].update(parents=nearest.files[i], distance=round(float(d), 4))
