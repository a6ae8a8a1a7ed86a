"""Features computed once: a folder of arrays named by content, span and spec.

The key of a feature is its sound (content hash, span, channel), its front end and the fingerprint of its
spec, never a file name. So renamed recordings keep their features. Vectors of a frozen backbone are features
like any other; the version of the backbone is part of the key.

A changed file is never taken for the old one: the content of a recording that is there is checked before its
features are used or computed, and again after the samples were read (`audio.content`). An entry is an `.npy`
file with a digest of its key and its bytes at the end. An entry that fails the digest, or has another shape
than its clip gives, is computed again. Keeping is not a condition of the answer: where the folder cannot be
written to, the features are computed and a warning says once that they were not kept.
"""

from __future__ import annotations

import hashlib
import io
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.audio.content import is_there, require_content, require_contents
from finback.audio.samples import ArraySamples, samples_of
from finback.core.errors import FinbackError, NotKept
from finback.core.progress import Progress, no_progress
from finback.core.storage.caches import default_folder as default_folder
from finback.core.storage.files import atomic_path
from finback.core.types import Clip, Labels
from finback.features.extract import Extractor

LONGEST_KEPT = 256  # windows: 11 minutes of the default preset, 11 MB
VERSION = 1  # raise when the numbers of a feature change while its spec does not
DIGEST = 16  # bytes at the end of an entry
LARGEST = 1 << 30  # bytes of an entry


class FeatureStore:
    """Clips -> (W, M, F), (W, T) or (W, D) windows, from disk when they were computed before.

    `folder` None keeps nothing. A damaged entry is computed again. Raises `AudioError` for a recording whose
    file changed since it was indexed.
    """

    def __init__(self, extractor: Extractor, folder: Path | None = None) -> None:
        self.extractor = extractor
        self.root = folder
        front_end = "-".join(filter(None, (extractor.front_end.name, extractor.front_end.version)))
        self.folder = folder and folder / f"{front_end}-{extractor.spec.fingerprint}-v{VERSION}"
        self._keeps = True  # until the folder refuses

    def __call__(self, clip: Clip) -> np.ndarray:
        if self.folder is None:
            return self.extractor(clip)
        self._require_recording(clip)
        path = self._path(clip)
        n = sum(1 for _ in self.extractor.spans(samples_of(clip), None, clip.start, clip.stop))
        features = self._read(path, n)
        if features is None:
            features = self.extractor(clip)
            self._keep(path, features)
        return features

    def of_array(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """The same for samples (n,) of no file, such as simulated ones, kept by their digest."""
        sound = ArraySamples(samples, sample_rate)
        if self.folder is None:
            return self._framed(sound)
        digest = hashlib.blake2b(samples.tobytes(), digest_size=DIGEST).hexdigest()
        path = self.folder / digest[:2] / f"{digest}-{sample_rate}-array.npy"
        n = sum(1 for _ in self.extractor.spans(sound, None, 0, sound.n_samples))
        features = self._read(path, n)
        if features is None:
            features = self._framed(sound)
            self._keep(path, features)
        return features

    def of_made(self, clip: Clip, name: str, make: Callable[[], NDArray[np.float32]]) -> np.ndarray:
        """(1, ...) features of one window that is made from a clip, kept beside those of the clip.

        `make` gives its samples (n,), at most a window at the rate of the recording; it is called only where
        the features are missing. `name` is new for every other way to make it.
        """
        rate = clip.recording.sample_rate
        if self.folder is None:
            return self._framed(ArraySamples(make(), rate))
        self._require_recording(clip)
        features = self._read(self._path(clip, name), 1)
        if features is None:
            features = self._framed(ArraySamples(make(), rate))
            self._keep(self._path(clip, name), features)
        return features

    def keeps_made(self, clip: Clip, name: str) -> bool:
        """Whether `of_made` finds an entry, or keeps none at all."""
        return self.folder is None or self._path(clip, name).exists()

    def _framed(self, sound: ArraySamples) -> np.ndarray:
        parts = self.extractor.frame(sound, None, 0, sound.n_samples)
        return np.concatenate([part.features for part in parts])

    def _require_recording(self, clip: Clip) -> None:
        """Refuses a recording whose file holds something else now; where it is gone, the cache may do."""
        if not clip.recording.located or is_there(clip.recording):
            require_content(clip.recording)

    def _read(self, path: Path, n: int) -> np.ndarray | None:
        """The entry, or None where there is none that is whole and has `n` windows."""
        try:
            status = path.stat()  # before it is opened: opening a pipe waits for a writer
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
                return None
            data = path.read_bytes()
            if data[-DIGEST:] != self._digest(path, data[:-DIGEST]):
                return None
            features = np.load(io.BytesIO(data), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        fits = features.dtype == np.float32 and len(features) == n and np.isfinite(features).all()
        return features if fits else None

    def _keep(self, path: Path, features: np.ndarray) -> None:
        """Write an entry, or warn once that the folder refuses."""
        if not self._keeps:
            return
        data = io.BytesIO()
        np.save(data, features, allow_pickle=False)
        try:
            with atomic_path(path, lasting=False) as temporary:
                temporary.write_bytes(data.getvalue() + self._digest(path, data.getvalue()))
        except FinbackError as error:
            self._keeps = False
            reason = getattr(error.__cause__, "strerror", None) or error.problem
            message = f"{self.root}: features are computed, but not kept there for the next time ({reason})"
            warnings.warn(message, NotKept, stacklevel=1)

    def _digest(self, path: Path, data: bytes) -> bytes:
        """16 bytes of an entry and of its name, so that no entry passes for another one."""
        key = f"{path.parent.parent.name}/{path.name}\n".encode()
        return hashlib.blake2b(key + data, digest_size=DIGEST).digest()

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
        require_contents([c.recording for c in clips if not c.recording.located or is_there(c.recording)])
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

    def _path(self, clip: Clip, name: str = "") -> Path:
        assert self.folder is not None
        recording, start, stop, channel = clip.key
        mix = "mean" if channel < 0 else f"ch{channel}"
        return self.folder / recording[:2] / f"{recording}-{start}-{stop}-{mix}{name and f'-{name}'}.npy"


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
