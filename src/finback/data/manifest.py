"""The manifest: the labelled spans of the recordings with their species, and the problems of the labels.

`Manifest.save` writes `manifest.csv` and, in the same folder, `problems.json` (the problems, the source, the
audio folder, duty cycles). `manifest.csv` opens in a spreadsheet and is also a labels file for the `folder`
source. `Manifest.load` returns an equal manifest, because positions are written as whole native samples.

A manifest can come from anybody. Its paths are followed only if it was written here, or if its recordings
were found in folders that the user named (`core/runs/named_folders.py`); else `Recording.located` is False.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from finback.core.errors import AudioError, ManifestError, RunError
from finback.core.runs.data_documents import ProblemsFile
from finback.core.runs.documents import read_document
from finback.core.runs.files import PROBLEMS
from finback.core.runs.named_folders import Named, identity, place, recall, remember, root_of
from finback.core.storage.csv_files import parse_csv, whole_number, write_csv
from finback.core.storage.files import write_json
from finback.core.types import Clip, Labels, Recording
from finback.data.problems import Problem as Problem

COLUMNS = (
    "file",
    "species",
    "group",
    "start",  # native samples, included
    "stop",  # native samples, excluded
    "channel",  # from 0; empty: the mean of all channels
    "start_s",
    "end_s",
    "split",
    "sample_rate",
    "n_samples",
    "n_channels",
    "recording_id",
    "start_time",  # ISO 8601, UTC; empty: unknown
    "source",
    "licence",
)
CALLED = "called"  # an extra column where rare species were pooled: the species in the labels
TIME_SOURCE = "start_time_source"  # an extra column where start times are known: where each is from
SYNTHETIC = "synthetic"  # an extra column where there are generated clips: true for them, else empty
AGAIN = "index the recordings again: finback index"


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The source of recordings and labels, its terms, and why finback chose this source."""

    name: str
    licence: str
    citation: str
    url_hint: str = ""
    chosen: str = ""  # "asked for", or the reason of `auto`
    start_times: str = ""  # how many start times are known and from where; the pattern and the zone given


@dataclass(frozen=True, slots=True)
class ModelProvenance:
    """A model behind synthetic clips, and the recordings (content hashes) in its training set."""

    role: str  # generator, vocoder, classifier, or original: the clip that was varied
    name: str
    recordings: frozenset[str]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ModelProvenance:
        role = "classifier" if row["role"] == "judge" else row["role"]  # as version 0.1.0 called it
        return cls(role, row["name"], frozenset(row["recordings"]))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"role": self.role, "name": self.name, "recordings": sorted(self.recordings)}


@dataclass(frozen=True)
class Manifest:
    """Labelled clips in the order of the labels file, and the problems of the labels and recordings.

    `subset_of` is the `split` column of the labels: train, val, test or "" (no set) for each clip; None when
    the labels name no sets. `finback.data.rare` fills `rare` and `called`: the number of clips of each rare
    species, and the species that the labels give each clip (None when no species were pooled). `provenance`
    names the models behind the synthetic clips (`finback.data.provenance`).
    """

    clips: tuple[Clip, ...]
    problems: tuple[Problem, ...]
    source: SourceInfo
    audio: Path  # absolute
    subset_of: tuple[str, ...] | None = None
    rare: Mapping[str, int] = field(default_factory=dict)
    called: tuple[str, ...] | None = None
    provenance: tuple[ModelProvenance, ...] = ()

    @property
    def labels(self) -> Labels:
        """All species, sorted by name."""
        return Labels.of(self.clips)

    @property
    def fingerprint(self) -> str:
        """16 hex digits of sounds, species and groups; not of paths, nor of the order of the rows."""
        return fingerprint_of(self.clips)

    def species_counts(self) -> dict[str, int]:
        """Number of clips of each species, the most frequent first."""
        tally = Counter(clip.label or "" for clip in self.clips)
        return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))

    def only(self, clips: Sequence[Clip]) -> Manifest:
        """The manifest with only the clips that are in `clips`."""
        wanted = set(clips)
        kept = [i for i, clip in enumerate(self.clips) if clip in wanted]
        subset_of = None if self.subset_of is None else tuple(self.subset_of[i] for i in kept)
        return replace(self, clips=tuple(self.clips[i] for i in kept), subset_of=subset_of)

    def file_of(self, clip: Clip) -> str:
        """The clip's file as the manifest names it: relative to the audio folder, with forward slashes."""
        return _name(clip.recording.path, self.audio)

    def save(self, path: Path) -> None:
        """Write the table at `path` and `problems.json` in the same folder, each file whole or not at all."""
        path = Path(path)
        subsets = self.subset_of or ("",) * len(self.clips)
        rows = [_cells(c, subset, self.file_of(c)) for c, subset in zip(self.clips, subsets, strict=True)]
        schedules = {
            self.file_of(c): [[first, time.isoformat()] for first, time in c.recording.schedule]
            for c in self.clips
            if c.recording.schedule
        }
        details = {
            "source": asdict(self.source),
            "audio": str(self.audio),
            "has_split": self.subset_of is not None,
            "fingerprint": self.fingerprint,
            "problems": [problem.as_dict() for problem in self.problems],
            "schedules": schedules,
            "rare": dict(self.rare),
            **({"provenance": [model.as_dict() for model in self.provenance]} if self.provenance else {}),
        }
        write_json(path.with_name(PROBLEMS), details)
        header = list(COLUMNS)
        if any(c.recording.start_time for c in self.clips):
            header.append(TIME_SOURCE)
            rows = [[*row, c.recording.start_time_source] for row, c in zip(rows, self.clips, strict=True)]
        if self.called is not None:
            header.append(CALLED)
            rows = [[*row, name] for row, name in zip(rows, self.called, strict=True)]
        if any(c.synthetic for c in self.clips):
            header.append(SYNTHETIC)
            marks = ["true" if c.synthetic else "" for c in self.clips]
            rows = [[*row, mark] for row, mark in zip(rows, marks, strict=True)]
        write_csv(path, header, rows)
        if all(c.recording.located for c in self.clips):
            remember(identity(path.read_bytes(), str(self.audio)), Named(self.audio))

    @classmethod
    def load(cls, path: Path, audio: Path | None = None) -> Manifest:
        """Read a table of `save`; `audio` is the folder where the recordings are now, if they moved.

        Paths that lead out of a given `audio` are not followed, unless the manifest was written here. Raises
        `ManifestError` when the table is not a manifest, or is no longer a valid one.
        """
        path = Path(path)
        try:
            details = read_document(path.with_name(PROBLEMS), ProblemsFile)
        except RunError as error:
            raise ManifestError(error.problem, AGAIN) from None
        content, rows = _rows(path)
        named = recall(identity(content, str(details["audio"])))
        root = root_of(details["audio"], named) if audio is None else Path(audio).resolve()
        problems = tuple(Problem(**_only(Problem, problem)) for problem in details["problems"])
        source = SourceInfo(**_only(SourceInfo, details["source"]))
        has_split, schedules = details["has_split"], details["schedules"]
        rare = dict(details.get("rare", {}))
        provenance = tuple(ModelProvenance.of(row) for row in details.get("provenance", ()))
        recordings: dict[str, Recording] = {}
        clips = []
        for number, row in enumerate(rows, start=2):
            name = row["file"]
            try:
                if name not in recordings:
                    where, located = place(row, root, named, audio is not None)
                    recordings[name] = _recording(row, where, schedules.get(name, []), located)
                clips.append(_clip(row, recordings[name]))
            except (ValueError, TypeError, OverflowError, AudioError) as error:
                raise ManifestError(f"{path}: row {number} is damaged ({error})", AGAIN) from None
        subset_of = tuple(row["split"] for row in rows) if has_split else None
        called = tuple(row[CALLED] for row in rows) if rows and CALLED in rows[0] else None
        return cls(tuple(clips), problems, source, root, subset_of, rare, called, provenance)


def _only(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that the dataclass has; a newer version may have written more."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}


def fingerprint_of(clips: Sequence[Clip]) -> str:
    """16 hex digits of sounds, species and groups; the order of the clips does not matter."""
    rows = sorted([*c.key, c.label or "", c.group] + [SYNTHETIC] * c.synthetic for c in clips)
    return hashlib.blake2b(json.dumps(rows).encode(), digest_size=8).hexdigest()


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _cells(clip: Clip, subset: str, name: str) -> list[Any]:
    r = clip.recording
    channel = "" if clip.channel is None else clip.channel
    time = "" if r.start_time is None else r.start_time.isoformat()
    # Seconds are written in full (repr), so that seconds * rate rounds to the same sample again.
    span = [clip.start, clip.stop, channel, clip.start_s, clip.stop_s]
    recording = [r.sample_rate, r.n_samples, r.n_channels, r.id, time, r.source, r.licence]
    return [name, clip.label or "", r.group, *span, subset, *recording]


def _rows(path: Path) -> tuple[bytes, list[dict[str, str]]]:
    """The bytes of the table, and its rows."""
    try:
        content = path.read_bytes()
        # Not `read_table`, which corrects typed tables: here every character stays as it was written.
        header, rows = parse_csv(content.decode("utf-8-sig"))  # keeps line ends within names
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such manifest", AGAIN) from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: damaged ({error})", AGAIN) from None
    missing = [c for c in COLUMNS if c not in header]
    if missing:
        raise ManifestError(f"{path}: not a manifest (no column {', '.join(missing)})", AGAIN)
    return content, rows


def _recording(row: dict[str, str], path: Path, schedule: list[tuple[int, str]], located: bool) -> Recording:
    return Recording(
        id=row["recording_id"],
        path=path,
        sample_rate=whole_number(row["sample_rate"]),
        n_samples=whole_number(row["n_samples"]),
        n_channels=whole_number(row["n_channels"]),
        group=row["group"],
        start_time=datetime.fromisoformat(row["start_time"]) if row["start_time"] else None,
        schedule=tuple((int(first), datetime.fromisoformat(time)) for first, time in schedule),
        source=row["source"],
        licence=row["licence"],
        start_time_source=row.get(TIME_SOURCE) or "",
        located=located,
    )


def _clip(row: dict[str, str], recording: Recording) -> Clip:
    channel = whole_number(row["channel"]) if row["channel"] else None
    synthetic = row.get(SYNTHETIC) == "true"
    start, stop = whole_number(row["start"]), whole_number(row["stop"])
    return Clip(recording, start, stop, row["species"] or None, channel, synthetic)
