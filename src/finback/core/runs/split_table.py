"""`split.csv` and `held.csv`: which clip of a run is in which set.

    save_split(run.split_table, split)
    load_split(run.split_table, clips, "group").train
    {row.recording_id for row in read_rows(run.split_table) if row.subset == "train"}

In `split.csv` the column `subset` holds train, validation, test or set_aside. A generator or vocoder also
has `held.csv`: train (the model was trained on these clips), held_out (clips of the same groups that the
model was not trained on), validation and test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import RunError
from finback.core.storage.csv_files import read_csv, whole_number, write_csv
from finback.core.storage.files import RESTORE
from finback.core.types import SUBSETS, Clip, Split

COLUMNS = ("recording_id", "file", "start", "stop", "channel", "species", "group", "subset")
HELD_OUT_SUBSETS = ("train", "held_out", "validation", "test")
OLD_COLUMN = "side"  # of version 0.1.0
OLD_NAMES = {"val": "validation"}
OLD_HELD_OUT_NAMES = {"train": "held_out", "set_aside": "train"}  # held.csv of version 0.1.0
NAMES = {"train": "train", "val": "validation", "test": "test"}  # fields of `Split` in the files


@dataclass(frozen=True)
class SplitRow:
    """One clip of the table."""

    key: tuple[str, int, int, int]  # as `Clip.key`
    file: str
    species: str
    group: str
    subset: str

    @property
    def recording_id(self) -> str:
        """Content hash of the recording."""
        return self.key[0]


def save_split(path: Path, split: Split) -> None:
    """Write `split.csv`: a row for each clip, readable in a spreadsheet."""
    subsets = {NAMES[name]: split.subset(name) for name in SUBSETS}
    _save(path, {**subsets, "set_aside": split.set_aside})


def save_held_out(path: Path, train: Sequence[Clip], held_out: Sequence[Clip], split: Split) -> None:
    """Write `held.csv`: `train` and `held_out` are the two parts of the training set of `split`."""
    _save(path, {"train": train, "held_out": held_out, "validation": split.val, "test": split.test})


def _save(path: Path, subsets: Mapping[str, Sequence[Clip]]) -> None:
    rows = [
        [c.recording.id, c.recording.path.name, *c.key[1:], c.label, c.group, subset]
        for subset, clips in subsets.items()
        for c in clips
    ]
    write_csv(path, COLUMNS, rows)


def read_rows(path: Path) -> list[SplitRow]:
    """All rows of a `split.csv`. Raises `RunError` when the file is missing or damaged."""
    return _read(path, OLD_NAMES)


def read_held_out(path: Path) -> list[SplitRow]:
    """All rows of a `held.csv`; one of version 0.1.0 has no validation and test clips."""
    return _read(path, OLD_HELD_OUT_NAMES)


def _read(path: Path, old_names: Mapping[str, str]) -> list[SplitRow]:
    rows = []
    for number, row in enumerate(read_csv(path, COLUMNS[:-1]), start=2):
        try:
            rows.append(_row(row, old_names))
        except (KeyError, ValueError) as error:
            raise RunError(f"{path}: row {number} is damaged ({error})", RESTORE) from None
    return rows


def _row(row: Mapping[str, str], old_names: Mapping[str, str]) -> SplitRow:
    subset = row["subset"] if "subset" in row else old_names.get(row[OLD_COLUMN], row[OLD_COLUMN])
    start, stop, channel = (whole_number(row[name]) for name in ("start", "stop", "channel"))
    key = (row["recording_id"], start, stop, channel)
    return SplitRow(key, row["file"], row["species"], row["group"], subset)


def load_split(path: Path, clips: Sequence[Clip], by: str) -> Split:
    """The split of a run, over the clips of its manifest. Raises `RunError` if they are not the same."""
    placed = _placed(path, read_rows(path), clips)
    names = {subset: name for name, subset in NAMES.items()}
    subsets = {names.get(subset, subset): tuple(of_subset) for subset, of_subset in placed.items()}
    if unknown := set(subsets) - {*SUBSETS, "set_aside"}:
        raise RunError(f"{path}: unknown set '{min(unknown)}'", RESTORE)
    return Split(**{"train": (), **subsets}, by="clip" if by == "clip" else "group")


def load_held_out(path: Path, clips: Sequence[Clip], split: Split) -> dict[str, tuple[Clip, ...]]:
    """Clips of a generator's run by `HELD_OUT_SUBSETS`; validation and test are those of its `split`."""
    placed = _placed(path, read_held_out(path), clips)
    subsets = {name: tuple(placed.get(name, ())) for name in HELD_OUT_SUBSETS}
    return {**subsets, "validation": split.val, "test": split.test}


def _placed(path: Path, rows: Sequence[SplitRow], clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The clips that the rows name, by subset, each in the group of its row."""
    known = {c.key: c for c in clips}
    by_subset: dict[str, list[Clip]] = {}
    for row in rows:
        if row.key not in known:
            raise RunError(
                f"{path}: does not fit the run's manifest.csv (no clip of {row.file})",
                "restore both from a copy, or train into another --out",
            )
        by_subset.setdefault(row.subset, []).append(known[row.key].in_group(row.group))
    return by_subset
