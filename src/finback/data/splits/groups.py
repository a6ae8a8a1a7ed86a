"""Groups: which clips must never be parted, because they come from one tape, deployment or sound.

A group is given by the user (a `group` column, a tape number), or found: recordings linked by near
duplicates belong together, and a recording with no link is a group of its own. Clips of one recording
always share a group. When a link joins two groups that the user kept apart, they are merged, since a copy
on the other side of the split gives the answer away; `merged` says which, and why.

Synthetic clips never join groups of real ones, or a generator would tie all its tapes together. One that is a
copy of a real clip belongs to that clip's group.
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
    """Groups that were given apart and hold the same sound; `pairs` are (file, file) examples of it."""

    groups: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        names = ", ".join(f"'{g}'" for g in self.groups[:6]) + (" ..." if len(self.groups) > 6 else "")
        shown = f", e.g. {self.pairs[0][0]} and {self.pairs[0][1]}" if self.pairs else ""
        return f"groups {names} hold the same sound{shown}; they are kept on one side together"


class _Union:
    """Disjoint sets of names; the smallest name of a set stands for it."""

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


# Given groups sort before recordings, so a set that holds one is named by it and not by a content hash.
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

    An empty group becomes that of the recordings it is linked with, else the recording's own id. Linked
    recordings end in one group, named by the first of the given names in alphabetical order.
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
    """{id of a synthetic recording: that of a real one with the same sound}."""
    pairs = [pair for pair in links.links() if pair[0].synthetic != pair[1].synthetic] if links else []
    ordered = sorted((pair if pair[0].synthetic else pair[::-1] for pair in pairs), key=lambda p: p[1].key)
    return {made.recording.id: real.recording.id for made, real in reversed(ordered)}


def merged(clips: Sequence[Clip], links: Links | None = None) -> tuple[Merge, ...]:
    """Which given groups `assign_groups` joins, by links or because one recording stands under both."""
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
