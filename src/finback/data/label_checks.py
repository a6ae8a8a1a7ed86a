"""Checks over all labelled rows together: spellings, repeats, contradictions, groups, numbers of clips.

Each check takes all rows or clips, and returns the usable ones and the problems.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finback.core.types import Clip
from finback.data.problems import Problem
from finback.data.sources.base import LabelRow


@dataclass(frozen=True, slots=True)
class Entry:
    """A label row and its clip."""

    row: LabelRow
    clip: Clip

    @property
    def where(self) -> str:
        return self.row.file if self.row.row is None else f"{self.row.file} (row {self.row.row})"


def one_spelling(rows: Sequence[LabelRow]) -> tuple[list[LabelRow], list[Problem]]:
    """Names that differ only in case or spaces get the most frequent spelling (of several, the first)."""
    tally = Counter(row.species for row in rows)
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in tally:  # in the order of first use
        spellings["".join(name.casefold().split())].append(name)
    chosen = {name: max(same, key=tally.__getitem__) for same in spellings.values() for name in same}
    problems, reported = [], set()
    for row in rows:
        name = chosen[row.species]
        if name != row.species and row.species not in reported:
            reported.add(row.species)
            message = f"'{row.species}' ({tally[row.species]}x) is read as '{name}' ({tally[name]}x)"
            problems.append(row.problem("spelling", message, "spell each species one way"))
    return [replace(row, species=chosen[row.species]) for row in rows], problems


def repeats(entries: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """A span of a file that is labelled twice with the same species: the first row is used."""
    first: dict[tuple[Path, int, int, int | None, str | None], Entry] = {}
    problems = []
    for entry in entries:
        clip = entry.clip
        key = (clip.recording.path, clip.start, clip.stop, clip.channel, clip.label)
        known = first.setdefault(key, entry)
        if known is not entry:
            table = f" of {known.row.table}" if known.row.table else ""
            message = f"the same clip and species as row {known.row.row}{table}"
            problems.append(entry.row.problem("duplicate_row", message, "keep one of the rows"))
    return list(first.values()), problems


def conflicts(entries: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """One sound with two species: the correct species is unknown, so no clip of this sound is used."""
    same_sound: dict[tuple[str, int, int, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        same_sound[entry.clip.key].append(entry)
    bad = {key for key, same in same_sound.items() if len({entry.clip.label for entry in same}) > 1}
    problems = []
    for key in (key for key in same_sound if key in bad):
        first, *others = same_sound[key]
        elsewhere = ", ".join(f"'{other.clip.label}' as {other.where}" for other in others)
        message = f"one sound under two species: '{first.clip.label}' here, {elsewhere}"
        problems.append(first.row.problem("two_species", message, "keep the correct row"))
    return [entry for entry in entries if entry.clip.key not in bad], problems


def copies(entries: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """One sound in two files with the same species: a problem is reported. Both clips stay, in one set."""
    first: dict[tuple[str, int, int, int], Entry] = {}
    problems = []
    for entry in entries:
        known = first.setdefault(entry.clip.key, entry)
        if known is not entry:
            message = f"the same sound as {known.where}"
            problems.append(
                entry.row.problem("duplicate_sound", message, "keep one of the copies in the table")
            )
    return list(entries), problems


def labelled_groups(entries: Sequence[Entry]) -> tuple[dict[Path, str], list[Problem]]:
    """The group of each recording in the labels; where rows disagree, the most frequent group."""
    named: dict[Path, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if entry.row.group:
            named[entry.clip.recording.path][entry.row.group].append(entry)
    groups, problems = {}, []
    for path, members in named.items():
        groups[path] = max(members, key=lambda group: len(members[group]))
        if len(members) > 1:
            stray = next(group for group in members if group != groups[path])
            message = f"one recording in two groups, '{groups[path]}' and '{stray}'; the first is used"
            repair = "give all rows of a recording one group"
            problems.append(members[stray][0].row.problem("group_conflict", message, repair))
    return groups, problems


def enough(entries: Sequence[Entry], min_clips: int) -> tuple[list[Entry], list[Problem]]:
    """Clips of species with at least `min_clips` real clips, and a note on each other species.

    A table of generated clips alone is not changed, because it is joined to real clips later.
    """
    if all(entry.clip.synthetic for entry in entries):
        return list(entries), []
    tally = Counter({entry.clip.label or "": 0 for entry in entries})
    tally.update(entry.clip.label or "" for entry in entries if not entry.clip.synthetic)
    few = {name: n for name, n in sorted(tally.items()) if n < min_clips}
    problems = [
        Problem(
            "too_few", name, None, f"{n} of at least {min_clips} clips, left out", "add clips of this species"
        )
        for name, n in few.items()
    ]
    return [entry for entry in entries if entry.clip.label not in few], problems
