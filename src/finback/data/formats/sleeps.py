"""Recorders that sleep (HARP duty cycles): an event cannot begin before a sleep and end after it.

The samples of all duty cycles stand one after another in the file, so an event across a border would be short
in the file and last for minutes or hours in the sea. Such an event is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from finback.core.errors import InputError
from finback.core.types import Event
from finback.data.formats.base import Sound

# Times of duty cycles are given in milliseconds; a cycle that begins so soon follows without a gap.
NO_GAP_S = 0.05


def slept_s(schedule: Sequence[tuple[int, datetime]], sample_rate: int, start: int, stop: int) -> float:
    """Seconds that the recorder slept between samples `start` (included) and `stop` (excluded) of a file.

    `schedule` lists the (first sample, UTC) of each duty cycle in order, as `Recording.schedule` does. 0.0
    for a span within one cycle, and across cycles that follow without a gap.
    """
    slept = 0.0
    for (first, began), (then, woke) in pairwise(schedule):
        if start < then < stop:
            gap = (woke - began).total_seconds() - (then - first) / sample_rate
            slept += gap if gap > NO_GAP_S else 0.0
    return slept


def refuse_sleeps(events: Iterable[Event], sounds: Sequence[Sound]) -> None:
    """Raises `InputError` that names the first event that spans a sleep of its recorder.

    Recordings without a schedule, and events of recordings that are not among `sounds`, are not looked at.
    """
    schedules = {str(sound.path): (getattr(sound, "schedule", ()), sound.sample_rate) for sound in sounds}
    for event in events:
        schedule, rate = schedules.get(event.file, ((), 1))
        slept = slept_s(schedule, rate, round(event.start_s * rate), round(event.stop_s * rate))
        if slept:
            span = f"'{event.label}' from {event.start_s:g} to {event.stop_s:g} s"
            message = f"{event.file}: the event {span} spans {slept:g} s in which the recorder slept"
            raise InputError(message, "cut it at the end of the duty cycle")
