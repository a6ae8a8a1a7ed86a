"""The definition of a data set: a small TOML file that says which recordings, which labels, what is tested.

    name = "decades"
    about = "Trained on the recordings before 1970 and tested on the later ones, and the reverse."
    audio = "recordings"
    labels = "labels.csv"
    groups = "metadata.csv:tape"
    min_clips = 10
    test_by = "metadata.csv:year"
    cuts = [1970]

`audio`, `labels`, `source`, `groups`, `file_column`, `species_column`, `channel` and `min_clips` mean what
they mean in `finback train`. Without `test_by`, folds over recording groups are drawn, another set for each
seed. With `test_by`, the recordings with one value of this column (a place, a season) are tested by a model
that is trained on the recordings with the other values; `cuts` divides a column of numbers at these numbers.
A group is never divided. `seeds` limits how many seeds this data set is tested with. Relative paths start at
the folder of the file, or at a folder that is given.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from finback.core.errors import InputError, ManifestError, SettingsError, SplitError
from finback.core.progress import Log, Progress, no_progress
from finback.core.settings import build
from finback.core.toml import parsed_toml
from finback.data.dataset import Dataset, prepare_request
from finback.data.file_matching import AudioFolder
from finback.data.rare import RareSettings
from finback.data.sources.base import IndexRequest, LabelledRecordings
from finback.data.splits.groups_table import read_groups
from finback.data.tables import read_table

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$"


class DataSet(LabelledRecordings):
    """A data set of a comparison. `file` is the file that defines it."""

    file: Path
    name: str = Field(pattern=NAME)
    about: str = Field("", max_length=500)
    seeds: int | None = Field(None, ge=1, le=1000)  # at most so many of those that are asked for
    test_by: str | None = None
    cuts: tuple[float, ...] = ()

    @property
    def request(self) -> IndexRequest:
        """The recordings and labels, as `finback train` would read them."""
        return build(IndexRequest, {name: getattr(self, name) for name in LabelledRecordings.model_fields})


def load(file: Path, folder: Path | None = None) -> DataSet:
    """Read a definition and check that everything it names exists; nothing else is read.

    Relative paths start at `folder`, else at the folder of the file. Raises `InputError` for a file that is
    missing or not TOML, `SettingsError` for a wrong key or value, each with the file and the key.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such definition of a data set", "check the path")
    try:
        values = parsed_toml(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file}: not valid TOML: {error}", "correct the file") from None
    _check_keys(file, values)
    base = folder or file.parent
    placed: dict[str, Any] = {key: base / str(values[key]) for key in ("audio", "labels") if key in values}
    tables: dict[str, Any] = {
        key: str(base / str(values[key])) for key in ("groups", "test_by") if key in values
    }
    try:
        found = build(DataSet, {**values, **placed, **tables, "file": file})
    except SettingsError as error:
        raise SettingsError(f"{file}: {error.problem}", error.repair) from None
    _check_paths(found)
    return found


def load_all(files: list[Path], folder: Path | None = None) -> list[DataSet]:
    """The definitions of all files. Raises what `load` raises, and `InputError` for a name used twice."""
    found = [load(file, folder) for file in files]
    for name, n in Counter(one.name.casefold() for one in found).items():
        if n > 1:
            twins = [str(one.file) for one in found if one.name.casefold() == name]
            raise InputError(f"{twins[0]} and {twins[1]}: both have the name '{name}'", "rename one of them")
    return found


def _check_keys(file: Path, values: dict[str, Any]) -> None:
    known = [key for key in DataSet.model_fields if key != "file"]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "the keys are: " + ", ".join(known)
            raise SettingsError(f"{file}: unknown key '{key}'", hint)
    for key in ("name", "audio"):
        if key not in values:
            raise SettingsError(f"{file}: no key '{key}'", f"add a line {key} = ...")
    if values.get("cuts") and "test_by" not in values:
        raise SettingsError(f"{file}: cuts without test_by", "name the column of numbers in test_by")


def _check_paths(found: DataSet) -> None:
    if not found.audio.is_dir():
        raise InputError(f"{found.file}: audio: no such folder {found.audio}", "correct the path")
    if found.labels is not None and not found.labels.exists():
        raise InputError(f"{found.file}: labels: no such file {found.labels}", "correct the path")
    for key in ("groups", "test_by"):
        option = getattr(found, key)
        if option is None:
            continue
        table, colon, column = option.rpartition(":")
        if not colon or not table or not column or column[0] in "\\/":
            raise InputError(f"{found.file}: {key} names no column", "write it as table.csv:column")
        if not Path(table).is_file():
            raise InputError(f"{found.file}: {key}: no such file {table}", "correct the path")
        header = read_table(Path(table), f"{key} table")
        if header.find(column) is None:
            raise InputError(
                f"{found.file}: {key}: {table} has no column '{column}'", f"its columns are: {header.columns}"
            )


def read(found: DataSet, rare: RareSettings | None = None, progress: Progress = no_progress) -> Dataset:
    """The clips of a data set with their groups. Raises what reading the data raises."""
    return prepare_request(found.request, rare, progress)


def divided(found: DataSet, dataset: Dataset, log: Log = lambda text: None) -> Dataset:
    """The clips, with the fold of each group where `test_by` is given (folds in the order of the values).

    Clips without a value and species with clips of one value only are then left out, which `log` says. Raises
    `SplitError` when fewer than two values are left.
    """
    if found.test_by is None:
        return dataset
    values = _values(found)
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in dataset.clips:
        if value := values.get(clip.recording.path):
            votes[clip.group_key][value] += 1
    divided = sum(len(tally) > 1 for tally in votes.values())
    value_of = {group: min(tally, key=lambda v: (-tally[v], v)) for group, tally in votes.items()}
    valued = [clip for clip in dataset.clips if clip.group_key in value_of]
    places: dict[str, set[str]] = defaultdict(set)
    for clip in valued:
        places[clip.label or ""].add(value_of[clip.group_key])
    kept = tuple(clip for clip in valued if len(places[clip.label or ""]) > 1)
    single = sum(len(names) == 1 for names in places.values())
    log(
        f"{found.name}: {len(dataset.clips) - len(valued)} clips have no value of {found.test_by}; "
        f"{single} species have one value only and are left out"
        + (f"; {divided} groups have several values and count as their most frequent" if divided else "")
    )
    used = sorted({value_of[clip.group_key] for clip in kept})
    if len(used) < 2:
        raise SplitError(
            f"{found.file}: test_by: no species has clips of two values of {found.test_by}",
            "choose other cuts, or another column",
        )
    fold_of = {group: used.index(value) for group, value in value_of.items() if value in used}
    return replace(dataset, clips=kept, subset_of=None, called=None, fold_of=fold_of)


def _values(found: DataSet) -> dict[Path, str]:
    """The value of each recording; with `cuts`, the interval that holds its number."""
    table = found.request.model_copy(update={"groups": found.test_by})
    given = read_groups(table, AudioFolder.scan(found.audio))
    if not found.cuts:
        return given.groups
    cuts = sorted(found.cuts)
    named = {}
    for path, text in given.groups.items():
        try:
            number = float(text)
        except ValueError:
            raise ManifestError(
                f"{found.file}: test_by: '{text}' of {path.name} is not a number",
                "leave cuts out, or correct it",
            ) from None
        at = sum(number >= cut for cut in cuts)
        named[path] = f"{at} before {cuts[at]:g}" if at < len(cuts) else f"{at} from {cuts[-1]:g}"
    return named


def values_of(dataset: Dataset) -> int:
    """How many folds a data set with given folds has; 0 when folds are drawn."""
    return 0 if dataset.fold_of is None else len(set(dataset.fold_of.values()))
