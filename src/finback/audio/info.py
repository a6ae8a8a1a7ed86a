"""Properties of a sound file, and remarks: sentences on what finback repaired, guessed or left out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from finback.audio.addresses import Place
from finback.audio.parts import Part

MAX_FRAMES = 1 << 62  # a decoder's "unknown number of samples" is near 2**63
CODED = ("MP3", "OGG", "FLAC")  # formats whose length is known only by decoding


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Properties of a sound file.

    `n_samples` is per channel, as many as can be read; `repaired` means that the header gave another number.
    `format` and `subtype` are libsndfile's names, e.g. WAV and PCM_16. `remarks` say what was repaired,
    guessed or left out: short sentences without the path, each "what; advice" or "what". A file whose header
    is wrong, or that holds several sounds, is decoded through `parts`.
    """

    path: Place
    sample_rate: int  # Hz
    n_samples: int
    n_channels: int
    format: str
    subtype: str
    repaired: bool
    remarks: tuple[str, ...] = ()
    schedule: tuple[tuple[int, datetime], ...] = ()  # (first sample, UTC time) of each stretch, of a HARP
    parts: tuple[tuple[Part, int], ...] = field(
        default=(), repr=False
    )  # with the samples of each; () as it is

    def spans(self, start: int, stop: int) -> Iterator[tuple[Part | None, int, int]]:
        """Each part that samples `start` to `stop` touch, with the span inside the part."""
        offset = 0
        for part, n_samples in self.parts or ((None, self.n_samples),):
            first, last = max(start - offset, 0), min(stop - offset, n_samples)
            if first < last:
                yield part, first, last
            offset += n_samples


def lengths(kind: str, promised: int, found: int) -> str:
    """The remark on a header that gives another number of samples than the file holds."""
    read = f"the file holds {found}, and these were read"
    if not 0 < promised < MAX_FRAMES:
        return f"the {kind} header does not give the number of samples; {read}"
    if promised < found and kind not in CODED:
        read = f"{found - promised} after them were read too, so listen to the sound there"
    return f"the {kind} header gives {promised} samples; {read}"
