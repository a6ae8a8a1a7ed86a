"""Labels and their recordings, before any sound is read: which row names which file.

    matched = match_labels(IndexRequest(audio="audio", labels="labels.csv"))
    matched.placed, matched.problems

`check_labels` does the same and tells only whether the work can begin, so that a mistyped table or column is
found before anything heavy is imported and before any audio is decoded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from finback.core.errors import ManifestError
from finback.data import label_checks as checks
from finback.data.file_matching import AudioFolder, agree
from finback.data.formats.audacity import is_label_file
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem, counts
from finback.data.recording_times import check_pattern
from finback.data.sources.base import IndexRequest, LabelRow, Source, load_source, species_name
from finback.data.sources.beans import is_folder_per_species
from finback.data.sources.labels_table import read_rows
from finback.data.sources.raven import is_selection_table
from finback.data.sources.several import tables_in
from finback.data.sources.watkins import tape_of
from finback.data.splits.groups_table import Given, read_groups
from finback.data.tables import read_table


@dataclass(frozen=True, slots=True)
class Placed:
    """A label row and its file."""

    row: LabelRow
    path: Path


@dataclass(frozen=True, slots=True)
class Matched:
    """What the tables and the names of files say; `rows` are all usable rows, `placed` those with a file."""

    folder: AudioFolder
    source: Source
    info: SourceInfo
    given: Given | None  # the table of groups
    placed: tuple[Placed, ...]
    problems: tuple[Problem, ...]
    has_split: bool


def match_labels(request: IndexRequest) -> Matched:
    """Read the labels, and find the file of each row.

    Raises `InputError` when the audio folder or the labels cannot be read at all, `ManifestError` when
    columns are missing.
    """
    folder = AudioFolder.scan(request.audio)
    check_pattern(request, folder)
    name, chosen = choose(request, folder)
    source = load_source(name)
    labelled = source.rows(request, folder)
    given = read_groups(request, folder) if request.groups else None  # first: it may be mistyped
    problems = [*folder.skipped, *labelled.problems]
    rows, new = checks.one_spelling(labelled.rows)
    problems += new
    placed, new = _place(rows, folder)
    problems += [*new, *_unlabelled(labelled.rows, labelled.problems, folder, request)]
    info = replace(source.info, chosen=chosen)
    return Matched(folder, source, info, given, tuple(placed), tuple(problems), labelled.has_split)


def check_labels(request: IndexRequest, least_species: int = 1) -> list[str]:
    """The species of all rows with a file, sorted.

    Raises what `index` would raise without the sound: no table, no column, no file of any row. Also
    `ManifestError` when the rows with a file name fewer than `least_species` species.
    """
    matched = match_labels(request)
    if not matched.placed:
        raise ManifestError(*nothing_left(request, matched.problems))
    species = sorted({species_name(item.row.species) for item in matched.placed})
    if len(species) < least_species:
        raise ManifestError(
            f"{request.labels or request.audio}: only one species ({species[0]}): a classifier needs two",
            "label clips of a second species",
        )
    return species


def nothing_left(request: IndexRequest, problems: Sequence[Problem]) -> tuple[str, str]:
    """What is wrong when no clip can be used, and the repair."""
    what = request.labels or request.audio
    if not problems:
        return f"{what}: has no labels", "add a row for each recording"
    tally = ", ".join(f"{n} {kind}" for kind, n in counts(problems).items())
    return f"{what}: no usable clip ({tally}); first: {problems[0]}", "correct the labels or the recordings"


def choose(request: IndexRequest, folder: AudioFolder) -> tuple[str, str]:
    """The name of the source, and why it was chosen."""
    if request.source != "auto":
        return request.source, "asked for"
    if request.labels is None:
        most, are_ids = _record_ids([path.name for path in folder.files])
        if most and is_folder_per_species(folder):
            return "watkins", f"auto: no labels file, a folder per species, and {are_ids}"
        return "beans", "auto: no labels file, so folders name the species"
    if is_selection_table(request.labels):
        return "raven", "auto: the labels are selection tables"
    if is_label_file(request.labels) or any(map(is_label_file, tables_in(request.labels))):
        return "audacity", "auto: the labels are label files of Audacity"
    if request.labels.is_dir():
        return "folder", "auto: a folder of tables"
    table = read_table(request.labels)
    group = table.find("group")
    named = [] if group is None else [bool(row.cells[group].strip()) for row in table.rows]
    by_labels = "folder", "auto: the labels name groups" if any(named) else "auto: a labels file"
    if any(named) and all(named):
        return by_labels
    # Rows without a group get that of their record id. Only the labelled files count: the folder may hold
    # thousands of other recordings.
    most, are_ids = _record_ids({row.file for row in read_rows(table, request).rows})
    return ("watkins", f"auto: {are_ids}") if most else by_labels


def _record_ids(files: Collection[str]) -> tuple[bool, str]:
    """Whether at least half of the files have a record id as their name, and a sentence with the numbers."""
    ids = sum(tape_of(PureWindowsPath(file.strip()).name) is not None for file in files)
    return 0 < len(files) <= 2 * ids, f"{ids} of {len(files)} files have a Watkins record id as their name"


def _place(rows: Sequence[LabelRow], folder: AudioFolder) -> tuple[list[Placed], list[Problem]]:
    """Each row with its file. Only the first missing files get a hint, since the search for hints is slow."""
    placed: list[Placed] = []
    problems: list[Problem] = []
    hints = 0
    for row in rows:
        match = folder.match(row.file)
        if match.path is None and row.also:
            match = folder.match(row.also)
        if match.path is not None:
            placed.append(Placed(row, match.path))
        elif match.candidates:
            message = f"could be {' or '.join(match.candidates[:3])}"
            problems.append(row.problem("ambiguous_file", message, "give its path within the audio folder"))
        else:
            near = folder.nearest(row.file) if hints < 20 else None
            hints += 1
            repair = f"did you mean '{near}'?" if near else "add the recording, or leave out the row"
            problems.append(row.problem("missing_file", "no such file in the audio folder", repair))
    return _unshared(placed, problems, folder)


def _unshared(
    placed: list[Placed], problems: list[Problem], folder: AudioFolder
) -> tuple[list[Placed], list[Problem]]:
    """Refuse rows of different folders that match one file only because the folder is missing there."""
    typed: dict[Path, set[tuple[str, ...]]] = {}
    for item in placed:
        typed.setdefault(item.path, set()).add(folder.typed(item.row.file))
    shared = {
        path
        for path, names in typed.items()
        if any(not agree(one, other) for one in names for other in names)
    }
    for item in placed:
        if item.path in shared:
            message = f"files of several folders in the table could be {folder.name(item.path)}"
            repair = "give as --audio the folder above them all, or write one folder in the table"
            problems.append(item.row.problem("ambiguous_file", message, repair))
    return [item for item in placed if item.path not in shared], problems


def _unlabelled(
    rows: Sequence[LabelRow], refused: Sequence[Problem], folder: AudioFolder, request: IndexRequest
) -> list[Problem]:
    """Recordings that no row names; a row that was refused for another reason also counts."""
    names = {row.file for row in rows} | {row.also for row in rows if row.also}
    matches = [folder.match(name) for name in sorted(names | {p.file for p in refused})]
    seen = {match.path for match in matches} | {
        folder.root / c for match in matches for c in match.candidates
    }
    where = f" in {request.labels.name}" if request.labels else ""
    missing = [
        Problem(
            "unlabelled", folder.name(path), None, f"no row{where} names it", "add a row, if it has a label"
        )
        for path in folder.files
        if path not in seen
    ]
    message, repair = "its name is not valid text", "rename the file"
    return missing + [Problem("file_name", name, None, message, repair) for name in folder.unnameable]
