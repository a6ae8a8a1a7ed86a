"""Read labels and recordings into a `Manifest`, and report all their problems at once.

    manifest = index(IndexRequest(audio="audio", labels="labels.csv"))
    manifest.clips, manifest.problems

A source (see `sources`) reads the labelled spans. `index` matches names to files, converts seconds to native
samples, and decodes every labelled span once, so that later work meets no unreadable file. A clip that cannot
be used is dropped and gets an entry in `problems`; with `strict`, any problem that is not a note is an error.

`source="auto"` takes `raven` when the labels are selection tables; `beans` when there are no labels but a
folder for each species; `watkins` when at least half of the files have a record id as their name and the
labels name no groups; else `folder`. The manifest gives the source and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finback.audio.io import open_recording
from finback.audio.samples import samples_of
from finback.core.errors import AudioError, ManifestError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip, Recording
from finback.data import label_checks as checks
from finback.data import provenance as generated
from finback.data.file_matching import AudioFolder, agree
from finback.data.formats.audacity import is_label_file
from finback.data.manifest import Manifest, SourceInfo
from finback.data.problems import Problem, counts, refuse, remark
from finback.data.recording_times import check_pattern, with_start_times
from finback.data.sources.base import IndexRequest as IndexRequest
from finback.data.sources.base import LabelRow, Source, load_source
from finback.data.sources.beans import is_folder_per_species
from finback.data.sources.raven import is_selection_table
from finback.data.sources.several import tables_in
from finback.data.sources.watkins import tape_of
from finback.data.spans import clip_of
from finback.data.splits.groups_table import Given, not_covered, read_groups
from finback.data.tables import read_table

BLOCK_SAMPLES = 1 << 22  # decoded at a time, so that a recording of a day fits in memory


@dataclass(frozen=True, slots=True)
class Placed:
    """A label row and its file."""

    row: LabelRow
    path: Path


def index(request: IndexRequest, progress: Progress = no_progress) -> Manifest:
    """All usable clips, in the order of the labels, and all problems; generated clips come last.

    Raises `InputError` when the audio folder or the labels cannot be read at all, `ManifestError` when
    columns are missing, when no usable clip is left, or with `strict` when there is any real problem.
    """
    manifest = _index(request, progress)
    for table in map(generated.table_of, request.synthetic):
        of_table = IndexRequest(audio=table.parent, labels=table, source="folder", strict=request.strict)
        manifest = generated.joined(manifest, _index(of_table, progress), table)
    return manifest


def _index(request: IndexRequest, progress: Progress) -> Manifest:
    folder = AudioFolder.scan(request.audio)
    check_pattern(request, folder)
    name, chosen = choose(request, folder)
    source = load_source(name)
    info = replace(source.info, chosen=chosen)
    labelled = source.rows(request, folder)
    given = read_groups(request, folder) if request.groups else None  # first: it may be mistyped
    problems = [*folder.skipped, *labelled.problems]
    rows, new = checks.one_spelling(labelled.rows)
    problems += new
    placed, new = _place(rows, folder)
    problems += [*new, *_unlabelled(labelled.rows, labelled.problems, folder, request)]
    entries, new = _open_all(placed, request, info, progress)
    problems += new
    for check in (checks.repeats, checks.conflicts, checks.copies):
        entries, new = check(entries)
        problems += new
    entries, new = _with_groups(entries, source, given)
    problems += new
    entries, new = checks.enough(entries, request.min_clips)
    problems += new
    if request.strict:
        refuse(problems)
    if not entries:
        raise ManifestError(*_nothing_left(request, problems))
    subset_of = tuple(entry.row.subset for entry in entries) if labelled.has_split else None
    clips = tuple(entry.clip for entry in entries)
    return with_start_times(Manifest(clips, tuple(problems), info, folder.root, subset_of), request, folder)


def choose(request: IndexRequest, folder: AudioFolder) -> tuple[str, str]:
    """The name of the source, and why it was chosen."""
    if request.source != "auto":
        return request.source, "asked for"
    ids = sum(tape_of(path.name) is not None for path in folder.files)
    are_ids = f"{ids} of {len(folder.files)} files have a Watkins record id as their name"
    if request.labels is None:
        if 2 * ids >= len(folder.files) and is_folder_per_species(folder):
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
    if group is not None and any(row.cells[group] for row in table.rows):
        return "folder", "auto: the labels name groups"
    if 2 * ids >= len(folder.files):
        return "watkins", f"auto: {are_ids}"
    return "folder", "auto: a labels file"


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


def _open_all(
    placed: Sequence[Placed], request: IndexRequest, info: SourceInfo, progress: Progress
) -> tuple[list[checks.Entry], list[Problem]]:
    """Open each recording once and decode each labelled span of it; entries in the order of `placed`."""
    by_path: dict[Path, list[int]] = {}
    for i, item in enumerate(placed):
        by_path.setdefault(item.path, []).append(i)
    entries: dict[int, checks.Entry] = {}
    problems: dict[int, list[Problem]] = {}
    remarks: dict[int, list[Problem]] = {}
    for path, members in progress(by_path.items(), "reading audio", len(by_path)):
        first = placed[members[0]].row
        try:
            recording = open_recording(path, "", info.name, first.licence or info.licence, request.times)
        except AudioError as error:
            also = f" ({len(members)} rows)" if len(members) > 1 else ""
            message = error.problem.removeprefix(f"{path}: ") + also
            problems[members[0]] = [first.problem("unreadable", message, error.repair)]
            continue
        remarks[members[0]] = [remark(first.file, text) for text in recording.remarks]
        decoded: dict[tuple[int, int, int | None], AudioError | None] = {}
        for i in members:
            clip, problems[i] = clip_of(placed[i].row, recording, request.channel)
            if clip is None:
                continue
            span = (clip.start, clip.stop, clip.channel)
            if span not in decoded:
                decoded[span] = _decode(clip)
            fault = decoded[span]
            if fault is None:
                entries[i] = checks.Entry(placed[i].row, clip)
            else:
                message = fault.problem.removeprefix(f"{path}: ")
                problems[i].append(placed[i].row.problem("unreadable", message, fault.repair))
    reported = [p for i in sorted(problems) for p in (*remarks.get(i, ()), *problems[i])]
    return [entries[i] for i in sorted(entries)], reported


def _decode(clip: Clip) -> AudioError | None:
    """Read the span as later work will do. Returns the error, or None."""
    try:
        for start in range(clip.start, clip.stop, BLOCK_SAMPLES):
            samples_of(clip).read(start, min(start + BLOCK_SAMPLES, clip.stop))
    except AudioError as error:
        return error
    return None


def _with_groups(
    entries: Sequence[checks.Entry], source: Source, given: Given | None
) -> tuple[list[checks.Entry], list[Problem]]:
    """Groups from the groups file, else from the labels, else from the source."""
    groups: dict[Path, str] = {}
    problems: list[Problem] = []
    if given is not None:
        paths = {entry.clip.recording.path for entry in entries}
        groups = {path: group for path, group in given.groups.items() if path in paths}
        problems += given.problems
        problems += not_covered(given, [entry.clip for entry in entries])
    labelled, new = checks.labelled_groups(entries)
    problems += new
    groups = labelled | groups
    others = [entry.clip for entry in entries if entry.clip.recording.path not in groups]
    rest = [clip for clip in others if not clip.synthetic]  # synthetic clips get no group by their file name
    known, notes = source.groups(rest)
    groups = known | groups
    problems += notes
    recordings: dict[Path, Recording] = {}
    grouped = []
    for entry in entries:
        recording = entry.clip.recording
        if recording.path not in recordings:
            recordings[recording.path] = replace(recording, group=groups.get(recording.path, ""))
        grouped.append(replace(entry, clip=replace(entry.clip, recording=recordings[recording.path])))
    return grouped, problems


def _nothing_left(request: IndexRequest, problems: Sequence[Problem]) -> tuple[str, str]:
    what = request.labels or request.audio
    if not problems:
        return f"{what}: has no labels", "add a row for each recording"
    tally = ", ".join(f"{n} {kind}" for kind, n in counts(problems).items())
    return f"{what}: no usable clip ({tally}); first: {problems[0]}", "correct the labels or the recordings"
