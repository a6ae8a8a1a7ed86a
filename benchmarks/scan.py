"""The speed of `finback scan`: times real time, the share of what its stages allow, memory, BirdNET beside.

    python benchmarks/scan.py [--json]                      # 10 h at 48 kHz, under two minutes
    python benchmarks/scan.py --hours 1,10,100              # time per hour
    python benchmarks/scan.py --files 10000 --seconds 3     # beside one file of the same length
    python benchmarks/scan.py --rate 192000 --hours 1
    python benchmarks/scan.py --rate 96000 --hours 24 --workers 1       # memory
    python benchmarks/scan.py --rate 2000 --hours 24 --copies 365       # a year, as links to one day

A mono FLAC of simulated sea noise with calls (`noise.py`) is scanned by `watkins-small` at half
overlap, by the command as a user starts it: the time is from its start to its end, with all processes, the
journal and the tables. At half overlap all sound goes through the features and the network twice.

`realtime` is without the boxes of events (`--no-boxes`): BirdNET measures none, and their time depends on how
many events there are. `with_boxes` is the same command with its defaults. This recording has an event every
17 s, so nearly all of it is decoded a second time for them.

`limit` is from `scan_limit.py`: the rate that the stages, each alone on one core, allow together on all
cores. BirdNET V2.4 (extra: birdnet) takes windows of 3 s, also at half overlap, from the first minutes of the
same recording, on as many threads as there are cores; its start is not timed. `peak_mb` is the largest sum
over all processes at one time; pages that several share count once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from noise import sea, write_recording
from results import record
from scan_limit import limit_of, n_cores

from finback.audio import io
from finback.core.errors import SettingsError

HERE = Path(__file__).parent
BIRDNET_S = 180.0  # of the recording
SAMPLED_S = 0.25  # between two looks at the memory


@dataclass(frozen=True)
class Timed:
    """A scan that ended."""

    hours: float
    seconds: float
    peak_mb: float

    @property
    def realtime(self) -> float:
        return 3600 * self.hours / self.seconds


def scanned(paths: Path, out: Path, hours: float, options: argparse.Namespace, *more: str) -> Timed:
    """Run the command, with more options, and measure its time and its memory."""
    command = [
        sys.executable,
        "-m",
        "finback",
        "scan",
        options.model,
        str(paths),
        "--out",
        str(out),
        "--json",
    ]
    command += ["--workers", str(options.workers), "--missing-band", "analyse", *more]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak, ended = [0.0], threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, peak, ended))
    watch.start()
    printed, said = process.communicate()
    seconds = time.perf_counter() - started
    ended.set()
    watch.join()
    if process.returncode:
        raise SystemExit(f"the scan ended with exit code {process.returncode}: {said.strip()[-500:]}")
    heard = json.loads(printed)["hours_heard"]
    if abs(heard - hours) > 0.01 * hours:
        raise SystemExit(f"the scan heard {heard:g} h of {hours:g} h")
    return Timed(hours, seconds, peak[0])


def _watch(pid: int, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(SAMPLED_S):
        peak[0] = max(peak[0], sum(_mb(own) for own in _tree(pid)))


def _tree(pid: int) -> list[int]:
    """A process and all processes that it started, also through others."""
    found = [pid]
    for own in found:
        try:
            for task in Path(f"/proc/{own}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:  # it ended meanwhile
            continue
    return found


def _mb(pid: int) -> float:
    """Memory of a process; a page that n processes share is a n-th of a page."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def birdnet(path: Path) -> float | None:
    """BirdNET's multiple of real time on all cores, or None where it is not installed."""
    from finback.features.frontends import create
    from finback.training.settings import resolve

    spec = resolve(family="birdnet").features
    try:
        networks = [create("birdnet", spec) for _ in range(n_cores())]
    except SettingsError:
        return None
    x = io.read(path, 0, min(io.probe(path).n_samples, round(BIRDNET_S * spec.sample_rate)))
    starts = range(0, len(x) - spec.clip_samples, spec.clip_samples // 2)
    parts = [starts[i :: len(networks)] for i in range(len(networks))]

    def analyse(network: Any, own: range) -> None:
        for start in own:
            network(np.ascontiguousarray(x[None, start : start + spec.clip_samples]))

    with ThreadPoolExecutor(len(networks)) as pool:
        list(pool.map(analyse, networks, [part[:2] for part in parts]))  # memory is laid out at first use
        started = time.perf_counter()
        list(pool.map(analyse, networks, parts))
    return len(starts) * spec.clip_samples / 2 / spec.sample_rate / (time.perf_counter() - started)


def stages(options: argparse.Namespace) -> dict[str, float]:
    """The stages of the scan, measured in a process of their own."""
    command = [sys.executable, str(HERE / "scan_limit.py"), "--json", "--model", options.model]
    done = subprocess.run(
        [*command, "--rate", str(options.rate)], stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout)
    return {name: value for name, value in found.items() if name not in ("cores", "limit")}


def written(folder: Path, hours: float, options: argparse.Namespace) -> Path:
    """A folder with a recording `0.flac`, and perhaps links to it."""
    sounds = folder / f"{hours:g}"
    sounds.mkdir()
    path = write_recording(sounds / "0.flac", options.rate, 3600 * hours)
    for i in range(1, options.copies):
        os.link(path, sounds / f"{i}.flac")
    return sounds


def many_files(folder: Path, options: argparse.Namespace) -> Timed:
    """The scan of many short files."""
    sounds = folder / "many"
    sounds.mkdir()
    x = sea(options.rate, 100 * options.seconds)
    n = round(options.rate * options.seconds)
    for i in range(options.files):
        start = (i * 7919) % (len(x) - n)
        io.write(sounds / f"{i:06d}.flac", x[start : start + n], options.rate)
    return scanned(sounds, folder / "out-many", options.files * options.seconds / 3600, options, "--no-boxes")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The speed of finback scan.")
    parser.add_argument("--hours", default="", help="of sound in a file; several with commas (default: 10)")
    parser.add_argument("--rate", type=int, default=48_000, help="Hz")
    parser.add_argument("--workers", type=int, default=n_cores(), help="processes")
    parser.add_argument("--copies", type=int, default=1, help="files that are links to one recording")
    parser.add_argument(
        "--files", type=int, default=0, help="short files, beside one file of the same length"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of sound in a short file")
    parser.add_argument("--model", default="watkins-small", help="a bundled classifier, or a run folder")
    parser.add_argument("--no-birdnet", action="store_true", help="leave BirdNET out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, by name."""
    together = options.files * options.seconds / 3600
    hours = [float(text) for text in options.hours.split(",") if text] or [together or 10.0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed, sounds, beside = [], Path(), None
        for length in hours:
            sounds = written(folder, length, options)
            out, length = folder / f"out-{length:g}", length * options.copies
            timed.append(scanned(sounds, out, length, options, "--no-boxes"))
        with_boxes = scanned(sounds, folder / "boxes", timed[-1].hours, options)
        found_stages = stages(options)
        if not options.no_birdnet and options.rate == 48_000:
            beside = birdnet(sounds / "0.flac")
        many = many_files(folder, options) if options.files else None
    limit, last = limit_of(found_stages, options.workers), timed[-1]
    found: dict[str, Any] = {
        "realtime": round(last.realtime, 1),
        "share_of_limit": round(last.realtime / limit, 3),
        "birdnet_realtime": None if beside is None else round(beside, 1),
        "peak_mb": round(max(one.peak_mb for one in (*timed, with_boxes)), 1),
        "with_boxes": round(with_boxes.realtime, 1),
        "limit": round(limit, 1),
        "hours": last.hours,
        "seconds": round(last.seconds, 2),
        "sample_rate": options.rate,
        "workers": options.workers,
        "stages": found_stages,
        "seconds_per_hour": {f"{one.hours:g}": round(one.seconds / one.hours, 3) for one in timed},
    }
    if many is not None:
        found["files"] = {
            "files": options.files,
            "seconds": round(many.seconds, 2),
            "times_one_file": round(many.seconds / last.seconds, 2),
            "peak_mb": round(many.peak_mb, 1),
        }
    return found


def show(found: dict[str, Any]) -> None:
    """The figures, a line each."""
    where = f"{found['sample_rate']:,} Hz, {found['workers']} workers"
    print(f"{found['hours']:g} h at {where}: {found['seconds']} s")
    for name in ("realtime", "with_boxes", "limit", "share_of_limit", "birdnet_realtime", "peak_mb"):
        print(f"{name:20s} {found[name]}")
    for name, value in found["stages"].items():
        print(f"  {name:18s} {value:,.0f} x real time on one core")
    for name, value in found["seconds_per_hour"].items():
        print(f"  {name} h: {value} s an hour")
    if "files" in found:
        print(f"  {found['files']}")


def main() -> None:
    options = arguments()
    found = measured(options)
    if options.json:
        print(json.dumps(found))
    else:
        show(found)
    beside, times = found["birdnet_realtime"], found["realtime"]
    record(
        "scan of a long recording, times real time",
        f"{times:,.0f}",
        "BirdNET V2.4: " + ("not installed" if beside is None else f"{beside:,.0f}"),
        None if beside is None else times / beside,
        f"mono FLAC, {found['sample_rate'] / 1000:g} kHz, half overlap, no boxes "
        f"(with boxes {found['with_boxes']:,.0f}), {found['workers']} processes; "
        f"{found['share_of_limit']:.0%} of what the stages allow; {found['peak_mb']:,.0f} MB",
    )


if __name__ == "__main__":
    main()
