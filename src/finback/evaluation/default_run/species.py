"""Which species a run without a family is made of: those with enough clips to be trained and tested.

A species with one or two clips cannot be measured, and is named for sounds that it has nothing to do with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from finback.data.manifest import Manifest
from finback.data.problems import Problem

# Fewest clips of a species: the first of these with which at least two species, and at least half of all
# clips, are left. Ten is what the audit asks of a species before it measures the no-audio baselines on it.
STEPS = (10, 5, 2)


def with_enough(manifest: Manifest) -> tuple[Manifest, dict[str, int]]:
    """The clips of species with enough clips, and the number of clips of each species that is left out.

    Nothing is left out where no step of `STEPS` leaves two species and half of the clips.
    """
    tally = Counter(clip.label or "" for clip in manifest.clips if not clip.synthetic)
    for least in STEPS:
        kept = {name: n for name, n in tally.items() if n >= least}
        if len(kept) >= 2 and 2 * sum(kept.values()) >= sum(tally.values()):
            few = {name: n for name, n in sorted(tally.items()) if n < least}
            return (_without(manifest, few, least) if few else manifest), few
    return manifest, {}


def _without(manifest: Manifest, few: dict[str, int], least: int) -> Manifest:
    """The manifest without these species; a note on each is among its problems."""
    notes = tuple(
        Problem(
            "too_few", name, None, f"{n} of at least {least} clips, left out", "add clips of this species"
        )
        for name, n in few.items()
    )
    kept = manifest.only([clip for clip in manifest.clips if clip.label not in few])
    return replace(kept, problems=(*kept.problems, *notes))
