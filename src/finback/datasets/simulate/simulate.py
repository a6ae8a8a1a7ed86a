"""Simulated recordings: what the demo and the tests run on, made without a network or a data set.

    out/audio/fin-whale-t1-c0001.flac ...    clips, or    out/SIM_20260101_000000.wav    one long recording
    out/labels.csv        file, species, group                    (clips; what a user has)
    out/truth.csv         file, start_s, end_s, species, low_hz, high_hz, snr_db
    out/simulation.json   the settings; the same settings in the same folder are not simulated again

Each species has its own tapes (`channel`), each clip its own individual (`calls`). SNR is defined in
`snr`; `snr_db` in truth.csv is what each call was set to. Every tape, clip and call has a seed of its own,
made from the seed and its species, so the same settings give the same bytes and adding a species leaves
the others as they were.
"""

from __future__ import annotations

import csv
import io
import math
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from finback.audio import io as audio_io
from finback.core.errors import InputError
from finback.core.files import read_json, write_atomic, write_json
from finback.core.progress import Progress, no_progress
from finback.core.settings import Frozen
from finback.datasets.simulate.calls import CALLS, call_kind
from finback.datasets.simulate.mixing import FULL, Event, Voice, lay, with_calls
from finback.datasets.simulate.tape import Channel, draw_channel

# Raise it when the same settings no longer give the same sound.
EDITION = 1
TRUTH = ("file", "start_s", "end_s", "species", "low_hz", "high_hz", "snr_db")
# What a seed is for, so that no two draws share one.
CHANNEL, NOISE, CALL, PLACE = range(4)
LONGEST = 1 << 22  # samples of a call in a recording, 87 s at 48 kHz; bounds the memory at high rates


class _Settings(Frozen):
    species: tuple[str, ...] | None = None  # None = every one that can be simulated
    snr_db: tuple[float, float] = (6.0, 20.0)  # drawn evenly between, for each call
    seed: int = Field(0, ge=0)

    @field_validator("species")
    @classmethod
    def _known(cls, species: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in species or ():
            if name not in CALLS:
                raise ValueError(f"no simulated call of '{name}'; there are: {', '.join(CALLS)}")
        if species is not None and (not species or len(set(species)) < len(species)):
            raise ValueError("name at least one species, each once")
        return species

    @field_validator("snr_db")
    @classmethod
    def _rising(cls, snr_db: tuple[float, float]) -> tuple[float, float]:
        if not -40 <= snr_db[0] <= snr_db[1] <= 60:
            raise ValueError("give the lower SNR first, both within -40 to 60 dB")
        return snr_db


class ClipSettings(_Settings):
    """Labelled clips, `clips_per_species` of each species, spread over its tapes."""

    clips_per_species: int = Field(20, ge=1, le=9999)
    tapes_per_species: int = Field(4, ge=1)
    duration_s: tuple[float, float] = (0.8, 4.0)
    suffix: Literal[".flac", ".wav"] = ".flac"

    @model_validator(mode="after")
    def _consistent(self) -> ClipSettings:
        if self.tapes_per_species > self.clips_per_species:
            raise ValueError(
                f"{self.tapes_per_species} tapes need as many clips, not {self.clips_per_species}"
            )
        if not 0.1 <= self.duration_s[0] <= self.duration_s[1] <= 60:
            raise ValueError("duration_s: give the shorter first, both within 0.1 to 60 s")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.species or tuple(CALLS)


class RecordingSettings(_Settings):
    """One long recording of one tape, calls of all its species scattered over it."""

    minutes: float = Field(10.0, gt=0)
    calls_per_minute: float = Field(4.0, ge=0, le=600)
    sample_rate: int = Field(48_000, ge=1000, le=400_000)  # Hz
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    suffix: Literal[".wav", ".flac"] = ".wav"

    @model_validator(mode="after")
    def _consistent(self) -> RecordingSettings:
        if self.start.utcoffset() != timedelta(0):
            raise ValueError("start must be in UTC, e.g. 2026-01-01T00:00:00Z")
        for name in self.species or ():
            if CALLS[name].min_rate > self.sample_rate:
                raise ValueError(f"{name} needs a sample rate of {CALLS[name].min_rate} Hz or more")
        if self.suffix == ".wav" and 2 * self.n_samples >= 2**32 - 4096:
            raise ValueError("a WAV file ends at 4 GiB; make it shorter or take suffix .flac")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.species or tuple(n for n, kind in CALLS.items() if kind.min_rate <= self.sample_rate)

    @property
    def n_samples(self) -> int:
        return math.ceil(self.minutes * 60 * self.sample_rate)


def simulate_clips(out: Path, settings: ClipSettings | None = None, progress: Progress = no_progress) -> Path:
    """Clips in out/audio, out/truth.csv and, last, out/labels.csv, whose path is returned.

    Raises `InputError` when `out` holds anything else, `FinbackError` when it cannot be written.
    """
    settings = settings or ClipSettings()
    out, labels = Path(out), Path(out) / "labels.csv"
    if _begun(out, "clips", settings) and _whole(labels, out / "audio"):
        return labels
    rows, truth = [], []
    tapes = [(name, tape) for name in settings.names for tape in range(settings.tapes_per_species)]
    for species, tape in progress(tapes, "simulating tapes", len(tapes)):
        group = f"{_slug(species)}-t{tape + 1}"
        channel = _tape(settings, species, tape)
        for clip in range(tape, settings.clips_per_species, settings.tapes_per_species):
            name = f"{group}-c{clip + 1:04d}{settings.suffix}"
            sound, event = _clip(settings, channel, species, tape, clip)
            audio_io.write(out / "audio" / name, channel.digitise(sound), channel.sample_rate)
            rows.append((name, species, group))
            truth.append(event.row(name, channel.sample_rate))
    _write_csv(out / "truth.csv", TRUTH, truth)
    _write_csv(labels, ("file", "species", "group"), rows)
    return labels


def simulate_recording(
    out: Path, settings: RecordingSettings | None = None, progress: Progress = no_progress
) -> Path:
    """A recording out/SIM_<start>.wav and, last, out/truth.csv, whose path is returned.

    Written in blocks: memory is that of a few seconds and of the calls under way, whatever the length.
    Raises `InputError` when `out` holds anything else, `FinbackError` when it cannot be written.
    """
    settings = settings or RecordingSettings()
    out, truth = Path(out), Path(out) / "truth.csv"
    name = f"SIM_{settings.start:%Y%m%d_%H%M%S}{settings.suffix}"
    if _begun(out, "recording", settings) and truth.is_file() and (out / name).is_file():
        return truth
    kinds = [call_kind(species) for species in settings.names]
    channel = draw_channel(
        np.random.default_rng(_seed(settings, "", CHANNEL)),
        min(kind.low_hz for kind in kinds),
        max(kind.min_rate for kind in kinds),
        settings.snr_db[1],
        settings.sample_rate,
    )
    events = _plan(settings, channel)
    noise = channel.noise(_seed(settings, "", NOISE), 0, settings.n_samples)
    n_blocks = math.ceil(settings.n_samples / channel.block_samples)
    with audio_io.writer(out / name, settings.sample_rate) as file:
        for block in progress(with_calls(noise, events, channel), "simulating recording", n_blocks):
            file.write(channel.digitise(block))
    _write_csv(truth, TRUTH, [event.row(name, settings.sample_rate) for event in events])
    return truth


def _tape(settings: ClipSettings, species: str, tape: int) -> Channel:
    rng = np.random.default_rng(_seed(settings, species, tape, CHANNEL))
    kind = call_kind(species)
    return draw_channel(rng, kind.low_hz, kind.min_rate, settings.snr_db[1])


def _clip(
    settings: ClipSettings, channel: Channel, species: str, tape: int, clip: int
) -> tuple[np.ndarray, Event]:
    """Sound (n,) of one clip before rounding, and its call."""
    rng = np.random.default_rng(_seed(settings, species, tape, PLACE, clip))
    rate = channel.sample_rate
    n = round(rng.uniform(*settings.duration_s) * rate)
    # Clips lie half a minute apart on their tape, or more, as the cuts of a long recording do.
    first = clip // settings.tapes_per_species * max(30, math.ceil(settings.duration_s[1])) * rate
    noise = channel.noise(_seed(settings, species, tape, NOISE), first, first + n)
    sound = np.concatenate(list(noise))
    voice = Voice(species, _seed(settings, species, tape, CALL, clip), n)
    call = voice.on(channel)
    start = int(rng.integers(0, n - len(call) + 1))
    room = FULL - float(np.abs(sound).max())
    event = lay(voice, channel, call, start, rng.uniform(*settings.snr_db), room)
    sound[event.start : event.stop] += np.float32(event.gain) * call
    return sound, event


def _plan(settings: RecordingSettings, channel: Channel) -> list[Event]:
    """The calls of a recording in order of time. Each is made here for its level, and let go."""
    rng = np.random.default_rng(_seed(settings, "", PLACE))
    total = settings.n_samples
    onsets = np.sort(rng.integers(0, total, size=round(settings.calls_per_minute * settings.minutes)))
    events: list[Event] = []
    near: list[Event] = []
    for i, onset in enumerate(onsets.tolist()):
        voice = Voice(str(rng.choice(settings.names)), _seed(settings, "", CALL, i), min(total, LONGEST))
        call = voice.on(channel)
        start = min(onset, total - len(call))
        # Should all the calls that it meets peak at once, the sum must still fit.
        near = [e for e in near if e.stop > onset - LONGEST]
        taken = sum(e.peak for e in near if e.start < start + len(call) and start < e.stop)
        room = max(FULL - channel.noise_peak - taken, 1e-6)
        events.append(lay(voice, channel, call, start, rng.uniform(*settings.snr_db), room))
        near.append(events[-1])
    return sorted(events, key=lambda event: event.start)


def _seed(settings: _Settings, species: str, *key: int) -> np.random.SeedSequence:
    """A seed that depends on the species' name, not on its place in the list."""
    return np.random.SeedSequence(settings.seed, spawn_key=(zlib.crc32(species.encode()), *key))


def _slug(species: str) -> str:
    return "-".join("".join(c for c in species.lower() if c.isalnum() or c == " ").split())


def _begun(out: Path, kind: str, settings: _Settings) -> bool:
    """Whether this very simulation was begun in `out` before; notes it there if not. Refuses other files."""
    note = {"kind": kind, "edition": EDITION, "settings": settings.model_dump(mode="json")}
    path = out / "simulation.json"
    if path.is_file():
        if read_json(path) == note:
            return True
        raise InputError(
            f"{out}: holds a simulation with other settings", "choose another folder or remove it"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not empty", "choose a new folder for the simulation")
    write_json(path, note)
    return False


def _whole(labels: Path, audio: Path) -> bool:
    """Whether every file that labels.csv names is there."""
    if not labels.is_file():
        return False
    with open(labels, newline="", encoding="utf-8") as file:
        return all((audio / row["file"]).is_file() for row in csv.DictReader(file))


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomic(path, text.getvalue())
