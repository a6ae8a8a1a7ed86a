"""Species with hardly any clips: kept, left out, put together, or known by their prototype. The user chooses.

    manifest = treated(manifest, RareSettings(how="bucket", below=5))
    manifest.rare  # {"Heaviside's dolphin": 1, ...}: the species and how many clips each has

A species is rare when it has fewer than `below` clips in the whole of the data, on whatever side:
- keep: it is a species like any other;
- drop: its clips are left out of every side;
- bucket: its clips carry one name in common with those of all rare species, `bucket`;
- prototype: its clips stay, but the network learns from the other species only, and afterwards knows this one
  by the mean of its embeddings (`finback.models.networks.prototypes`).

`treated` comes before splitting and may be applied twice; everything after it sees the new labels only. The
manifest remembers what a relabelled clip was called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from finback.core.errors import SplitError
from finback.core.settings import Frozen
from finback.core.types import Clip
from finback.data.manifest import Manifest


class RareSettings(Frozen):
    """What is done with species that have fewer than `below` clips."""

    how: Literal["keep", "drop", "bucket", "prototype"] = "keep"
    below: int = Field(3, ge=1)
    bucket: str = Field("rare species", min_length=1)  # what the bucket is called


WORDS = {
    "keep": "kept like any other",
    "drop": "left out",
    "bucket": "put together as one",
    "prototype": "known by prototypes, not learnt",
}


def rare_species(clips: Sequence[Clip], settings: RareSettings) -> dict[str, int]:
    """Species with fewer than `settings.below` clips, and how many; generated sound does not count."""
    tally = Counter({c.label: 0 for c in clips if c.label is not None})
    tally.update(c.label for c in clips if c.label is not None and not c.synthetic)
    made = settings.bucket if settings.how == "bucket" else None
    return {name: n for name, n in sorted(tally.items()) if n < settings.below and name != made}


def treated(manifest: Manifest, settings: RareSettings) -> Manifest:
    """The manifest with rare species treated as asked, and named in `rare`.

    Raises `SplitError` when fewer than two species are left to tell apart.
    """
    rare = rare_species(manifest.clips, settings)
    if not rare:
        return manifest
    manifest = replace(manifest, rare={**manifest.rare, **rare})
    if settings.how == "keep":
        return manifest
    common = {c.label for c in manifest.clips if c.label is not None} - set(rare)
    if len(common) + (settings.how == "bucket") < 2:
        problem = f"{len(common)} species with {settings.below} clips or more: nothing to tell apart"
        raise SplitError(problem, "lower rare.below, or keep the rare species (rare.how = keep)")
    if settings.how == "drop":
        return _without(manifest, set(rare))
    return _together(manifest, set(rare), settings.bucket) if settings.how == "bucket" else manifest


def in_a_line(manifest: Manifest, settings: RareSettings, most: int = 6) -> str:
    """What was done with which species, for people; "" when there is nothing to say."""
    if not manifest.rare or settings.how == "keep":
        return ""
    named = ", ".join(f"{name} ({n})" for name, n in list(manifest.rare.items())[:most])
    more = f" and {len(manifest.rare) - most} more" if len(manifest.rare) > most else ""
    done = f"as '{settings.bucket}'" if settings.how == "bucket" else WORDS[settings.how]
    return f"{len(manifest.rare)} species with fewer than {settings.below} clips {done}: {named}{more}"


def _without(manifest: Manifest, rare: set[str]) -> Manifest:
    kept = [i for i, c in enumerate(manifest.clips) if c.label not in rare]
    sides, called = (
        None if row is None else tuple(row[i] for i in kept) for row in (manifest.side_of, manifest.called)
    )
    return replace(manifest, clips=tuple(manifest.clips[i] for i in kept), side_of=sides, called=called)


def _together(manifest: Manifest, rare: set[str], bucket: str) -> Manifest:
    called = manifest.called or tuple(c.label or "" for c in manifest.clips)
    clips = tuple(replace(c, label=bucket) if c.label in rare else c for c in manifest.clips)
    return replace(manifest, clips=clips, called=called)
