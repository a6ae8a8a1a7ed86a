"""The page of a generator: samples and real clips with their sounds, and the results of its audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finback.report.pages.audit_verdict import NOT_AUDITED
from finback.report.pages.common import Picture, Reproduction, Table, render_page
from finback.report.pages.sound import Sound
from finback.report.plots.diffusion import DENOISING_NOTE, GUIDANCE_NOTE


@dataclass(frozen=True, slots=True)
class SpeciesSamples:
    """Real clips and generated samples of one species."""

    name: str
    n_clips: int  # in the training set
    n_groups: int
    picture: Picture
    real: Sequence[Sound]
    generated: Sequence[Sound]


@dataclass(frozen=True)
class GeneratorPage:
    """Everything that the page shows. `n_train`, `n_held_out` and `n_unseen` count clips."""

    title: str
    family: str
    reproduction: Reproduction
    n_train: int
    n_groups: int  # recording groups of the training clips
    n_held_out: int  # clips of the same groups that were not trained on
    n_unseen: int  # clips of other groups
    vocoder: str  # what makes sound of the samples
    has_steps: bool = False  # does it sample in steps, as a diffusion model does?
    species: Sequence[SpeciesSamples] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    audit: Sequence[Table] | None = None  # None: not audited
    reconstruction: Table | None = None
    licence: str = ""  # of the training clips
    verdict: str = NOT_AUDITED


def render(page: GeneratorPage) -> str:
    """The page as HTML."""
    return render_page(
        "generator.html.j2",
        page.title,
        "report",
        page.verdict,
        page=page,
        pictures=page.pictures,
        reproduction=page.reproduction,
        denoising_note=DENOISING_NOTE.replace("\n", " "),
        guidance_note=GUIDANCE_NOTE.replace("\n", " "),
    )
