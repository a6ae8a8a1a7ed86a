"""The text of a dataset: clips and groups, species that cannot be tested, and problems of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from finback.core.types import Clip, Labels
from finback.data.problems import Problem, counts

PROBLEMS_SHOWN = 5


class Described(Protocol):
    """The part of a dataset that the text needs."""

    @property
    def clips(self) -> tuple[Clip, ...]: ...
    @property
    def labels(self) -> Labels: ...
    @property
    def n_groups(self) -> int: ...
    @property
    def groups_of(self) -> Mapping[str, int]: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...
    def rare_summary(self) -> str: ...


def summary(dataset: Described) -> str:
    """Several lines for a terminal or a notebook."""
    n_clips, n_species = len(dataset.clips), len(dataset.labels)
    lines = [f"Dataset: {n_clips} clips, {n_species} species, {dataset.n_groups} recording groups"]
    single = [name for name, n in dataset.groups_of.items() if n < 2]
    if single:
        lines.append(f"  cannot be tested (a single group): {_few(single)}")
    if dataset.rare_summary():
        lines.append(f"  {dataset.rare_summary()}")
    if dataset.problems:
        tally = ", ".join(f"{n} {kind}" for kind, n in counts(dataset.problems).items())
        lines.append(f"  {_count(len(dataset.problems), 'problem', 'problems')} ({tally}):")
        lines += [f"    {problem}" for problem in dataset.problems[:PROBLEMS_SHOWN]]
    if len(dataset.problems) > PROBLEMS_SHOWN:
        lines.append(f"    ... and {len(dataset.problems) - PROBLEMS_SHOWN} more in .problems")
    return "\n".join(lines)


def _few(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(n: int, one: str, several: str) -> str:
    return f"{n} {one if n == 1 else several}"
