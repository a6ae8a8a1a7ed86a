"""The recordings of an evaluation in a folder of sound: their durations, and samples around an event."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finback.audio.io import probe
from finback.core.errors import AudioError, InputError
from finback.data.file_matching import AudioFolder, stem
from finback.evaluation.detections.names import parts_of
from finback.evaluation.detections.tables import EventTable, FileFacts


class Sounds:
    """Finds the sound file of a recording by its name: below a folder, else where the name says."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = None if folder is None else AudioFolder.scan(Path(folder))

    def find(self, name: str) -> Path | str:
        """The file, or the address. Raises `InputError` that says why there is none."""
        if "://" in name:
            return name
        if self._folder is None:
            path = Path(name)
            if not path.is_file():
                raise InputError(f"'{name}' is not there", "give the folder of the recordings with --audio")
            return path
        match = self._folder.match(name)
        if match.path is not None:
            return match.path
        if match.candidates:
            raise InputError(f"'{name}' can be {' or '.join(match.candidates[:3])}", "write its folders")
        # A name with folders of another machine: the longest end of it that is one file here.
        parts = name.replace("\\", "/").split("/")
        for first in range(1, len(parts)):
            end = self._folder.match("/".join(parts[first:]))
            if end.path is not None and stem(end.path.name).casefold() == parts_of(name)[-1]:
                return end.path
        raise InputError(f"'{name}' is not in {self._folder.root}", "give the folder that holds it")


def with_durations(table: EventTable, sounds: Sounds) -> EventTable:
    """The table with the durations of sound files, from their headers, where it states none."""
    facts = dict(table.files)
    missing: list[str] = []
    for name in {**dict.fromkeys(event.file for event in table.events), **facts}:
        said = facts.get(name, FileFacts())
        if said.heard_s is None:
            try:
                info = probe(sounds.find(name))
            except (AudioError, InputError) as error:
                missing.append(str(error))
                continue
            facts[name] = FileFacts(duration_s=info.n_samples / info.sample_rate).over(said)
    more = f"; {len(missing) - 1} more files" if len(missing) > 1 else ""
    notes = (f"no duration: {missing[0]}{more}",) if missing else ()
    return replace(table, files=facts, notes=(*table.notes, *notes))
