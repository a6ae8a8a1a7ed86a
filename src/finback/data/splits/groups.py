"""Recording groups (a tape, a deployment, a site-day): clips of one group must be in the same set.

The user gives the groups (a `group` column, a tape number), or finback finds them. Recordings that are near
duplicates of each other form one group, and a recording without such a link is a group of its own. Clips of
one recording always share a group. When a link joins two groups that the user named differently, finback
merges them, because a copy in the training set would make the test too easy. `merged` lists the merged groups
with examples.

Synthetic clips do not link groups, because the samples of one generator could then link all groups. A
synthetic clip that is a copy of a real clip belongs to the group of the real clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from finback.core.types import Clip


class Links(Protocol):
    """Anything that names pairs of clips with the same sound: `duplicates.Duplicates` does."""

    def links(self) -> Iterable[tuple[Clip, Clip]]: ...


@dataclass(frozen=True)
class Merge:
    """Groups with different names that share sound; `pairs` are examples (file, file)."""

    groups: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        names = ", ".join(f"'{g}'" for g in self.groups[:6]) + (" ..." if len(self.groups) > 6 else "")
        shown = f", e.g. {self.pairs[0][0]} and {self.pairs[0][1]}" if self.pairs else ""
        return f"groups {names} share sound{shown}; finback uses them as one group"


class _Union:
    """Disjoint sets of names; the smallest name of a set identifies the set."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        root = self.parent.setdefault(name, name)
        while root != self.parent[root]:
            root = self.parent[root]
        while name != root:
            self.parent[name], name = root, self.parent[name]
        return root

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self.parent[high] = low


# Given groups sort before recordings, so a set with a given group gets its name and not a content hash.
GIVEN, RECORDING = "a:", "b:"


def _union(clips: Sequence[Clip], links: Links | None) -> _Union:
    union = _Union()
    for clip in clips:
        if clip.synthetic:
            continue
        union.join(
            RECORDING + clip.recording.id, GIVEN + clip.group if clip.group else RECORDING + clip.recording.id
        )
    for one, other in links.links() if links is not None else ():
        if one.synthetic or other.synthetic:
            continue
        union.join(RECORDING + one.recording.id, RECORDING + other.recording.id)
    return union


def assign_groups(clips: Sequence[Clip], links: Links | None = None) -> tuple[Clip, ...]:
    """The same clips in the same order, each with a group.

    A recording without a group gets the group of the recordings that it is linked with, else its own id as
    the group. Linked recordings get one group; of several given names, the first in the alphabet is used.
    """
    union = _union(clips, links)
    copied = _copied(links)
    names = []
    for clip in clips:
        name = RECORDING + clip.recording.id
        if clip.synthetic:
            real = copied.get(clip.recording.id)
            name = RECORDING + real if real else GIVEN + clip.group if clip.group else name
        names.append(union.find(name)[len(GIVEN) :])
    return tuple(c if c.group == name else c.in_group(name) for c, name in zip(clips, names, strict=True))


def _copied(links: Links | None) -> dict[str, str]:
    """{id of a synthetic recording: id of a real recording with the same sound}."""
    pairs = [pair for pair in links.links() if pair[0].synthetic != pair[1].synthetic] if links else []
    ordered = sorted((pair if pair[0].synthetic else pair[::-1] for pair in pairs), key=lambda p: p[1].key)
    return {synthetic.recording.id: real.recording.id for synthetic, real in reversed(ordered)}


def merged(clips: Sequence[Clip], links: Links | None = None) -> tuple[Merge, ...]:
    """The given groups that `assign_groups` merges: they are linked, or have a recording in common."""
    union = _union(clips, links)
    members: dict[str, set[str]] = {}
    for clip in clips:
        if clip.group and not clip.synthetic:
            members.setdefault(union.find(GIVEN + clip.group), set()).add(clip.group)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for one, other in links.links() if links is not None else ():
        if one.group != other.group and one.group and other.group and not one.synthetic | other.synthetic:
            pair = (one.recording.path.name, other.recording.path.name)
            pairs.setdefault(union.find(GIVEN + one.group), []).append(pair)
    return tuple(
        Merge(tuple(sorted(groups)), tuple(pairs.get(root, ())))
        for root, groups in sorted(members.items())
        if len(groups) > 1
    )
