"""Simulated recordings for the demo and the tests: they need no network and no data set.

    out/audio/fin-whale-t1-c0001.flac ...    clips, or    out/SIM_20260101_000000.wav    one long recording
    out/labels.csv        file, species, group                    (only with clips; what a user has)
    out/truth.csv         file, start_s, end_s, species, low_hz, high_hz, snr_db
    out/simulation.json   the settings; a finished simulation with the same settings is kept

Each species has its own tapes (`tape`), and each clip has a different individual (`calls`). `snr` defines the
SNR; `snr_db` in truth.csv is the SNR of each call. Every tape, clip and call has its own seed, which depends
on the seed of the settings and on the species. So the same settings give the same bytes, and one more species
does not change the others.
"""

from __future__ import annotations

import math
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from finback.audio import io as audio_io
from finback.core.errors import InputError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.settings import Frozen
from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.storage.files import read_json, write_json
from finback.core.storage.locks import only_writer
from finback.datasets.simulate.calls import CALLS, call_kind, call_name
from finback.datasets.simulate.mixing import FULL, PlacedCall, SimulatedCall, mix_calls, place_call
from finback.datasets.simulate.tape import TapeModel, draw_tape

# Increase it when the same settings no longer give the same sound.
EDITION = 1
TRUTH = ("file", "start_s", "end_s", "species", "low_hz", "high_hz", "snr_db")
# The purpose of a seed, so that no two draws have the same one.
TAPE, NOISE, CALL, PLACE = range(4)
LONGEST = 1 << 22  # samples of a call in a recording, 87 s at 48 kHz; limits the memory at high sample rates


class _Settings(Frozen):
    species: tuple[str, ...] | None = None  # None: all that can be simulated
    snr_db: tuple[float, float] = (6.0, 20.0)  # (lowest, highest); uniformly distributed, for each call
    seed: int = Field(0, ge=0, le=2**32 - 1)

    @field_validator("species")
    @classmethod
    def _known(cls, species: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if species is None:
            return None
        names = tuple(map(call_name, species))
        if not names or len(set(names)) < len(names):
            raise ValueError("name at least one species, and each only once")
        return names

    @field_validator("snr_db")
    @classmethod
    def _rising(cls, snr_db: tuple[float, float]) -> tuple[float, float]:
        if not -40 <= snr_db[0] <= snr_db[1] <= 60:
            raise ValueError("snr_db: give the lower value first, both from -40 to 60 dB")
        return snr_db


class ClipSettings(_Settings):
    """Labelled clips: `clips_per_species` of each species, distributed over its tapes."""

    clips_per_species: int = Field(20, ge=1, le=9999)
    tapes_per_species: int = Field(4, ge=1, le=9999)
    duration_s: tuple[float, float] = (0.8, 4.0)
    suffix: Literal[".flac", ".wav"] = ".flac"

    @model_validator(mode="after")
    def _consistent(self) -> ClipSettings:
        if self.tapes_per_species > self.clips_per_species:
            raise ValueError(
                f"{self.tapes_per_species} tapes need at least {self.tapes_per_species} clips, "
                f"not {self.clips_per_species}"
            )
        if not 0.1 <= self.duration_s[0] <= self.duration_s[1] <= 60:
            raise ValueError("duration_s: give the shorter value first, both from 0.1 to 60 s")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The species that are simulated."""
        return self.species or tuple(CALLS)


class RecordingSettings(_Settings):
    """One long recording of one tape, with calls of all its species at random times."""

    minutes: float = Field(10.0, gt=0, le=100_000)
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
            raise ValueError("a WAV file ends at 4 GiB; give fewer minutes, or suffix .flac")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The species that are simulated: by default all that the sample rate allows."""
        return self.species or tuple(n for n, kind in CALLS.items() if kind.min_rate <= self.sample_rate)

    @property
    def n_samples(self) -> int:
        """Length of the recording in samples."""
        return math.ceil(self.minutes * 60 * self.sample_rate)


def simulate_clips(out: Path, settings: ClipSettings | None = None, progress: Progress = no_progress) -> Path:
    """Write clips to out/audio, out/truth.csv and, last, out/labels.csv; return the path of labels.csv.

    Raises `InputError` when `out` contains other files, `FinbackError` when a file cannot be written.
    """
    settings = settings or ClipSettings()
    _check_empty(Path(out))
    with only_writer(out):
        return _write_clips(Path(out), settings, progress)


def _write_clips(out: Path, settings: ClipSettings, progress: Progress) -> Path:
    labels = out / "labels.csv"
    if _begun(out, "clips", settings) and _whole(labels, out / "audio"):
        return labels
    rows, truth = [], []
    tapes = [(name, tape) for name in settings.names for tape in range(settings.tapes_per_species)]
    for species, tape in progress(tapes, "simulating tapes", len(tapes)):
        group = f"{_slug(species)}-t{tape + 1}"
        tape_model = _tape(settings, species, tape)
        for clip in range(tape, settings.clips_per_species, settings.tapes_per_species):
            name = f"{group}-c{clip + 1:04d}{settings.suffix}"
            sound, event = _clip(settings, tape_model, species, tape, clip)
            audio_io.write(out / "audio" / name, tape_model.digitise(sound), tape_model.sample_rate)
            rows.append((name, species, group))
            truth.append(event.row(name, tape_model.sample_rate))
    write_csv(out / "truth.csv", TRUTH, truth)
    write_csv(labels, ("file", "species", "group"), rows)
    return labels


def simulate_recording(
    out: Path, settings: RecordingSettings | None = None, progress: Progress = no_progress
) -> Path:
    """Write a recording out/SIM_<start>.wav and, last, out/truth.csv; return the path of truth.csv.

    The recording is written in blocks: memory holds a few seconds and the calls of the current block,
    whatever the length. Raises `InputError` when `out` contains other files, `FinbackError` when a file
    cannot be written.
    """
    settings = settings or RecordingSettings()
    _check_empty(Path(out))
    with only_writer(out):
        return _write_recording(Path(out), settings, progress)


def _write_recording(out: Path, settings: RecordingSettings, progress: Progress) -> Path:
    truth = out / "truth.csv"
    name = f"SIM_{settings.start:%Y%m%d_%H%M%S}{settings.suffix}"
    if _begun(out, "recording", settings) and truth.is_file() and (out / name).is_file():
        return truth
    kinds = [call_kind(species) for species in settings.names]
    tape_model = draw_tape(
        np.random.default_rng(_seed(settings, "", TAPE)),
        min(kind.low_hz for kind in kinds),
        max(kind.min_rate for kind in kinds),
        settings.snr_db[1],
        settings.sample_rate,
    )
    events = _plan(settings, tape_model)
    noise = tape_model.noise(_seed(settings, "", NOISE), 0, settings.n_samples)
    n_blocks = math.ceil(settings.n_samples / tape_model.block_samples)
    with audio_io.writer(out / name, settings.sample_rate) as file:
        for block in progress(mix_calls(noise, events, tape_model), "simulating recording", n_blocks):
            file.write(tape_model.digitise(block))
    write_csv(truth, TRUTH, [event.row(name, settings.sample_rate) for event in events])
    return truth


def _tape(settings: ClipSettings, species: str, tape: int) -> TapeModel:
    rng = np.random.default_rng(_seed(settings, species, tape, TAPE))
    kind = call_kind(species)
    return draw_tape(rng, kind.low_hz, kind.min_rate, settings.snr_db[1])


def _clip(
    settings: ClipSettings, tape_model: TapeModel, species: str, tape: int, clip: int
) -> tuple[np.ndarray, PlacedCall]:
    """Sound (n,) float32 of one clip before rounding to bits, and its call."""
    rng = np.random.default_rng(_seed(settings, species, tape, PLACE, clip))
    rate = tape_model.sample_rate
    n = round(rng.uniform(*settings.duration_s) * rate)
    # Clips are at least half a minute apart on their tape, as the cuts of a long recording are.
    first = clip // settings.tapes_per_species * max(30, math.ceil(settings.duration_s[1])) * rate
    noise = tape_model.noise(_seed(settings, species, tape, NOISE), first, first + n)
    sound = np.concatenate(list(noise))
    call = SimulatedCall(species, _seed(settings, species, tape, CALL, clip), n)
    samples = call.received(tape_model)
    start = int(rng.integers(0, n - len(samples) + 1))
    headroom = FULL - float(np.abs(sound).max())
    event = place_call(call, tape_model, samples, start, rng.uniform(*settings.snr_db), headroom)
    sound[event.start : event.stop] += np.float32(event.gain) * samples
    return sound, event


def _plan(settings: RecordingSettings, tape_model: TapeModel) -> list[PlacedCall]:
    """The calls of a recording, sorted by time. Each is computed here for its level, and not kept in
    memory."""
    rng = np.random.default_rng(_seed(settings, "", PLACE))
    total = settings.n_samples
    onsets = np.sort(rng.integers(0, total, size=round(settings.calls_per_minute * settings.minutes)))
    events: list[PlacedCall] = []
    near: list[PlacedCall] = []
    for i, onset in enumerate(onsets.tolist()):
        name = str(rng.choice(settings.names))
        call = SimulatedCall(name, _seed(settings, "", CALL, i), min(total, LONGEST))
        samples = call.received(tape_model)
        start = min(onset, total - len(samples))
        # Even if all overlapping calls have their peaks at the same time, the sum must be below full scale.
        near = [e for e in near if e.stop > onset - LONGEST]
        taken = sum(e.peak for e in near if e.start < start + len(samples) and start < e.stop)
        headroom = max(FULL - tape_model.noise_peak - taken, 1e-6)
        snr_db = rng.uniform(*settings.snr_db)
        events.append(place_call(call, tape_model, samples, start, snr_db, headroom))
        near.append(events[-1])
    return sorted(events, key=lambda event: event.start)


def _seed(settings: _Settings, species: str, *key: int) -> np.random.SeedSequence:
    """A seed that depends on the name of the species, not on its position in the list."""
    return np.random.SeedSequence(settings.seed, spawn_key=(zlib.crc32(species.encode()), *key))


def _slug(species: str) -> str:
    return "-".join("".join(c for c in species.lower() if c.isalnum() or c == " ").split())


def _begun(out: Path, kind: str, settings: _Settings) -> bool:
    """Whether the same simulation was started in `out` before; if not, write its settings there.

    Raises `InputError` when `out` contains other files.
    """
    note = {"kind": kind, "edition": EDITION, "settings": settings.model_dump(mode="json")}
    path = out / "simulation.json"
    if path.is_file():
        if read_json(path) == note:
            return True
        raise InputError(f"{out}: contains a simulation with other settings", "choose another folder")
    write_json(path, note)
    return False


def _check_empty(out: Path) -> None:
    """Raises `InputError` when `out` contains files, not hidden, that are not of a simulation."""
    other = out.is_dir() and not (out / "simulation.json").is_file()
    if other and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise InputError(f"{out}: is not empty", "choose a new folder for the simulation")


def _whole(labels: Path, audio: Path) -> bool:
    """Whether every file in labels.csv exists."""
    if not labels.is_file():
        return False
    try:
        return all((audio / row["file"]).is_file() for row in read_csv(labels, ["file"]))
    except RunError:  # damaged: simulated again
        return False
