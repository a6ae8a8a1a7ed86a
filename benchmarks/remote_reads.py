"""How many requests, and how many bytes, a sound file at an address costs.

    python benchmarks/remote_reads.py

A FLAC of 20 minutes of noise at 48 kHz is put on a web site of this machine (that of the tests), once for
each way of reading it. The site notes each request and the range of bytes that was asked for. Needs
`finback[remote]`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from stored import Stored, Table, store

from finback.audio import io
from finback.scan.dry_run import dry_run
from finback.scan.scan import scan

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from misbehaving import Site

RATE, MINUTES, SPAN_S = 48_000, 20, 5
MODEL = "watkins-small"


def sound(path: Path) -> bytes:
    """A FLAC of noise, and its bytes."""
    noise = np.random.default_rng(0).standard_normal(60 * MINUTES * RATE, dtype=np.float32)
    io.write(path, (0.1 * noise).clip(-1, 1), RATE)
    return path.read_bytes()


def asked_for(site: Site, path: str) -> tuple[int, float]:
    """Requests, and megabytes of the ranges that they asked for."""
    size, total = len(site.resources[path].body), 0
    for headers in site.asked(path):
        first, _, last = headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        total += min(int(last or size) + 1, size) - int(first)
    return len(site.asked(path)), total / 1e6


def main() -> None:
    middle = MINUTES * 30 * RATE
    with tempfile.TemporaryDirectory() as name, Site() as site:
        folder = Path(name)
        body = sound(folder / "noise.flac")
        ways: dict[str, Callable[[str], object]] = {
            "properties of the file": io.probe,
            "`finback scan --dry-run`": lambda a: dry_run(MODEL, a, folder / "dry"),
            f"{SPAN_S} seconds in its middle": lambda a: io.read(a, middle, middle + SPAN_S * RATE),
            "a whole scan with one worker": lambda a: scan(MODEL, a, folder / "one", workers=1),
            "a whole scan with two workers": lambda a: scan(MODEL, a, folder / "two", workers=2),
        }
        rows = []
        for i, (what, work) in enumerate(ways.items()):
            work(site.put(f"/{i}.flac", body))
            n, megabytes = asked_for(site, f"/{i}.flac")
            rows.append((what, n, f"{megabytes:.1f} MB"))
            print(*rows[-1], sep="; ")
    about = f"A FLAC of {MINUTES} minutes at {RATE} Hz on a web site of this machine."
    table = Table(("", "requests", "bytes"), rows)
    values = {"megabytes": len(body) / 1e6}
    store("remote-reads", Stored("python benchmarks/remote_reads.py", about, values, {"reads": table}))


if __name__ == "__main__":
    main()
