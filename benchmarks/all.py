"""All benchmarks against other packages, in one run: benchmarks/RESULTS.md.

    make bench

Each benchmark runs in its own process, one after the other; the ratios are collected in one table. If a
benchmark fails or a package is missing, the table has the reason, and the other benchmarks run. On two idle
cores all benchmarks take about forty minutes.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from results import COLLECTED, Result

from finback.core.storage.files import write_atomic

HERE = Path(__file__).parent
BENCHMARKS = (
    ("features.py",),
    ("training.py",),
    ("augment.py",),
    ("vocoding.py",),
    ("sampling.py", "--live", "0"),
    ("backbones.py", "birdnet", "birdnet-plda", "mfcc-plda", "--seeds", "1"),
    ("opensoundscape_peer.py",),
    ("detections.py",),
    ("unknown.py", "--epochs", "12"),
    ("scan.py",),
)
HEAD = """# Comparison with other packages

Written by `make bench`; not by hand. Ratios above 1 are in finback's favour. The first lines of each script
describe what is compared.

"""


def run(script: str, *options: str, results: Path) -> tuple[str, int, float]:
    """The output of a script, its exit code, and its time in seconds."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, HERE / script, *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, COLLECTED: str(results)},
    )
    return done.stdout, done.returncode, time.perf_counter() - started


def row(result: Result) -> str:
    digits = 2 if (result.ratio or 0) < 2 else 1
    ratio = "-" if result.ratio is None else f"{result.ratio:.{digits}f}"
    return f"| {result.what} | {result.finback} | {result.peer} | {ratio} | {result.note} |"


def machine() -> str:
    names = ("torch", "numpy", "librosa", "diffusers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}."


def main() -> None:
    sections, failed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        for script, *options in BENCHMARKS:
            print(f"{script} ...", file=sys.stderr)
            text, code, seconds = run(script, *options, results=results)
            print(text)
            failed += code != 0
            ended = "" if not code else f"\nEnded with exit code {code}.\n"
            command = " ".join(["python", f"benchmarks/{script}", *options])
            sections.append(
                f"## {script}\n\n`{command}`, {seconds:.0f} s\n\n```\n{text.strip()}\n```\n{ended}"
            )
        rows = [Result(**json.loads(line)) for line in results.read_text().splitlines()]
    table = [
        "| quantity | finback | other package | ratio | remarks |",
        "|---|---|---|---|---|",
        *map(row, rows),
    ]
    page = HEAD + machine() + "\n\n" + "\n".join(table) + "\n\n" + "\n".join(sections)
    write_atomic(HERE / "RESULTS.md", page)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
