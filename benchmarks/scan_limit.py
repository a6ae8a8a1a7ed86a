"""The stages of a scan, each alone on one core: what the rate of a scan could be at most.

    python benchmarks/scan_limit.py [--json] [--rate HZ] [--model NAME]

Simulated sea noise with calls, mono FLAC, `watkins-small`, windows at half overlap. Figures are in
multiples of real time. `limit` is the rate that the sum of the times of all stages allows on all cores of
this machine; in it nothing is read twice, nothing waits, and processes start at once.

    decode      FLAC to floats, once
    offset      the mean of each window is subtracted
    resample    each window to the rate of the model (soxr HQ)
    log-mel     STFT, mel bands, decibels of each window
    network     the classifier's logits
    faults      silence, dropouts, clipping, offset of each cell
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from noise import write_recording

from finback.audio import io
from finback.audio.faults import faults_of
from finback.audio.level import remove_dc_into
from finback.audio.resample import padded, resample_rows
from finback.features.extract import TOGETHER
from finback.models.devices import tune_allocator
from finback.models.predictor import Predictor
from finback.models.scoring import in_rows, rows_of
from finback.scan.reading import BLOCK

SECONDS = 60  # of sound that goes through each stage
ROUNDS = 7  # the best of which counts: other programs can only make it slower


def best(run: Callable[[], object]) -> float:
    """Seconds of the best round."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def stages(path: Path, model: str) -> dict[str, float]:
    """Each stage's multiple of real time on one core."""
    predictor = Predictor.load(model, "cpu")
    extractor, network = predictor.store.extractor, predictor.root.leaves[0].model
    spec, rate = predictor.spec, io.probe(path).sample_rate
    hop = extractor.window_samples(rate) // 2
    n = spec.native(spec.clip_samples, rate)
    x = io.read(path)
    starts = range(0, len(x) - n, hop)[:TOGETHER]
    room = padded(len(starts), n, rate, spec.sample_rate)

    def offset() -> None:
        for row, start in zip(room, starts, strict=True):
            remove_dc_into(row[:n], x[start : start + n])

    offset()
    waves = resample_rows(room, n, rate, spec.sample_rate)[:, : spec.clip_samples]
    batch = extractor.front_end.batch(extractor.front_end(waves))
    runs: dict[str, Callable[[], object]] = {
        "decode": lambda: [len(block) for block in io.blocks(path, BLOCK)],
        "offset": offset,
        "resample": lambda: resample_rows(room, n, rate, spec.sample_rate),
        "logmel": lambda: extractor.front_end(waves),
        "network": lambda: in_rows(network, batch, rows_of(network)),
        "faults": lambda: [faults_of(x[start : start + hop], rate) for start in starts],
    }
    heard_s = len(starts) * hop / rate
    with torch.inference_mode():
        return {
            name: (len(x) / rate if name == "decode" else heard_s) / best(run) for name, run in runs.items()
        }


def limit_of(found: dict[str, float], n_cores: int) -> float:
    """The rate that the sum of the stages' times allows on so many cores."""
    return n_cores / sum(1 / rate for rate in found.values())


def n_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description="The stages of a scan, each alone on one core.")
    parser.add_argument("--rate", type=int, default=48_000, help="Hz of the recording")
    parser.add_argument("--model", default="watkins-small", help="a bundled classifier, or a run folder")
    parser.add_argument("--cores", type=int, default=n_cores(), help="for which the limit is given")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tune_allocator()
    with tempfile.TemporaryDirectory() as folder:
        path = write_recording(Path(folder) / "sea.flac", options.rate, SECONDS)
        found = stages(path, options.model)
    limit = limit_of(found, options.cores)
    if options.json:
        print(
            json.dumps(
                {
                    **{k: round(v, 1) for k, v in found.items()},
                    "cores": options.cores,
                    "limit": round(limit, 1),
                }
            )
        )
        return
    for name, times in found.items():
        print(f"{name:10s} {times:10,.0f} x real time")
    print(f"limit on {options.cores} cores {limit:,.0f} x real time", file=sys.stdout)


if __name__ == "__main__":
    main()
