"""How many times as fast as real time the bundled classifiers scan, on one core, and the size of the journal.

    python benchmarks/scan_speed.py

Scans a short and a long FLAC of noise at 48 kHz with one worker and windows at half overlap, and divides the
difference of their lengths by the difference of the processor times, children included. So the time to
start and to load the model does not count. The default tables are made. Boxes are measured where there are
events, and noise has hardly any.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from stored import Stored, store

from finback.audio import io
from finback.scan.scan import scan

RATE, SHORT_MIN, LONG_MIN = 48_000, 5, 25
ARCHIVE_H = 500_000  # hours of the example of docs/how-to/large-archives.md
MODELS = ("watkins", "watkins-small")


def sound(path: Path, minutes: int) -> Path:
    noise = np.random.default_rng(0).standard_normal(60 * minutes * RATE, dtype=np.float32)
    io.write(path, (0.1 * noise).clip(-1, 1), RATE)
    return path


def processor_s(model: str, path: Path, out: Path) -> float:
    """Seconds of processor time of a scan, with those of its processes."""
    before = os.times()
    scan(model, path, out, workers=1)
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def journal_mb(out: Path) -> float:
    """The stored scores of a scan."""
    return sum(part.stat().st_size for part in (out / "parts").rglob("*.parquet")) / 1e6


def main() -> None:
    torch.set_num_threads(1)
    values = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short, long = (sound(folder / f"{minutes}.flac", minutes) for minutes in (SHORT_MIN, LONG_MIN))
        for model in MODELS:
            outs = [folder / f"{model}-{path.stem}" for path in (short, long)]
            took = [processor_s(model, path, out) for path, out in zip((short, long), outs, strict=True)]
            values[model] = 60 * (LONG_MIN - SHORT_MIN) / (took[1] - took[0])
            size = (journal_mb(outs[1]) - journal_mb(outs[0])) / ((LONG_MIN - SHORT_MIN) / 60)
            values[f"{model}.journal_mb_per_hour"] = size
            values[f"{model}.journal_gb_of_archive"] = size * ARCHIVE_H / 1000
            print(model, took, values[model], size)
    about = f"Noise of {LONG_MIN} and of {SHORT_MIN} minutes at {RATE} Hz, one worker, processor time."
    store("scan-speed", Stored("python benchmarks/scan_speed.py", about, values))


if __name__ == "__main__":
    main()
