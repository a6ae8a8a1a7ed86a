"""`perch2`: Perch 2.0, 5 s at 32 kHz -> 1,536 numbers, from an ONNX file that the user adds.

    finback backbone add perch2 --weights perch_v2.onnx

A network trained by supervised learning on 14,795 classes of birds, mammals, frogs and insects. Source: van
Merriënboer et al. 2025, "Perch 2.0: The Bittern Lesson for Bioacoustics", arXiv 2508.04665; weights under
Apache-2.0. The published ONNX conversion takes `inputs` (B, 160000) and gives `embedding` (B, 1536) beside
other outputs; another one gives the embedding alone. As in Google's own code, each window loses its mean and
gets a peak of 0.25.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError
from finback.core.storage.files import atomic_path
from finback.features.backbones.added import Added, to_peak
from finback.features.backbones.onnx import Onnx
from finback.features.backbones.onnx_files import network_files
from finback.features.spec import FeatureSpec

N_FEATURES = 1536
PEAK = 0.25


class Perch2(Added):
    """(w, 160000) -> (w, 1536)."""

    name: ClassVar[str] = "perch2"
    install: ClassVar[str] = "finback backbone add perch2 --weights FILE.onnx"
    licence: ClassVar[str] = "Perch 2.0 weights: Apache-2.0, Google"
    sample_rate: ClassVar[int] = 32_000
    window: ClassVar[int] = 160_000
    stored: ClassVar[str] = "backbone.onnx"
    source: ClassVar[str] = "huggingface.co/justinchuby/Perch-onnx (perch_v2.onnx)"
    known: ClassVar[Mapping[str, str]] = {
        "bf0c8467a924cb074663970ca4a0ab1e143602121930209657d0dff5d5cefa1f": "perch_v2.onnx by Justin Chu",
    }
    no_graph: ClassVar[str] = "its network is an ONNX file of its own already"

    def open(self, path: Path, spec: FeatureSpec) -> None:
        self._network = Onnx(spec, str(path), preferred="embedding")
        self.n_features, self.version = self._network.n_features, self._network.version
        if self.n_features != N_FEATURES:
            raise SettingsError(
                f"{path}: gives {self.n_features:,} numbers for a window; Perch 2.0 gives {N_FEATURES:,}",
                "give the ONNX file of Perch 2.0, or use the family onnx for another network",
            )

    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, 160000) -> (w, 1536)."""
        return self._network.vectors(to_peak(waves, PEAK))

    @classmethod
    def convert(cls, given: Path, folder: Path) -> None:
        first, *others = network_files(given).items()
        for name, path in [*others, (cls.stored, first[1])]:
            with atomic_path(folder / name) as temporary:
                shutil.copyfile(path, temporary)
