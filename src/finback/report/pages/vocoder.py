"""The page of a vocoder: clips that it was not trained on, and what each vocoder makes of their log-mels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finback.report.pages.common import Picture, Reproduction, Table, render_page
from finback.report.pages.sound import Sound

NOT_COMPARED = (
    "How close this vocoder comes to real sound is not known here: none of the recordings that it was not "
    "trained on can be read."
)


@dataclass(frozen=True, slots=True)
class VocodedClip:
    """One clip: its spectrograms, and (name of the vocoder, sound) for the real clip and each vocoder."""

    name: str
    picture: Picture
    sounds: Sequence[tuple[str, Sound]]


@dataclass(frozen=True)
class VocoderPage:
    """Everything that the page shows."""

    title: str
    reproduction: Reproduction
    n_train: int  # clips
    n_unseen: int  # clips of recording groups that are not in the training set
    comparison: Table | None = None  # None: the recordings are gone
    clips: Sequence[VocodedClip] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    verdict: str = ""  # of the comparison


def render(page: VocoderPage) -> str:
    """The page as HTML."""
    return render_page(
        "vocoder.html.j2",
        page.title,
        "report",
        page.verdict or NOT_COMPARED,
        page=page,
        pictures=page.pictures,
        reproduction=page.reproduction,
    )
