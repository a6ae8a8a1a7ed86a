"""All benchmarks against other packages, in one run: benchmarks/RESULTS.md.

    make bench
    python benchmarks/all.py scan.py      # only this one; the rest of the page stays

Each benchmark runs in its own process, one after the other; the ratios are collected in one table. If a
benchmark fails or a package is missing, the table has the reason, and the other benchmarks run. On two idle
cores all benchmarks take about forty minutes.
"""

from __future__ import annotations

import json
import os
import platform
import re
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

Accuracies and macro-F1 on this page compare programs on the same clips and tapes. They are no evidence about
new tapes: recipes were chosen on these tapes. [Recipes](../docs/recipes.md) has the evidence about new tapes.
A result on 606 clips is from the folder `watkins`, which `watkins_all` has replaced.

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


def parts_of(page: str) -> tuple[dict[str, str], dict[str, str]]:
    """The page as it is: rows of the table by quantity and other package, sections by script."""
    head, *sections = re.split(r"^## ", page, flags=re.M)
    rows = [line for line in head.splitlines() if line.startswith("| ")][1:]
    return {key_of(line): line for line in rows}, {text.split("\n")[0]: f"## {text}" for text in sections}


def key_of(line: str) -> str:
    """Quantity and other package of a row; figures may stand behind the name of the package."""
    _, what, _, other, *_ = (cell.strip() for cell in line.split("|"))
    return f"{what} / {other.split(':')[0]}"


def main() -> None:
    path, wanted = HERE / "RESULTS.md", sys.argv[1:]
    rows, sections = parts_of(path.read_text(encoding="utf-8")) if wanted else ({}, {})
    if unknown := set(wanted) - {script for script, *_ in BENCHMARKS}:
        sys.exit(f"no benchmark {min(unknown)}; there are: {', '.join(script for script, *_ in BENCHMARKS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        for script, *options in BENCHMARKS:
            if wanted and script not in wanted:
                continue
            print(f"{script} ...", file=sys.stderr)
            text, code, seconds = run(script, *options, results=results)
            print(text)
            failed += code != 0
            ended = "" if not code else f"\nEnded with exit code {code}.\n"
            command = " ".join(["python", f"benchmarks/{script}", *options])
            sections[script] = (
                f"## {script}\n\n`{command}`, {seconds:.0f} s\n\n```\n{text.strip()}\n```\n{ended}"
            )
        lines = [row(Result(**json.loads(line))) for line in results.read_text().splitlines()]
    rows |= {key_of(line): line for line in lines}
    table = [
        "| quantity | finback | other package | ratio | remarks |",
        "|---|---|---|---|---|",
        *rows.values(),
    ]
    page = (
        HEAD
        + machine()
        + "\n\n"
        + "\n".join(table)
        + "\n\n"
        + "\n\n".join(text.strip() for text in sections.values())
        + "\n"
    )
    write_atomic(path, page)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
