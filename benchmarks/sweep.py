"""Disturb every command that writes, at random moments, and compare the repeated run with an undisturbed one.

    make sweep                                         # ten minutes; benchmarks/SWEEP.md
    .venv/bin/python benchmarks/sweep.py --minutes 60

Each command is killed with -9, ended by SIGTERM, left without space on the disk from some write on, and
killed while a second process does the same work in the same folder. The table says how often.
With root's rights the disk is also really full: the command works in a small memory file system.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from interrupting import Sweep, Trouble, differing, snapshot  # noqa: E402
from sweeping import COMMANDS, Bench, Expected, attempt, beside, disturbed, n_bytes, prepare, reference  # noqa: E402

KINDS = ("kill", "term", "full", "kill beside another", "small disk")
MB = 1 << 20


def try_once(
    bench: Bench, name: str, place: Path, kind: str, expected: Expected, rng: random.Random
) -> str | None:
    """One disturbed run at a random write; "" when all is well, None where it cannot be tried."""
    at = rng.randint(1, expected.n_writes)
    if kind == "small disk":
        return small_disk(bench, name, place, expected, rng)
    if kind == "kill beside another":
        return beside(bench, name, place, Trouble("kill", at), expected)
    return disturbed(bench, name, place, Trouble(kind, at), expected)


def small_disk(bench: Bench, name: str, place: Path, expected: Expected, rng: random.Random) -> str | None:
    """The command in a file system that is too small, then again when it has grown."""
    attempt(bench, name, place)
    size = n_bytes(place) + max(32768, int(rng.uniform(0.1, 0.9) * expected.n_bytes))
    kept = place / "out"
    held = Path(tempfile.mkdtemp()) if kept.exists() else None
    if held:
        shutil.copytree(kept, held, dirs_exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        return None
    try:
        if held:
            shutil.copytree(held, kept)
        sweep, words = Sweep(place), COMMANDS[name](bench, place / "out")
        first = sweep.run(words)
        subprocess.run(["mount", "-o", f"remount,size={512 * MB}", str(place)], check=True)
        again = sweep.run(words)
        if "Traceback" in first.printed + again.printed or "unforeseen" in first.printed + again.printed:
            return f"{size} bytes: a traceback: {first.printed[-500:]}"
        if first.code not in (0, 1) or again.code:
            printed = f"{first.printed[-200:]} {again.printed[-200:]}"
            return f"{size} bytes: exit codes {first.code}, {again.code}: {printed}"
        other = differing(dict(expected.result), snapshot(place / "out")) - expected.volatile
        return f"{size} bytes: other results: {sorted(other)[:5]}" if other else ""
    finally:
        subprocess.run(["umount", str(place)], check=True)


def table(tried: dict[tuple[str, str], int], expected: dict[str, Expected]) -> str:
    """How often each command was disturbed in each way, as Markdown."""
    lines = [
        "| command | files, values compared | " + " | ".join(KINDS) + " |",
        "|---|---|" + "---|" * len(KINDS),
    ]
    for name, reference_ in expected.items():
        counts = " | ".join(str(tried.get((name, kind), 0)) for kind in KINDS)
        lines.append(f"| `{name}` | {len(reference_.result) - len(reference_.volatile)} | {counts} |")
    return "\n".join(lines)


def main() -> None:
    """Sweep until the time is over, then print and store the table. Exit code 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "SWEEP.md")
    options = parser.parse_args()
    rng, end = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    tried: dict[tuple[str, str], int] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = prepare(Path(folder) / "bench", str(ROOT / "tests" / "tiny.toml"))
        place = Path(folder) / "place"
        expected: dict[str, Expected] = {}
        while time.monotonic() < end:
            for kind in KINDS:  # first each command in one way, then in the next
                for name in COMMANDS:
                    if time.monotonic() >= end:
                        break
                    if name not in expected:
                        expected[name] = reference(bench, name, place)
                    found = try_once(bench, name, place, kind, expected[name], rng)
                    if found is not None:
                        tried[name, kind] = tried.get((name, kind), 0) + 1
                    if found:
                        wrong.append(f"- `{name}`, {kind}: {found}".replace("\n", " "))
                        print(wrong[-1], flush=True)
    n = sum(tried.values())
    text = [
        "# Sweep: commands that were disturbed and run again",
        f"`make sweep`, {options.minutes:g} minutes: {n} disturbed runs, {len(wrong)} faults.",
        "A fault is a traceback, a wrong exit code, or a repeated run with another result than an "
        "undisturbed one has. The columns say how often a command was disturbed in this way.",
        table(tried, expected),
        *(["## Faults", "\n".join(wrong)] if wrong else []),
    ]
    options.out.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print("\n\n".join(text))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
