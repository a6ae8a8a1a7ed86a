"""The page of a classifier or an ensemble: how well it works, how far to trust that, and how to repeat it.

The page is one self-contained HTML file that loads nothing from elsewhere. What the run folder lacks is
named on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finback.data.audit import findings
from finback.data.audit.clip_findings import Section
from finback.report.pages import summary
from finback.report.pages.common import Picture, Reproduction, render_page
from finback.report.pages.sound import Sound

LISTED = 8  # items of a long list that are shown at once; the others are folded away


@dataclass(frozen=True, slots=True)
class SpeciesRow:
    """One species of the label set."""

    name: str
    n_clips: int | None  # in the whole data set; None where that is not known
    n_groups: int | None
    test: Mapping[str, Any]  # its entry in `per_species` of metrics.json
    why_untested: str = ""

    @property
    def noisy(self) -> bool:
        return bool(self.test.get("noisy"))


@dataclass(frozen=True, slots=True)
class Confusion:
    """A test clip that was classified as another species, with its spectrogram and sound."""

    species: str
    predicted: str
    probability: float  # of the predicted species
    true_probability: float  # of the right species
    n_confused: int  # test clips of `species` that were classified as `predicted`
    n_clips: int  # test clips of `species`
    file: str
    span: str = ""
    picture: Picture | None = None
    sound: Sound | None = None
    problem: str = ""  # why there is no picture or sound


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an ensemble: its run, its family, and its weight in each fold."""

    origin: str
    family: str
    weights: Sequence[float]


@dataclass(frozen=True)
class ClassifierPage:
    """Everything that the page shows."""

    title: str
    reproduction: Reproduction
    family: str = "classifier"
    n_folds: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)  # metrics.json; {}: not evaluated
    audit: Mapping[str, Any] | None = None  # audit.json
    by_clip: bool = False  # was the split made by clip, without regard to recording groups?
    has_test_set: bool = True
    warnings: Sequence[str] = ()
    missing: Sequence[str] = ()  # what the run folder lacks, in sentences
    species: Sequence[SpeciesRow] = ()
    confusions: Sequence[Confusion] | None = None  # None: no scored test clips
    members: Sequence[Member] = ()  # of an ensemble
    equal_weights: bool = True  # of the members
    methods: Sequence[str] = ()  # paragraphs for a paper
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    trained_on_all: bool = False  # the figures are those of models of the folds, not of this one
    next: Sequence[summary.Step] = ()  # what to do now


def render(page: ClassifierPage) -> str:
    """The page as HTML."""
    return render_page(
        "report.html.j2",
        page.title,
        "report",
        summary.opening(page.metrics, page.audit, page.by_clip, page.has_test_set),
        page=page,
        pictures=page.pictures,
        species=page.species,
        reproduction=page.reproduction,
        cards=summary.cards(page.metrics),
        baselines_caption=summary.baselines_caption(page.audit, page.by_clip),
        findings=findings_of(page),
        listed=LISTED,
    )


def findings_of(page: ClassifierPage) -> list[Section] | None:
    """Sections of the audit; None without one. Untested species have a table of their own on the page."""
    if page.audit is None:
        return None
    tested = bool(page.metrics)
    return [s for s in findings.sections(page.audit) if not (tested and s.title == findings.UNTESTABLE)]
