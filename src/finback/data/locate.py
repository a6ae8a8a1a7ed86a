"""The recordings of a run folder, found by their content below folders that the user names.

    found = locate(Path("colleague/run"), [Path("audio")])
    found.located, found.missing       # numbers and names

The manifest of a run folder from elsewhere names files as they were there. None of these paths is opened.
Files below the named folders are compared by content: first those of the same name, then those of the same
length. Links that lead out of the named folders are not followed. What was found is remembered, so that later
commands on the same run folder find it too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.audio.content import content_id
from finback.audio.io import is_sound, probe
from finback.core.errors import AudioError, InputError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import PROBLEMS, RunFiles
from finback.core.runs.named_folders import Named, identity, recall, remember
from finback.core.storage.files import read_json
from finback.core.types import Recording
from finback.data.dataset import Dataset
from finback.data.manifest import Manifest


@dataclass(frozen=True)
class Found:
    """How many recordings of a run were found, the files that were not, and links that were not followed."""

    located: int
    missing: tuple[str, ...]
    links_out: tuple[Path, ...]

    def lines(self) -> list[str]:
        """The same in sentences."""
        total = self.located + len(self.missing)
        lines = [f"{self.located} of {total} recordings of the run were found by their content"]
        if self.missing:
            lines[0] += f"; not found: {', '.join(self.missing[:3])}" + (", ..." if total > 3 else "")
        if self.links_out:
            lines.append(
                f"{len(self.links_out)} links lead out of the named folders and were not followed "
                f"({self.links_out[0]}); name the folder that they lead to as well"
            )
        return lines


def locate(run: Path, folders: Sequence[Path], progress: Progress = no_progress) -> Found:
    """Find the recordings of a run below the folders, and remember them.

    Raises `InputError` when a folder is missing or none of the recordings is there, `ManifestError` when the
    run has no manifest.
    """
    path = RunFiles(run).manifest
    wanted = {c.recording.id: c.recording for c in Manifest.load(path).clips}
    links: list[Path] = []
    files = list(_files(folders, links))
    found: dict[str, Path] = {}
    for file in progress(_candidates(files, wanted.values()), "looking for recordings", None):
        if len(found) == len(wanted):
            break
        try:
            found.setdefault(content_id(file), file)
        except AudioError:  # it is no recording of this run
            continue
    found = {name: file for name, file in found.items() if name in wanted}
    if not found:
        names = ", ".join(str(folder) for folder in folders)
        raise InputError(
            f"{names}: none of the {len(wanted)} recordings of {run} is there, by content",
            "name the folder that holds the very files that the run was trained on",
        )
    key = _key(path)
    before = recall(key) or Named()
    remember(key, Named(before.audio, {**before.found, **found}))
    missing = [recording.path.name for name, recording in wanted.items() if name not in found]
    return Found(len(found), tuple(sorted(missing)), tuple(links))


def remember_dataset(manifest: Path, dataset: Dataset) -> None:
    """For a run that is there already: the recordings of its clips are where the dataset has them now."""
    clips = dataset.clips
    if not manifest.is_file() or not all(clip.recording.located for clip in clips):
        return
    key = _key(manifest)
    named = recall(key) or Named()
    if named.audio != dataset.audio:
        found = {clip.recording.id: clip.recording.path for clip in clips}
        remember(key, Named(named.audio, {**named.found, **found}))


def _key(manifest: Path) -> bytes:
    details = read_json(manifest.with_name(PROBLEMS))
    return identity(manifest.read_bytes(), str(details.get("audio")))


def _files(folders: Sequence[Path], links: list[Path]) -> Iterator[Path]:
    """Sound files below the folders, real paths; `links` takes the links that lead out."""
    roots = [Path(os.path.realpath(folder)) for folder in folders]
    for root, given in zip(roots, folders, strict=True):
        if not root.is_dir():
            raise InputError(f"--recordings {given}: no such folder", "give the folder of the recordings")
        for parent, _, names in os.walk(root):
            for name in sorted(names):
                path = Path(parent, name)
                real = Path(os.path.realpath(path))
                if not is_sound(name):
                    continue
                if any(real.is_relative_to(other) for other in roots):
                    yield real
                else:
                    links.append(path)


def _candidates(files: Sequence[Path], wanted: Iterable[Recording]) -> Iterator[Path]:
    """Files with the name of a wanted recording, then those with the length and rate of one."""
    wanted = list(wanted)
    names = {recording.path.name for recording in wanted}
    yield from (file for file in files if file.name in names)
    lengths = {(recording.sample_rate, recording.n_samples) for recording in wanted}
    for file in files:
        try:
            info = probe(file)
        except AudioError:
            continue
        if (info.sample_rate, info.n_samples) in lengths:
            yield file
