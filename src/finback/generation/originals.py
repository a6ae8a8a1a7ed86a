"""The real clip that `finback generate --from` varies.

Its variations are clips of the same call, not new recordings: the column `parents` names the clip, and its
recording is part of the provenance, so that they are never used for training where its tape is in the
validation or test set.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.audio.io import open_recording
from finback.core.errors import LeftOut
from finback.core.types import Clip
from finback.data.manifest import ModelProvenance
from finback.data.provenance import ORIGINAL
from finback.features.extract import Extractor
from finback.features.lengths import true_frames
from finback.features.spec import FeatureSpec
from finback.generation.diffusion.samplers import sigma_of_strength


@dataclass(frozen=True)
class Original:
    """A sound file, and how far its variations may go: 0 is the clip, 1 is another sample.

    Raises `SettingsError` on a strength that is not above 0 and at most 1.
    """

    path: Path
    strength: float = 0.5

    def __post_init__(self) -> None:
        sigma_of_strength(self.strength)


@dataclass(frozen=True, eq=False)
class OriginalWindow:
    """The first window of a clip as the generator knows it: (M, F) in dB."""

    file: str
    recording: str  # hash of the content
    logmel: NDArray[np.float32]
    frames: int  # that are not padding
    strength: float

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all variations of one folder must share."""
        return {"original": self.file, "original_recording": self.recording, "strength": self.strength}

    @property
    def provenance(self) -> ModelProvenance:
        """The recording of the clip, as a source of its variations."""
        return ModelProvenance(ORIGINAL, self.file, frozenset([self.recording]))


def read_original(original: Original, spec: FeatureSpec) -> OriginalWindow:
    """The log-mel of the beginning of a sound file.

    Raises `AudioError` for a file that cannot be read. Warns (`LeftOut`) where it is longer than a window.
    """
    recording = open_recording(original.path)
    extractor = Extractor(spec, "logmel")
    windows = extractor.windows(Clip(recording, 0, recording.n_samples))
    if len(windows) > 1:
        seconds = (windows[0].stop - windows[0].start) / recording.sample_rate
        warnings.warn(
            f"{original.path}: longer than a window of {seconds:.2g} s; only its beginning is varied",
            LeftOut,
            stacklevel=2,
        )
    frames = int(true_frames(windows[:1], spec)[0])
    logmel = extractor(windows[0])[0]
    return OriginalWindow(original.path.name, recording.id, logmel, frames, original.strength)
