"""Events of a table placed in the recordings of a folder: full paths, UTC times, what Raven needs to know.

Names are matched as `finback index` matches them. An event of a recording that is not there stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from finback.audio.io import probe, start_of
from finback.audio.time_options import TimeOptions
from finback.core.errors import AudioError
from finback.core.types import Event
from finback.data.file_matching import AudioFolder
from finback.data.problems import Problem


@dataclass(frozen=True, slots=True)
class Found:
    """A recording of the folder, as a table needs it (`base.Sound`)."""

    path: str
    sample_rate: int
    n_samples: int
    start_time: datetime | None = None
    schedule: tuple[tuple[int, datetime], ...] = ()

    def time_at(self, seconds: float, is_end: bool) -> datetime | None:
        """UTC of a time in the file; the end of a duty cycle has the time before the sleep."""
        sample = round(seconds * self.sample_rate)
        first, start = 0, self.start_time
        for cycle, began in self.schedule:
            if cycle < sample or (cycle == sample and not is_end):
                first, start = cycle, began
        return None if start is None else start + timedelta(seconds=seconds - first / self.sample_rate)


def placed_in(
    folder: Path, events: Sequence[Event], times: TimeOptions
) -> tuple[tuple[Event, ...], tuple[Found, ...], tuple[Problem, ...]]:
    """The events, all recordings of the folder in the order of their paths, and problems.

    Raises `InputError` when there is no recording in the folder.
    """
    audio = AudioFolder.scan(folder)
    sounds: dict[Path, Found] = {}
    problems: list[Problem] = []
    for path in audio.files:
        try:
            info = probe(path)
        except AudioError as error:
            problems.append(Problem("unreadable", path.name, None, error.problem, error.repair))
            continue
        start, schedule = start_of(info, times)
        sounds[path] = Found(str(path), info.sample_rate, info.n_samples, start.utc, schedule)
    found: list[Event] = []
    missing: dict[str, int] = {}
    for event in events:
        match = audio.match(event.file)
        sound = None if match.path is None else sounds.get(match.path)
        if sound is None:
            missing[event.file] = missing.get(event.file, 0) + 1
            found.append(event)
        else:
            found.append(_in(sound, event))
    for file, count in missing.items():
        message = f"no such recording in the audio folder; {count} events stay as they are"
        problems.append(
            Problem("missing_file", file, None, message, "add the recording, or correct the name")
        )
    return tuple(found), tuple(sounds.values()), tuple(problems)


def _in(sound: Found, event: Event) -> Event:
    start, stop = event.start_time, event.stop_time
    return replace(
        event,
        file=sound.path,
        start_time=sound.time_at(event.start_s, is_end=False) if start is None else start,
        stop_time=sound.time_at(event.stop_s, is_end=True) if stop is None else stop,
    )
