"""The Watkins Marine Mammal Sound Database: a file has a record id as its name, and this id names the tape.

A record id such as `6102500A` is year (2 digits) + tape (3 digits) + cut (3 digits in base 36). Its first
five characters name the tape, which is the recording group. Labels are a CSV of `file,species`, or one folder
for each species, as the cuts are often distributed.

**Excerpts of unknown tape.** Files with other names (`segment-bearded-seal-0513.flac`) come from an unknown
tape. Each tape was digitised at one sample rate, so such a clip can come from any tape of its species that
has clips at the same rate. All these tapes and all such clips become one group, and groups with a tape in
common are joined. If there is no such tape, the clips form the group `unknown:<species>@<rate>`. This gives
fewer, larger groups rather than too many. The method cannot recognise an excerpt that was resampled after it
was cut. If you have a table with the tapes, use `--groups table.csv:column`.
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
from finback.data.sources.labels_table import read_rows
from finback.data.tables import read_table

# The recordings are from the 1940s to the 2000s. Other years are refused, so that dates (20240131) and
# zero-padded numbers (00000012) are not read as record ids. A suffix may follow: 6102500A_2.flac.
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
    """The tape that the name of a file gives, such as "61025"; None when the name is no record id."""
    match = RECORD_ID.match(name)
    return match.group(1) if match else None


class _Joined:
    """Names joined into sets (union-find); the smallest name of a set identifies the set."""

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
    """The group of each recording, by its path, and notes on the recordings of unknown tape."""
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
            # A recording with clips of two species joins the possible tapes of both.
            joined.join(node, node_of.setdefault(clip.recording.path, node))
            for tape in tapes_at[_kind(clip)]:
                joined.join(node, tape)
    names = {root: _group_name(members) for root, members in joined.members().items()}
    groups = {path: names[joined.find(node)] for path, node in node_of.items()}
    return groups, _notes(excerpts, groups)


def _kind(clip: Clip) -> tuple[str, int]:
    return clip.label or "", clip.recording.sample_rate


def _group_name(members: list[str]) -> str:
    """`61025`, `61025+61026`, `54024+4 tapes`, or without a known tape `unknown:Walrus@20000`."""
    tapes = [name for name in members if not name.startswith("unknown:")]
    if not tapes:
        return "+".join(members)
    return "+".join(tapes) if len(tapes) <= 3 else f"{tapes[0]}+{len(tapes) - 1} tapes"


def _notes(excerpts: dict[tuple[str, int], set[Path]], groups: dict[Path, str]) -> tuple[Problem, ...]:
    """Two notes at most: on excerpts in groups with known tapes, and on excerpts in other groups."""
    by_kind: dict[bool, list[tuple[int, str, Path]]] = {False: [], True: []}
    for (species, _), paths in sorted(excerpts.items()):
        group = groups[min(paths)]
        example = f"{len(paths)} of {species} in '{group}'"
        by_kind[group.startswith("unknown:")].append((len(paths), example, min(paths)))
    notes = []
    for alone, members in by_kind.items():
        if not members:
            continue
        members.sort(key=lambda member: (-member[0], member[1]))
        n = sum(count for count, _, _ in members)
        examples = "; ".join(example for _, example, _ in members[:3]) + ("; ..." if len(members) > 3 else "")
        where = (
            "kept in separate groups" if alone else "grouped with the tapes of their species and sample rate"
        )
        message = f"tape unknown: {n} files whose names are no record ids, {where} ({examples})"
        repair = "name their tapes with --groups table.csv:column if you know them"
        notes.append(Problem("unknown_tape", members[0][2].name, None, message, repair))
    return tuple(notes)
