"""The page of an evaluation of found events: the numbers, the misses and the worst false alarms.

One self-contained HTML file that loads nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finback.report.pages.common import Picture, Table, render_page
from finback.report.pages.sound import Sound


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event to look at: what it is, where it is, its spectrogram and sound, or why there are none."""

    label: str
    title: str  # its score or its SNR, in words
    where: str  # file and time
    remark: str = ""
    picture: Picture | None = None
    sound: Sound | None = None
    problem: str = ""


@dataclass(frozen=True)
class DetectionsPage:
    """Everything that the page shows. `n_misses`, `n_false_alarms`: all there are, also those not shown."""

    title: str
    verdict: str
    summary: str
    tables: Sequence[Table]
    notes: Sequence[str]
    misses: Sequence[ShownEvent]
    false_alarms: Sequence[ShownEvent]
    n_misses: int
    n_false_alarms: int
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def render(page: DetectionsPage) -> str:
    """The page as HTML."""
    return render_page(
        "detections.html.j2", page.title, "report", page.verdict, page=page, pictures=page.pictures
    )
