"""The demo: the complete workflow on simulated recordings, from clips on tapes to the events of an hour.

    out/clips, out/background   clips of species, clips without a call; out/labels.csv has both
    out/run                     the run folder: five folds by tape, the report
    out/hour                    an hour of simulated sea, with a table of its calls
    out/scan                    the events that the model found in this hour

Each part is kept, so an interrupted demo continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finback.core.progress import Log, Progress
from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.storage.locks import check_free
from finback.data.index import IndexRequest
from finback.datasets.simulate.background import simulate_background
from finback.datasets.simulate.simulate import (
    ClipSettings,
    RecordingSettings,
    simulate_clips,
    simulate_recording,
)
from finback.evaluation.detections.api import evaluate_detections
from finback.evaluation.detections.evaluate import DetectionEvaluation
from finback.evaluation.pipeline import Done, run
from finback.scan.pace import Pace
from finback.scan.scan import Scan, scan
from finback.training.plan import Plan
from finback.training.settings import resolve

# Species with calls in the band of the default preset that a clip of three seconds can hold.
SPECIES = ("Bearded seal", "Bowhead whale", "Humpback whale", "Killer whale", "Walrus")
FAMILY = "mfcc-plda"  # fitted in seconds
MATCH = "midpoint"  # windows are longer than most calls here, so the overlap in time says little
COLUMNS = ("file", "species", "group")


@dataclass(frozen=True)
class DemoSize:
    """How much is simulated."""

    tapes: int = 20  # of each species, and of background
    clips: int = 60  # of each species
    background_clips: int = 6  # of each tape of background: most of a recording holds no call
    minutes: float = 60.0  # of the recording
    calls_per_minute: float = 2.0
    folds: int = 5
    workers: int | None = None  # of the scan; None: one for each core


@dataclass(frozen=True)
class Demo:
    """The results of the demo: the run, the scan, and the events of the scan compared with the truth."""

    done: Done
    scan: Scan
    truth: Path
    events: DetectionEvaluation
    n_clips: int
    n_tapes: int


def demo(
    out: Path,
    plan_of: tuple[str, str],
    progress: Progress,
    log: Log,
    watch: Callable[[Pace], None],
    size: DemoSize = DemoSize(),
) -> Demo:
    """Simulate, train with folds, test, scan an hour and compare its events with the truth.

    `plan_of` is the device and the command line. `watch` sees the progress of the scan. Raises `LockError`
    when another process writes in `out`, `InputError` when `out` holds a simulation with other settings.
    """
    check_free(out / "run")
    log(f"1 of 4: simulating {len(SPECIES)} species on {size.tapes} tapes each, and background")
    labels = _labelled_clips(out, size, progress)
    rows = read_csv(labels)
    log(f"2 of 4: training and testing, {size.folds} folds by tape")
    device, command = plan_of
    plan = Plan(FAMILY, resolve(overrides=[f"split.folds={size.folds}"], family=FAMILY), 0, device, command)
    done = run(plan, IndexRequest(audio=out, labels=labels), out / "run", progress, log)
    log(f"3 of 4: simulating a recording of {size.minutes:g} minutes")
    truth = simulate_recording(out / "hour", _hour(size), progress)
    log("4 of 4: scanning the recording")
    sound = sorted((out / "hour").glob("SIM_*"))
    scanned = scan(out / "run", sound, out / "scan", workers=size.workers, log=log, progress=watch)
    events = evaluate_detections(truth, scanned.out, match=MATCH)
    return Demo(done, scanned, truth, events, len(rows), len({row["group"] for row in rows}))


def _labelled_clips(out: Path, size: DemoSize, progress: Progress) -> Path:
    """Simulate clips and background; one table of both, with files relative to `out`."""
    settings = ClipSettings(species=SPECIES, clips_per_species=size.clips, tapes_per_species=size.tapes)
    clips = simulate_clips(out / "clips", settings, progress)
    background = simulate_background(
        out / "background", settings, size.tapes, size.background_clips, progress
    )
    rows = [
        (f"{folder}/{row['file']}", row["species"], row["group"])
        for folder, table in (("clips/audio", clips), ("background", background))
        for row in read_csv(table)
    ]
    write_csv(out / "labels.csv", COLUMNS, rows)
    return out / "labels.csv"


def _hour(size: DemoSize) -> RecordingSettings:
    """A recording with calls of all species on a tape of its own."""
    return RecordingSettings(
        species=SPECIES,
        minutes=size.minutes,
        calls_per_minute=size.calls_per_minute,
        sample_rate=24_000,  # holds the band of the default preset
        suffix=".flac",
    )
