"""`split.csv`: which clip of a run is in which set."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from finback.core.errors import RunError
from finback.core.files import write_atomic
from finback.core.types import SIDES, Clip, Split

SPLIT_COLUMNS = ("recording_id", "file", "start", "stop", "channel", "species", "group", "side")


def save_split(path: Path, split: Split) -> None:
    """One row a clip, readable in a spreadsheet. `set_aside` is a side of its own here."""
    out = StringIO()
    table = csv.writer(out)
    table.writerow(SPLIT_COLUMNS)
    for side in (*SIDES, "set_aside"):
        clips = split.set_aside if side == "set_aside" else split.side(side)
        for c in clips:
            table.writerow([c.recording.id, c.recording.path.name, *c.key[1:], c.label, c.group, side])
    write_atomic(path, out.getvalue())


def load_split(path: Path, clips: Sequence[Clip], by: str) -> Split:
    """The split of a run, over the clips of its manifest. Raises `RunError` if they are not the same."""
    known = {c.key: c for c in clips}
    sides: dict[str, list[Clip]] = {side: [] for side in (*SIDES, "set_aside")}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["recording_id"], int(row["start"]), int(row["stop"]), int(row["channel"]))
                sides[row["side"]].append(known[key].in_group(row["group"]))
    except (OSError, KeyError, ValueError) as error:
        raise RunError(
            f"{path}: does not fit the run's manifest.csv ({error})",
            "restore both from a copy, or train into another --out",
        ) from None
    tuples = {side: tuple(found) for side, found in sides.items()}
    return Split(**tuples, by="clip" if by == "clip" else "group")
