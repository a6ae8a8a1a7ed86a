"""What is common to all formats: a table that was read, the entry of a format, the properties of a sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from finback.core.types import Event
from finback.data.problems import Problem

LOT = "all"  # the name of the table of all recordings
ALL = frozenset(
    (
        *("file", "label", "low_hz", "high_hz", "channel"),
        *("score", "mean_score", "snr_db", "start_time", "stop_time"),
    )
)
FIELD_WORDS = {
    "file": "the name of the recording",
    "label": "the label",
    "low_hz": "the low frequency",
    "high_hz": "the high frequency",
    "channel": "the channel",
    "score": "the score",
    "mean_score": "the mean score",
    "snr_db": "the SNR",
    "start_time": "the UTC time of the start",
    "stop_time": "the UTC time of the end",
}


@dataclass(frozen=True, slots=True)
class Annotations:
    """The events of one table, in its order.

    `problems` are the rows that were left out, with number and reason, and notes on what was guessed
    (`Problem.is_note`). An event of a table that names no recording has the recording that the name of the
    table gives (`dive3.selections.txt`: `dive3`).
    """

    events: tuple[Event, ...]
    format: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be used: the kind of the problem, what is wrong, and the repair."""

    kind: str
    message: str
    repair: str


class Sound(Protocol):
    """A recording, as far as a table needs it: `scan.ScannedFile` and `core.types.Recording` are such."""

    @property
    def path(self) -> str | Path: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def n_samples(self) -> int: ...


class FormatModule(Protocol):
    """The functions of a format's file."""

    def read(self, path: Path, label_column: str | None = None) -> Annotations:
        """The events of a table.

        `label_column` names the column of the labels, where the format leaves it open. Raises `InputError` or
        `ManifestError` when it is no table of this format.
        """
        ...

    def write(self, path: Path, events: Sequence[Event], sounds: Sequence[Sound] = ()) -> None:
        """Write a table whole or not at all. Fields that the format does not hold are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One entry of the registry. `tables`: what a scan writes, a table for each recording, or for all."""

    name: str
    what: str
    module: str
    suffix: str  # of a table, behind the name of its recording
    holds: frozenset[str]  # fields of `Event`
    tables: tuple[Literal["recording", "lot"], ...] = ("lot",)
    reads: bool = True
    writes: bool = True

    def lost(self, events: Sequence[Event]) -> tuple[str, ...]:
        """The fields, in words, that some events have and that the format does not hold."""
        missing = [name for name in FIELD_WORDS if name not in self.holds]
        return tuple(
            FIELD_WORDS[name]
            for name in missing
            if any(getattr(event, name) not in (None, "") for event in events)
        )
