"""The central types. The main idea: a clip is a span of a recording.

A labelled training example and a window of a 24-hour file are both a `Clip`, so training, evaluation
and scanning share one path from samples to scores. Positions are native integer samples, never seconds;
no type here holds audio. All are frozen; all refuse impossible values when they are created.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from finback.core.errors import AudioError, LeakError, ManifestError
from finback.core.text import plain_label

Subset = Literal["train", "val", "test"]  # training set, validation set, test set
SUBSETS: tuple[Subset, ...] = ("train", "val", "test")
SUBSET_WORDS = {"train": "training set", "val": "validation set", "test": "test set"}


@dataclass(frozen=True, slots=True)
class Recording:
    """One sound file: where it is, what it is, and what must not be split from it.

    `id` is the content hash. `group` names the tape, deployment or site-day whose clips must stay in one
    set of a split; "" means unknown. `start_time` is UTC, or None when unknown. `schedule` lists the
    (first sample, UTC time) of each duty-cycle segment, for recorders that sleep (HARP x.wav). `remarks` say
    what was repaired, guessed or left out when the file was opened ("what; advice", without the path).
    `located` is False for a recording of a run folder from elsewhere that was not found in the folders that
    the user named: its path is then only a name, which is never opened.
    `start_time_source` says where the start time is from or why it is unknown, `start_time_remark` more.
    """

    id: str
    path: Path
    sample_rate: int  # Hz
    n_samples: int  # per channel
    n_channels: int = 1
    group: str = ""
    start_time: datetime | None = None
    schedule: tuple[tuple[int, datetime], ...] = ()
    source: str = "folder"
    licence: str = "unknown"
    remarks: tuple[str, ...] = field(default=(), compare=False)
    located: bool = True
    start_time_source: str = field(default="", compare=False)
    start_time_remark: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 10 <= self.sample_rate <= 1_000_000:
            raise AudioError(
                f"{self.path}: sample rate {self.sample_rate} Hz is outside 10 Hz to 1 MHz",
                "check the file's header, or resample it",
            )
        if self.n_samples <= 0 or self.n_channels <= 0:
            raise AudioError(
                f"{self.path}: holds no samples", "copy it again from the recorder, or leave it out"
            )
        if self.start_time is not None and self.start_time.utcoffset() != timedelta(0):
            raise AudioError(
                f"{self.path}: start time {self.start_time} is not UTC", "give it in UTC or not at all"
            )

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate

    def time_at(self, sample: int) -> datetime | None:
        """UTC time of a sample, through the duty-cycle schedule if there is one; None when unknown."""
        first, start = 0, self.start_time
        for segment_first, segment_start in self.schedule:
            if segment_first <= sample:
                first, start = segment_first, segment_start
        return None if start is None else start + timedelta(seconds=(sample - first) / self.sample_rate)


@dataclass(frozen=True, slots=True)
class Clip:
    """Samples `start` (included) to `stop` (excluded) of a recording, and the species in them.

    `channel` None means the mean of all channels. `label` None means not labelled. `synthetic` marks
    generated sound, which may only ever be trained on.
    """

    recording: Recording
    start: int
    stop: int
    label: str | None = None
    channel: int | None = None
    synthetic: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= self.recording.n_samples:
            raise AudioError(
                f"{self.recording.path}: span {self.start}-{self.stop} is not inside "
                f"0-{self.recording.n_samples}",
                "give a start before its end, both within the file",
            )
        if self.channel is not None and not 0 <= self.channel < self.recording.n_channels:
            raise AudioError(
                f"{self.recording.path}: no channel {self.channel}",
                f"it has {self.recording.n_channels}, counted from 0",
            )

    @property
    def n_samples(self) -> int:
        return self.stop - self.start

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.recording.sample_rate

    @property
    def start_s(self) -> float:
        return self.start / self.recording.sample_rate

    @property
    def stop_s(self) -> float:
        return self.stop / self.recording.sample_rate

    @property
    def group(self) -> str:
        return self.recording.group

    @property
    def group_key(self) -> str:
        """The recording group that must not be split; the recording itself if its group is unknown."""
        return self.recording.group or self.recording.id

    @property
    def key(self) -> tuple[str, int, int, int]:
        """Identifies the sound, whatever the file's name: content, span, channel (-1 for the mean)."""
        return (self.recording.id, self.start, self.stop, -1 if self.channel is None else self.channel)

    def in_group(self, group: str) -> Clip:
        return replace(self, recording=replace(self.recording, group=group))


@dataclass(frozen=True, slots=True)
class Event:
    """One sound event: a label between two times of a recording, and perhaps a band.

    A detection, an annotation and a placed call are all events. Times are seconds from the beginning of the
    file, each from one division of an integer sample, never summed. None: not known, or not stated.
    """

    file: str  # path or address as stated; "": the table names none
    start_s: float
    stop_s: float
    label: str
    low_hz: float | None = None
    high_hz: float | None = None
    channel: int | None = None  # from 0; None: the mean of all channels, or not stated
    score: float | None = None  # 0 to 1: the confidence of the event
    mean_score: float | None = None  # 0 to 1: the mean over its windows
    snr_db: float | None = None
    start_time: datetime | None = None  # UTC of its start
    stop_time: datetime | None = None  # UTC of its end

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.stop_s < float("inf"):
            raise ManifestError(
                f"{self.file or 'an event'}: times {self.start_s:g} to {self.stop_s:g} s",
                "give a start of 0 s or later, and an end that is not before it",
            )

    @property
    def duration_s(self) -> float:
        return self.stop_s - self.start_s


@dataclass(frozen=True, slots=True)
class Labels:
    """The species of a model, in the order of its outputs."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise ManifestError("no species: the label set is empty", "label at least one clip")
        if len(set(self.names)) != len(self.names):
            raise ManifestError("a species is in the label set twice", "spell each species one way")

    @classmethod
    def of(cls, clips: Iterable[Clip]) -> Labels:
        return cls(tuple(sorted({c.label for c in clips if c.label is not None})))

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def index(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise ManifestError(f"unknown species '{name}'", "known: " + ", ".join(self.names)) from None

    def own_names(self, names: Iterable[str]) -> dict[str, str]:
        """The name here of each given name that is here in any spelling; none for one that could be two."""
        alike: dict[str, list[str]] = {}
        for name in self.names:
            alike.setdefault(plain_label(name), []).append(name)
        found = {name: [name] if name in self else alike.get(plain_label(name), []) for name in names}
        return {name: own[0] for name, own in found.items() if len(own) == 1}

    def targets(self, clips: Sequence[Clip]) -> np.ndarray:
        """Class ids (N,) int64 of labelled clips."""
        position = {name: i for i, name in enumerate(self.names)}
        try:
            return np.array([position[c.label or ""] for c in clips], dtype=np.int64)
        except KeyError as error:
            raise ManifestError(f"unknown species {error}", "known: " + ", ".join(self.names)) from None


@dataclass(frozen=True, slots=True)
class Split:
    """Training, validation and test set.

    Refuses a group in two sets unless `by="clip"` was asked for by name, and always refuses synthetic clips
    outside the training set. `set_aside` holds clips that must not be in any set: they share a group
    with clips of the validation or test set, but their species cannot be tested.
    """

    train: tuple[Clip, ...]
    val: tuple[Clip, ...] = ()
    test: tuple[Clip, ...] = ()
    by: Literal["group", "clip"] = "group"
    set_aside: tuple[Clip, ...] = ()

    def __post_init__(self) -> None:
        for name in ("val", "test"):
            if any(c.synthetic for c in self.subset(name)):
                raise LeakError(
                    f"synthetic clips in the {SUBSET_WORDS[name]}", "generated sound may only be trained on"
                )
        if self.by == "group":
            seen: dict[str, str] = {}
            for name in SUBSETS:
                for clip in self.subset(name):
                    group = clip.group_key
                    if seen.setdefault(group, name) != name:
                        raise LeakError(
                            f"group '{group}' is in the {SUBSET_WORDS[seen[group]]} and in the "
                            f"{SUBSET_WORDS[name]}",
                            "split by group, or ask for --by clip by name",
                        )

    def subset(self, name: str) -> tuple[Clip, ...]:
        """The clips of `train`, `val` or `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


NONE = "none of these"  # the class of sounds that are of no species of the model


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (N, K) -> probabilities (N, K) float64; rows sum to 1."""
    z = logits.astype(np.float64)
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def with_none(logits: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Logits (N, K) of species and log odds (N,) of any of them -> (N, K + 1) float32 log probabilities.

    The last one is that of none of them. The softmax of the first K is that of `logits`.
    """
    z = logits.astype(np.float64)
    top = z.max(axis=1, keepdims=True)
    species = z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    known, none = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
    return np.concatenate([species + known[:, None], none[:, None]], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Calibrated logits (N, K) of N clips over K labels; probabilities are their softmax."""

    clips: tuple[Clip, ...]
    labels: Labels
    logits: np.ndarray = field(repr=False)  # (N, K) float32

    def __post_init__(self) -> None:
        if self.logits.shape != (len(self.clips), len(self.labels)):
            raise ValueError(
                f"logits {self.logits.shape} for {len(self.clips)} clips x {len(self.labels)} labels"
            )

    @property
    def probabilities(self) -> np.ndarray:
        """(N, K) float64, rows sum to 1."""
        return softmax(self.logits)
