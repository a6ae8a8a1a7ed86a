"""Read labels and recordings into a `Manifest`, and report all their problems at once.

    manifest = index(IndexRequest(audio="audio", labels="labels.csv"))
    manifest.clips, manifest.problems

A source (see `sources`) reads the labelled spans. `index` matches names to files, converts seconds to native
samples, and decodes every labelled span once, so that later work meets no unreadable file. A clip that cannot
be used is dropped and gets an entry in `problems`; with `strict`, any problem that is not a note is an error.

`source="auto"` takes `raven` when the labels are selection tables; `beans` when there are no labels but a
folder for each species; `watkins` when at least half of the labelled files have a record id as their name and
the labels name no groups; else `folder`. The manifest gives the source and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finback.audio.io import open_recording
from finback.audio.samples import samples_of
from finback.core.errors import AudioError, ManifestError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip, Recording
from finback.data import label_checks as checks
from finback.data import provenance as generated
from finback.data.label_files import Placed, match_labels, nothing_left
from finback.data.manifest import Manifest, SourceInfo
from finback.data.problems import Problem, refuse, remark
from finback.data.recording_times import with_start_times
from finback.data.sources.base import IndexRequest as IndexRequest
from finback.data.sources.base import Source
from finback.data.spans import clip_of
from finback.data.splits.groups_table import Given, not_covered

BLOCK_SAMPLES = 1 << 22  # decoded at a time, so that a recording of a day fits in memory


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
    matched = match_labels(request)
    problems = list(matched.problems)
    entries, new = _open_all(matched.placed, request, matched.info, progress)
    problems += new
    for check in (checks.repeats, checks.conflicts, checks.copies):
        entries, new = check(entries)
        problems += new
    entries, new = _with_groups(entries, matched.source, matched.given)
    problems += new
    entries, new = checks.enough(entries, request.min_clips)
    problems += new
    if request.strict:
        refuse(problems)
    if not entries:
        raise ManifestError(*nothing_left(request, problems))
    subset_of = tuple(entry.row.subset for entry in entries) if matched.has_split else None
    clips = tuple(entry.clip for entry in entries)
    manifest = Manifest(clips, tuple(problems), matched.info, matched.folder.root, subset_of)
    return with_start_times(manifest, request, matched.folder)


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
