"""The Watkins Marine Mammal Sound Database: the file's name is a record id, and that names the tape.

A record id such as `6102500A` is year (2 digits) + tape (3 digits) + cut (3 digits in base 36); its first
five characters name the tape, which is the group. Labels are a CSV of `file,species`, or one folder per
species, as the cuts are often passed on.

**Excerpts of unknown tape.** Files with other names (`segment-bearded-seal-0513.flac`) come from a tape that
nobody knows. A tape was digitised at one rate, so such a clip may be from any tape of its species that has
clips at the same rate: all of these, and all such clips, become one group, and groups that come to share a
tape are joined. Where there is no such tape, the clips form the group `unknown:<species>@<rate>`. This errs
towards fewer, larger groups. It cannot see an excerpt that was resampled after it was cut: `--groups
table.csv:column` knows better, where such a table exists.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from finback.core.types import Clip
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem
from finback.data.sources.base import IndexRequest, Labelled, Source
from finback.data.sources.beans import folder_rows
from finback.data.sources.folder import read_rows
from finback.data.tables import read_table

# The collection spans the 1940s to the 2000s. Other years are refused, so that dates (20240131) and
# zero-padded numbers (00000012) are not taken for record ids. A suffix may follow: 6102500A_2.flac.
RECORD_ID = re.compile(r"((?:[4-9]\d|0[1-9])\d{3})[0-9A-Z]{3}(?![0-9A-Z])", re.IGNORECASE)


class Watkins(Source):
    info = SourceInfo(
        name="watkins",
        licence="free for personal and academic use, not commercial; credit the database",
        citation="Watkins Marine Mammal Sound Database, Woods Hole Oceanographic Institution and the New "
        "Bedford Whaling Museum; Sayigh et al. 2016, Proc. Mtgs. Acoust. 27, 040013.",
        url_hint="whoicf2.whoi.edu/science/B/whalesounds",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            return folder_rows(folder)
        return read_rows(read_table(request.labels), request)

    def groups(self, clips: Sequence[Clip]) -> tuple[dict[Path, str], tuple[Problem, ...]]:
        return tape_groups(clips)


def tape_of(name: str) -> str | None:
    """The tape that a file's name gives, such as "61025"; None when it is no record id."""
    found = RECORD_ID.match(name)
    return found.group(1) if found else None


class _Joined:
    """Names joined into sets (union-find); the set is known by its smallest name."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        while (parent := self._parent.setdefault(name, name)) != name:
            name = parent
        return name

    def join(self, a: str, b: str) -> None:
        first, second = sorted((self.find(a), self.find(b)))
        self._parent[second] = first

    def members(self) -> dict[str, list[str]]:
        sets: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._parent):
            sets[self.find(name)].append(name)
        return sets


def tape_groups(clips: Sequence[Clip]) -> tuple[dict[Path, str], tuple[Problem, ...]]:
    """The group of each recording, by its path, and a note on those whose tape is not known."""
    tapes_at: dict[tuple[str, int], set[str]] = defaultdict(set)
    node_of: dict[Path, str] = {}
    joined = _Joined()
    for clip in clips:
        tape = tape_of(clip.recording.path.name)
        if tape is not None:
            tapes_at[_kind(clip)].add(tape)
            node_of[clip.recording.path] = tape
            joined.find(tape)
    excerpts: dict[tuple[str, int], set[Path]] = defaultdict(set)
    for clip in clips:
        if tape_of(clip.recording.path.name) is None:
            node = "unknown:{}@{}".format(*_kind(clip))
            excerpts[_kind(clip)].add(clip.recording.path)
            # A recording with clips of two species joins what might be the tapes of either.
            joined.join(node, node_of.setdefault(clip.recording.path, node))
            for tape in tapes_at[_kind(clip)]:
                joined.join(node, tape)
    names = {root: _group_name(members) for root, members in joined.members().items()}
    groups = {path: names[joined.find(node)] for path, node in node_of.items()}
    return groups, _notes(excerpts, groups)


def _kind(clip: Clip) -> tuple[str, int]:
    return clip.label or "", clip.recording.sample_rate


def _group_name(members: list[str]) -> str:
    """`61025`, `61025+61026`, `54024+4 tapes`, or where no tape is known `unknown:Walrus@20000`."""
    tapes = [name for name in members if not name.startswith("unknown:")]
    if not tapes:
        return "+".join(members)
    return "+".join(tapes) if len(tapes) <= 3 else f"{tapes[0]}+{len(tapes) - 1} tapes"


def _notes(excerpts: dict[tuple[str, int], set[Path]], groups: dict[Path, str]) -> tuple[Problem, ...]:
    """Two notes at most: excerpts put to named tapes, and excerpts in groups of their own."""
    found: dict[bool, list[tuple[int, str, Path]]] = {False: [], True: []}
    for (species, _), paths in sorted(excerpts.items()):
        group = groups[min(paths)]
        said = f"{len(paths)} of {species} in '{group}'"
        found[group.startswith("unknown:")].append((len(paths), said, min(paths)))
    notes = []
    for alone, kinds in found.items():
        if not kinds:
            continue
        kinds.sort(key=lambda kind: (-kind[0], kind[1]))
        n = sum(count for count, _, _ in kinds)
        told = "; ".join(said for _, said, _ in kinds[:3]) + ("; ..." if len(kinds) > 3 else "")
        where = "kept in groups of their own" if alone else "put to the tapes of their species at their rate"
        message = f"tape unknown: {n} files whose names are no record ids, {where} ({told})"
        repair = "name their tapes with --groups table.csv:column if you know them"
        notes.append(Problem("unknown_tape", kinds[0][2].name, None, message, repair))
    return tuple(notes)
