"""The clips and the recording groups of each species that a generator was trained on.

    known = trained_on(run)
    caution(of_one_group(known))

All clips of one tape share its noise, its band limit and the same few animals. A generator that was
trained on one tape of a species cannot tell the animal from the tape, and neither can a listener of its
samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finback.core.runs.folder import RunFolder

NAMED = 6  # species that a line names


@dataclass(frozen=True)
class TrainedOn:
    """Clips and recording groups (tapes, deployments, site-days) of one species in a training set."""

    n_clips: int
    n_groups: int


def trained_on(run: RunFolder) -> dict[str, TrainedOn]:
    """By species, from the tables of a run; empty where the run does not list its training clips.

    A recording without a group counts as a group.
    """
    groups: dict[str, list[str]] = {}
    for row in run.training_rows(include_validation=False):
        groups.setdefault(row.species, []).append(row.group or row.recording_id)
    return {name: TrainedOn(len(own), len(set(own))) for name, own in sorted(groups.items())}


def of_one_group(known: Mapping[str, TrainedOn]) -> dict[str, int]:
    """The species whose training clips are of one group, and the number of these clips."""
    return {name: own.n_clips for name, own in known.items() if own.n_groups == 1}


def caution(one_group: Mapping[str, int]) -> str:
    """A sentence for the people who use these samples; "" for no such species."""
    if not one_group:
        return ""
    named = [f"{name} ({_clips(n)})" for name, n in list(one_group.items())[:NAMED]]
    more = f" and {len(one_group) - NAMED} more" if len(one_group) > NAMED else ""
    return (
        f"species with training clips of one tape only: {', '.join(named)}{more}; "
        "the generator cannot tell the animal from the tape"
    )


def _clips(n: int) -> str:
    return "1 clip" if n == 1 else f"{n} clips"
