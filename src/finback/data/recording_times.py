"""Start times of all recordings of a manifest: how many are known, from where, and notes on the others.

`--time-pattern` and `--time-zone` (`IndexRequest.time_pattern`, `.time_zone`) are kept with the manifest, in
the same sentence as the counts, so that a result says how its times came about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from finback.core.errors import InputError
from finback.core.types import Recording
from finback.data.file_matching import AudioFolder
from finback.data.manifest import Manifest
from finback.data.problems import Problem
from finback.data.sources.base import IndexRequest

KIND = "start_time"
SHOWN = 6  # sources or reasons that the sentence names


def check_pattern(request: IndexRequest, folder: AudioFolder) -> None:
    """Raises `InputError` when the pattern matches no file name, before any recording is opened."""
    if request.time_pattern is None or _matched(request, folder):
        return
    raise InputError(
        f"--time-pattern {request.time_pattern}: matches none of {len(folder.files)} file names, "
        f"for example not {folder.files[0].name}",
        "write the form of the time as in the names, for example '%Y%m%d_%H%M%S'",
    )


def with_start_times(manifest: Manifest, request: IndexRequest, folder: AudioFolder) -> Manifest:
    """The manifest with notes on start times, and with the sentence on them in `manifest.source`."""
    recordings = recordings_of(manifest)
    notes = [*_pattern_notes(request, folder), *_notes(recordings, manifest)]
    source = replace(manifest.source, start_times=sentence(recordings, request))
    return replace(manifest, problems=(*manifest.problems, *notes), source=source)


def recordings_of(manifest: Manifest) -> list[Recording]:
    """Each real recording once, in the order of the clips."""
    return list({c.recording.path: c.recording for c in manifest.clips if not c.synthetic}.values())


def counted(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Numbers of known start times by source, and of unknown ones by reason, for JSON."""
    known = Counter(r.start_time_source for r in recordings if r.start_time is not None)
    unknown = Counter(r.start_time_source for r in recordings if r.start_time is None)
    return {"known": dict(known.most_common()), "unknown": dict(unknown.most_common())}


def sentence(recordings: Sequence[Recording], request: IndexRequest) -> str:
    """`4 of 5 recordings known (GUANO: 2; ...), 1 unknown (the clock was never set: 1)`, and the
    pattern and the zone that the user gave."""
    tally = counted(recordings)
    n_known, n_unknown = (sum(tally[key].values()) for key in ("known", "unknown"))
    parts = [f"{n_known} of {len(recordings)} recordings known{_named(tally['known'])}"]
    if n_unknown:
        parts.append(f"{n_unknown} unknown{_named(tally['unknown'])}")
    given = {"--time-pattern": request.time_pattern, "--time-zone": request.time_zone}
    options = [f"{option} {value}" for option, value in given.items() if value is not None]
    return ", ".join(parts) + (f"; given: {', '.join(options)}" if options else "")


def _named(tally: dict[str, int]) -> str:
    shown = [f"{what}: {n}" for what, n in list(tally.items())[:SHOWN]]
    more = [f"others: {sum(list(tally.values())[SHOWN:])}"] if len(tally) > SHOWN else []
    return f" ({'; '.join(shown + more)})" if tally else ""


def _matched(request: IndexRequest, folder: AudioFolder) -> list[str]:
    return [path.name for path in folder.files if request.times.named(path.name)]


def _pattern_notes(request: IndexRequest, folder: AudioFolder) -> list[Problem]:
    if request.time_pattern is None:
        return []
    matched = set(_matched(request, folder))
    others = [path for path in folder.files if path.name not in matched]
    if not others:
        return []
    n = sum(path.name in matched for path in folder.files)
    share = f"{n} of {len(folder.files)} file names"
    message = f"--time-pattern {request.time_pattern} matches {share}, not this one"
    return [Problem(KIND, folder.name(others[0]), None, message, "such names are read without the pattern")]


def _notes(recordings: Sequence[Recording], manifest: Manifest) -> list[Problem]:
    """One note for all recordings whose times have one source, or are unknown for one reason."""
    alike: dict[tuple[bool, str], list[Recording]] = {}
    for recording in recordings:
        if recording.start_time_remark:
            key = (recording.start_time is None, recording.start_time_source)
            alike.setdefault(key, []).append(recording)
    files = {c.recording.path: manifest.file_of(c) for c in manifest.clips}
    notes = []
    for members in alike.values():
        message, _, advice = members[0].start_time_remark.rpartition("; ")
        more = f" (and {len(members) - 1} more like this one)" if len(members) > 1 else ""
        notes.append(Problem(KIND, files[members[0].path], None, message + more, advice))
    return notes
