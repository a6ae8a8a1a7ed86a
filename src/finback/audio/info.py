"""Properties of a sound file, and remarks: sentences on what finback repaired, guessed or left out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_FRAMES = 1 << 62  # a decoder's "unknown number of samples" is near 2**63


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Properties of a sound file.

    `n_samples` is per channel, as many as can be read; `repaired` means that the header gave another number.
    `format` and `subtype` are libsndfile's names, e.g. WAV and PCM_16. `remarks` say what was repaired,
    guessed or left out: short sentences without the path, each "what; advice" or "what".
    """

    path: Path
    sample_rate: int  # Hz
    n_samples: int
    n_channels: int
    format: str
    subtype: str
    repaired: bool
    remarks: tuple[str, ...] = ()


def lengths(kind: str, promised: int, found: int) -> str:
    """The remark on a header that gives another number of samples than the file holds."""
    given = (
        f"gives {promised} samples" if 0 < promised < MAX_FRAMES else "does not give the number of samples"
    )
    return f"the {kind} header {given}; the file holds {found}, and these were read"
