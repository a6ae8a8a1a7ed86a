"""Write a soundscape: tapes, truth, labels.

    out/audio/SIM_20260101_000000.wav ...   the tapes; their names give the UTC time of their first sample
    out/truth.csv                           every call: extent, band, channel, SNR, source (see `tables`)
    out/files.csv                           every tape, with its duration; also those without calls
    out/tables/raven/ ...                   the same in every format of `data.formats`
    out/labels.csv                          windows to train on, with calls and without ("background")
    out/simulation.json                     the settings, and what stands for the clips and the noise

The same settings, clips and noise give the same bytes. A finished soundscape is kept; one that was
interrupted goes on with the tape at which it was interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finback.audio import io as audio_io
from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.storage.files import read_json, write_json
from finback.core.storage.locks import only_writer
from finback.core.text import means_no_call
from finback.core.types import Clip
from finback.data.formats.load import written_formats
from finback.data.formats.write import write_events
from finback.datasets.simulate.soundscape import tables
from finback.datasets.simulate.soundscape.calls import Pool, SimulatedCalls
from finback.datasets.simulate.soundscape.clips import check_species, digest_of, real_calls
from finback.datasets.simulate.soundscape.noise import Noise, SimulatedNoise
from finback.datasets.simulate.soundscape.noise_files import FoundNoise, measure_noise
from finback.datasets.simulate.soundscape.plan import NOISE, Tape, mixed, plan_tape, seed_of
from finback.datasets.simulate.soundscape.settings import SoundscapeSettings

# Increase it when the same settings no longer give the same sound.
EDITION = 1
RATE = 48_000  # Hz, where neither the settings nor recordings say one
BLOCK = 1 << 19  # samples that are written at a time


@dataclass(frozen=True)
class Soundscape:
    """A finished soundscape. `notes` say what was left out."""

    folder: Path
    sample_rate: int
    calls: dict[str, int]  # of each species
    overlapping: int  # calls that overlap with another one
    hours: float
    windows: dict[str, int]  # rows of labels.csv by label
    notes: tuple[str, ...] = ()

    @property
    def truth(self) -> Path:
        """The table of all calls."""
        return self.folder / "truth.csv"

    @property
    def labels(self) -> Path:
        """The table of the windows to train on."""
        return self.folder / "labels.csv"

    @property
    def audio(self) -> Path:
        """The folder of the tapes."""
        return self.folder / "audio"

    def __repr__(self) -> str:
        calls = ", ".join(f"{n} {name}" for name, n in self.calls.items())
        return (
            f"Soundscape in {self.folder}\n{self.hours:.2f} h at {self.sample_rate} Hz\n"
            f"{sum(self.calls.values())} calls: {calls}; {self.overlapping} overlap with another one"
        )


def simulate_soundscape(
    out: Path,
    settings: SoundscapeSettings | None = None,
    clips: Sequence[Clip] | None = None,
    noise: FoundNoise | None = None,
    progress: Progress = no_progress,
) -> Soundscape:
    """Write tapes with calls of `clips` (None: simulated calls) in `noise` (None: simulated sea noise).

    Raises `InputError` for clips or noise that cannot be used, and when `out` contains something else or a
    soundscape with other settings.
    """
    out, settings = Path(out), settings or SoundscapeSettings()
    silent = sorted({c.label for c in clips or () if c.label and means_no_call(c.label)})
    if clips is not None:
        clips = [c for c in clips if c.label not in silent]
    rate = sound_rate(settings, clips, noise)
    size = settings.n_samples(rate) * settings.channels * settings.bits / 8
    if settings.suffix == ".wav" and size >= 2**32 - 4096:
        raise InputError("a WAV file ends at 4 GiB", "give fewer --minutes, or --suffix .flac")
    if clips is None:  # checked before anything is read or written
        species = SimulatedCalls.of(settings.species, rate, settings.longest_s).names
        sound = "simulated"
    else:
        species = check_species(clips, settings.species)
        sound = digest_of([clip for clip in clips if clip.label in species])
    _check_named(settings, species)
    note = {
        "kind": "soundscape",
        "edition": EDITION,
        "sample_rate": rate,
        "clips": sound,
        "noise": "simulated" if noise is None else noise.digest,
        **settings.model_dump(mode="json", exclude={"sample_rate"}),
    }
    check_folder(out, note)
    with only_writer(out):
        if (found := _finished(out, settings, rate)) is not None:
            return found
        write_json(out / "simulation.json", note)
        pool: Pool = (
            SimulatedCalls(species, rate, settings.longest_s)
            if clips is None
            else real_calls(clips, species, rate, settings.longest_s, progress)
        )
        made: Noise = SimulatedNoise(rate) if noise is None else measure_noise(noise, rate, progress)
        said = [f"clips labelled '{name}' are left out: they hold no call" for name in silent]
        return _write(out, settings, pool, made, rate, said, progress)


def sound_rate(settings: SoundscapeSettings, clips: Sequence[Clip] | None, noise: FoundNoise | None) -> int:
    """The sample rate in Hz: that of the settings, else of most of the noise, else of most clips."""
    if settings.sample_rate is not None:
        return settings.sample_rate
    if noise is not None:
        return noise.usual_rate
    if clips:
        return Counter(clip.recording.sample_rate for clip in clips).most_common(1)[0][0]
    return RATE


def _check_named(settings: SoundscapeSettings, species: Sequence[str]) -> None:
    for name in settings.calls_per_hour_of:
        if name not in species:
            raise InputError(
                f"--calls-per-hour names '{name}', which is not in the soundscape",
                "its species are: " + "; ".join(species),
            )


def check_folder(out: Path, note: dict[str, Any]) -> None:
    """Raises `InputError` when `out` contains other files, or a soundscape with other settings."""
    path = out / "simulation.json"
    if path.is_file():
        there = read_json(path)
        there = there if isinstance(there, dict) else {}
        if there.get("kind") != note["kind"]:
            raise InputError(f"{out}: contains a simulation of another kind", "choose another folder")
        other = [key for key in {**note, **there} if note.get(key) != there.get(key)]
        if other:
            shown = "; ".join(f"{key}: {there.get(key)} there, {note.get(key)} now" for key in other)
            raise InputError(
                f"{out}: contains a simulation with other settings ({shown})", "choose another folder"
            )
    elif out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise InputError(f"{out}: is not empty", "choose a new folder for the soundscape")


def _write(
    out: Path,
    settings: SoundscapeSettings,
    pool: Pool,
    noise: Noise,
    rate: int,
    said: Sequence[str],
    progress: Progress,
) -> Soundscape:
    tapes = []
    for number in progress(range(settings.tapes), "writing tapes", settings.tapes):
        share = (number, settings.tapes) if settings.apart else (0, 1)
        beds = [
            noise.bed(seed_of(settings, "", number, NOISE, c), settings.n_samples(rate), share)
            for c in range(settings.channels)
        ]
        tape = plan_tape(settings, number, pool, beds, rate)
        path = out / "audio" / settings.name_of(number)
        if not path.is_file():
            with audio_io.writer(path, rate, settings.channels, settings.subtype) as file:
                for block in mixed(tape, pool, BLOCK):
                    file.write(block)
        tapes.append(replace(tape, beds=()))  # they hold sound
    mixed_windows = _write_labels(out, settings, tapes, rate)
    rows = [row for tape in tapes for row in tables.truth_rows(tape, settings, rate)]
    _write_formats(out, settings, tapes, rate)
    write_csv(out / "files.csv", tables.FILES, [tables.file_row(t, settings, rate) for t in tapes])
    notes = [*said, *pool.notes, *noise.notes]
    if mixed_windows:
        notes.append(f"{mixed_windows} training windows left out: they hold calls of two species")
    write_json(out / "notes.json", notes)
    write_csv(out / "truth.csv", tables.TRUTH, rows)
    found = _finished(out, settings, rate)
    assert found is not None
    return found


def _write_labels(out: Path, settings: SoundscapeSettings, tapes: Sequence[Tape], rate: int) -> int:
    """Write labels.csv; return the number of windows with calls of two species."""
    calls, free, mixed_windows = [], [], 0
    for tape in tapes:
        of_tape, free_of_tape, n = tables.training_windows(tape, settings, rate)
        calls += of_tape
        free += free_of_tape
        mixed_windows += n
    windows = [*calls, *tables.chosen(free, len(calls) or len(free), settings)]
    windows.sort(key=lambda w: (w.tape, w.start, w.channel, w.label))
    groups = tables.tape_groups(tapes, settings)
    write_csv(out / "labels.csv", tables.LABELS, tables.label_rows(windows, settings, rate, groups))
    return mixed_windows


def _write_formats(out: Path, settings: SoundscapeSettings, tapes: Sequence[Tape], rate: int) -> None:
    """The calls in every format that can be written."""
    sounds = [tables.TapeFile(settings.name_of(t.number), rate, t.n_samples) for t in tapes]
    events = [event for tape in tapes for event in tables.truth_events(tape, settings, rate)]
    for name in written_formats():
        write_events(name, out / "tables" / name, events, sounds)


def _finished(out: Path, settings: SoundscapeSettings, rate: int) -> Soundscape | None:
    """The soundscape in a folder, if all of it is there."""
    audio = [out / "audio" / settings.name_of(i) for i in range(settings.tapes)]
    wanted = [out / "truth.csv", out / "labels.csv", out / "files.csv", out / "notes.json", *audio]
    if not all(path.is_file() for path in wanted):
        return None
    truth = read_csv(out / "truth.csv", tables.TRUTH)
    labels = read_csv(out / "labels.csv", tables.LABELS)
    return Soundscape(
        folder=out,
        sample_rate=rate,
        calls=dict(sorted(Counter(row["species"] for row in truth).items())),
        overlapping=sum(row["overlaps"] != "0" for row in truth),
        hours=settings.tapes * settings.n_samples(rate) / rate / 3600,
        windows=dict(sorted(Counter(row["species"] for row in labels).items())),
        notes=tuple(read_json(out / "notes.json")),
    )
