"""Species with very few clips: the user chooses whether to keep, drop, pool or imprint them.

A species is rare when it has fewer than `below` real clips in all of the data:

- keep: nothing changes;
- drop: its clips are left out;
- bucket: the clips of all rare species get one common label, `bucket`;
- prototype: its clips stay. The network is trained on the other species. The weights for this species are
  then imprinted from the mean of the embeddings of its clips (`finback.models.networks.prototypes`).

`finback.data.dataset.prepare` applies the policy, before any split is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from finback.core.errors import SplitError
from finback.core.settings import Frozen
from finback.core.types import Clip


class RareSettings(Frozen):
    """The policy for species with fewer than `below` real clips."""

    how: Literal["keep", "drop", "bucket", "prototype"] = "keep"
    below: int = Field(3, ge=1, le=1_000_000_000)
    bucket: str = Field("rare species", min_length=1)  # the common label


DONE = {"drop": "left out", "prototype": "imprinted after training, not trained on"}


def rare_species(clips: Sequence[Clip], settings: RareSettings) -> dict[str, int]:
    """Number of real clips of each species that has fewer than `settings.below`, sorted by name."""
    tally = Counter({c.label: 0 for c in clips if c.label is not None})
    tally.update(c.label for c in clips if c.label is not None and not c.synthetic)
    bucket = settings.bucket if settings.how == "bucket" else None
    return {name: n for name, n in sorted(tally.items()) if n < settings.below and name != bucket}


def apply_rare_policy(
    clips: Sequence[Clip], settings: RareSettings
) -> tuple[tuple[Clip | None, ...], dict[str, int]]:
    """Each clip after the policy (None: dropped), and the number of clips of each rare species.

    Raises `SplitError` when fewer than two species are left.
    """
    rare = rare_species(clips, settings)
    if not rare or settings.how == "keep":
        return tuple(clips), rare
    common = {c.label for c in clips if c.label is not None} - set(rare)
    if len(common) + (settings.how == "bucket") < 2:
        problem = f"{len(common)} species with {settings.below} clips or more: a classifier needs two"
        raise SplitError(problem, "use a lower rare.below, or keep the rare species (rare.how = keep)")
    if settings.how == "drop":
        return tuple(None if c.label in rare else c for c in clips), rare
    if settings.how == "bucket":
        return tuple(replace(c, label=settings.bucket) if c.label in rare else c for c in clips), rare
    return tuple(clips), rare


def rare_summary(rare: Mapping[str, int], settings: RareSettings, most: int = 6) -> str:
    """A sentence on the rare species and their treatment; "" when the policy changed nothing."""
    if not rare or settings.how == "keep":
        return ""
    named = "; ".join(f"{name} ({n})" for name, n in list(rare.items())[:most])
    more = f" and {len(rare) - most} more" if len(rare) > most else ""
    done = f"labelled as '{settings.bucket}'" if settings.how == "bucket" else DONE[settings.how]
    return f"{len(rare)} species with fewer than {settings.below} clips {done}: {named}{more}"
