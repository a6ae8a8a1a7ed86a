"""`training_clips.json` of a run folder: what the training clips of each species are like.

    known = training_clips(run)
    known.species["Fin whale"].n_groups, known.species["Fin whale"].end_hz

`finback predict` warns where a sound is unlike the training clips of the species that it names
(`models.prediction_warnings`). Runs of older
versions have no such file; their table of the split still has the number of clips and groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from finback.core.runs.documents import Document, Share, read_document
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import write_json

Hz = Annotated[float, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


LOWER = ("shortest_s", "nyquist_hz", "end_hz", "high_hz", "peak")  # limits from below


class SpeciesClips(Document):
    """The training clips of one species. Nearly all clips (95 %) have more of each, and less of `low_hz`."""

    n_clips: Positive
    n_groups: Positive
    shortest_s: Annotated[float, Field(ge=0)] | None = None
    nyquist_hz: Hz | None = None  # half the lowest sample rate
    end_hz: Hz | None = None  # the highest frequency with any sound
    high_hz: Hz | None = None  # 95 % of the energy of a clip are below it
    low_hz: Hz | None = None  # 5 % are
    peak: Annotated[float, Field(ge=0)] | None = None  # of full scale


class TrainingClips(Document):
    """By species; and the `known` that nearly all calls (95 %) of left-out groups have, from the gate."""

    species: dict[str, SpeciesClips] = Field(default_factory=dict)
    least_known: Share | None = None


def save_training_clips(path: Path, known: TrainingClips) -> None:
    """Write the file."""
    write_json(path, known.model_dump())


def training_clips(run: RunFolder) -> TrainingClips:
    """Of a run, its folds or its members; empty where nothing is known.

    Raises `RunError` for a file that is damaged.
    """
    parts = [found for part in _tree(run) if (found := _stored(part)) is not None]
    if not parts:
        return TrainingClips(species=_counted(run))
    species: dict[str, SpeciesClips] = {}
    for part in parts:
        for name, own in part.species.items():
            species[name] = _both(species[name], own) if name in species else own
    return TrainingClips(species=species, least_known=_least([part.least_known for part in parts]))


def _tree(run: RunFolder) -> Iterator[RunFolder]:
    """The run, its folds and members, and theirs."""
    yield run
    inner = [*run.folds, *(run.member(i) for i in range(len(run.info.members)))]
    for part in inner:
        if part.run_json.is_file():
            yield from _tree(part)


def _stored(run: RunFolder) -> TrainingClips | None:
    if not run.training_clips.is_file():
        return None
    return TrainingClips.model_validate(read_document(run.training_clips, TrainingClips))


def _counted(run: RunFolder) -> dict[str, SpeciesClips]:
    """From the tables of the split: clips and groups alone."""
    groups: dict[str, dict[tuple[str, int, int, int], str]] = {}
    for row in run.training_rows(include_validation=True):
        groups.setdefault(row.species, {})[row.key] = row.group or row.recording_id
    return {
        name: SpeciesClips(n_clips=len(own), n_groups=len(set(own.values()))) for name, own in groups.items()
    }


def _both(a: SpeciesClips, b: SpeciesClips) -> SpeciesClips:
    """Of two parts of a run, which share most clips: the larger counts, and the wider limits."""
    limits = {name: _least((getattr(a, name), getattr(b, name))) for name in LOWER}
    low_hz = max((x for x in (a.low_hz, b.low_hz) if x is not None), default=None)
    counts = {name: max(getattr(a, name), getattr(b, name)) for name in ("n_clips", "n_groups")}
    return SpeciesClips.model_validate({**counts, **limits, "low_hz": low_hz})


def _least(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
