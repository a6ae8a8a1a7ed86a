"""The scenes of clips for the family `calls`, analysed once and kept beside the features of clips.

    kept = SceneCache(model, extractor, default_folder())
    for scene, has_sound in kept(clip, lambda: analysed(clip)):

The analysis of a clip depends on its sound, the sizes of the analysis and its code. The name of an entry
follows from these, so an entry of other code is never found. Species and tape are not part of it: the folds
of a study share the entries. Where the folder cannot be written to, a warning says that nothing was kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from finback.audio.content import is_there, require_content
from finback.core.storage.arrays import read_arrays
from finback.core.storage.files import atomic_path
from finback.core.storage.keeping import kept
from finback.core.types import Clip
from finback.features import cache
from finback.features.extract import Extractor
from finback.models.networks import calls
from finback.models.networks.calls import tables
from finback.models.networks.calls.network import Calls
from finback.models.networks.calls.sounds import Scene

LARGEST = 1 << 28  # bytes of the tables of a clip
HAS_SOUND = "has_sound"  # array beside the tables: (S,) of each scene
Found = list[tuple[Scene, bool]]  # a scene, and whether its window has sound


class SceneCache:
    """Clips -> the scenes of their windows. `folder` None keeps nothing."""

    def __init__(self, model: Calls, extractor: Extractor, folder: Path | None) -> None:
        self.grid = model.grid
        sizes = {"grid": asdict(model.grid), "windows": model.windows, "spec": extractor.spec.fingerprint}
        content = [json.dumps(sizes, sort_keys=True).encode(), *_code(), b"%d" % cache.VERSION]
        digest = hashlib.blake2b(b"\n".join(content), digest_size=6).hexdigest()
        self.folder = folder and folder / f"scenes-{digest}"

    def __call__(self, clip: Clip, analysed: Callable[[], Found]) -> Found:
        """The scenes of a clip, read where they are kept, and whether their windows have sound.

        Raises `AudioError` for a recording whose file changed since it was indexed.
        """
        if self.folder is None:
            return analysed()
        if not clip.recording.located or is_there(clip.recording):
            require_content(clip.recording)
        recording, start, stop, channel = clip.key
        path = self.folder / recording[:2] / f"{recording}-{start}-{stop}-{channel}.npz"
        with suppress(ValueError, OSError):  # a damaged entry is analysed again
            return self._unpacked(read_arrays(path, LARGEST))
        found = analysed()
        packed = tables.packed([scene for scene, _ in found], self.grid)
        arrays = {name: table.numpy() for name, table in packed.items()}
        arrays[HAS_SOUND] = np.array([has_sound for _, has_sound in found], dtype=bool)
        with kept(path), atomic_path(path, lasting=False) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        return self._unpacked(arrays)

    def _unpacked(self, arrays: dict[str, np.ndarray]) -> Found:
        """Raises `ValueError` for arrays that are no tables of scenes."""
        if set(arrays) != {*tables.TABLES, HAS_SOUND}:
            raise ValueError("not the tables of scenes")
        own = {name: torch.from_numpy(arrays[name]) for name in tables.TABLES}
        return list(zip(tables.unpacked(own, self.grid), arrays[HAS_SOUND].tolist(), strict=True))


def _code() -> list[bytes]:
    """The source of the analysis."""
    return [path.read_bytes() for path in sorted(Path(calls.__file__).parent.glob("*.py"))]
