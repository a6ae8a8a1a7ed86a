"""Workers, their mutants and the table of how these ended."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HANG_S = 10.0  # of processor time
WALL_S = 60.0  # a worker that is silent for so long is ended: the machine may have other work
LARGEST_MB = 1024
LIVES = 150  # mutants of one worker: memory of earlier mutants is not that of a later one
COLUMNS = ("refused", "remark", "same", "right", "traceback", "hang", "memory", "nonsense", "skipped")
BAD = ("traceback", "hang", "memory", "nonsense")
TESTS = Path(__file__).parents[1]


@dataclass
class Tally:
    """How all mutants ended, by kind."""

    ends: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[tuple[str, str, str]] = field(default_factory=list)  # case, how it ended, details
    peak_mb: dict[str, int] = field(default_factory=dict)
    slowest_s: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, seed: int, answer: dict[str, Any]) -> None:
        ended = answer["ended"]
        if ended not in BAD and answer["cpu_s"] > HANG_S:
            ended = "hang"
        elif ended not in BAD and answer["peak_mb"] > LARGEST_MB:
            ended = "memory"
        self.ends.setdefault(kind, Counter())[ended] += 1
        self.peak_mb[kind] = max(self.peak_mb.get(kind, 0), answer["peak_mb"])
        self.slowest_s[kind] = max(self.slowest_s.get(kind, 0.0), answer["cpu_s"])
        if ended in BAD:
            self.bad.append((f"{kind}:{seed}", ended, answer["detail"]))

    def table(self) -> str:
        """A table in Markdown."""
        heads = ("kind", "mutants", *COLUMNS, "slowest, s", "peak, MB")
        rows = [heads, ("---", *["--:"] * (len(heads) - 1))]
        for kind, ends in self.ends.items():
            counts = [str(ends[name]) for name in COLUMNS]
            ends_with = (f"{self.slowest_s[kind]:.1f}", str(self.peak_mb[kind]))
            rows.append((kind, str(ends.total()), *counts, *ends_with))
        totals: Counter[str] = sum(self.ends.values(), Counter())
        ends_with = (f"{max(self.slowest_s.values()):.1f}", str(max(self.peak_mb.values())))
        rows.append(("all", str(totals.total()), *(str(totals[name]) for name in COLUMNS), *ends_with))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


class Worker:
    """A process that runs mutants one after another; started again when it was ended."""

    def __init__(self, whole: Path, number: int) -> None:
        self.whole, self.number = whole, number
        self.process: subprocess.Popen[str] | None = None
        self.lives = 0

    def ask(self, kind: str, seed: int) -> dict[str, Any]:
        """How the mutant ended; a process that is silent or gone is a hang or a traceback."""
        if self.process is None or self.lives >= LIVES:
            self.stop()
            self._start()
        self.lives += 1
        process = self.process
        assert process is not None
        assert process.stdin is not None
        process.stdin.write(f"{kind} {seed}\n")
        process.stdin.flush()
        line = self._line(WALL_S)
        if line:
            return dict(json.loads(line))
        code = process.poll()
        self.stop()
        ended, detail = ("hang", "") if code is None else ("traceback", f"the process ended with code {code}")
        return {"ended": ended, "detail": detail, "cpu_s": WALL_S if code is None else 0.0, "peak_mb": 0}

    def _start(self) -> None:
        folder = self.whole.with_name(f"worker-{self.number}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.whole, folder)
        for path in folder.rglob("problems.json"):
            path.write_text(path.read_text().replace(str(self.whole), str(folder)))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        self.lives = 0
        if self._line(300).strip() != "ready":
            raise RuntimeError("a worker did not start: run python -m fuzz.worker FOLDER to see why")

    def _line(self, within_s: float) -> str:
        """The next line of the process; "" when it ended or is silent for too long."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if selector.select(within_s) else ""

    def stop(self) -> None:
        """End the process, by its id."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def environment() -> dict[str, str]:
    """The environment of workers: this source, one thread, no display."""
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


def cases(kinds: dict[str, int], first: int = 0) -> Iterator[tuple[str, int]]:
    """(kind, seed) of all mutants, the kinds in turn."""
    left = dict(kinds)
    for seed in range(first, first + max(kinds.values(), default=0)):
        for kind in left:
            if seed - first < kinds[kind]:
                yield kind, seed


def fuzz(wanted: Sequence[tuple[str, int]], n_workers: int = 1, say: Any = None) -> Tally:
    """Run the mutants on so many workers."""
    tally, lock, todo = Tally(), threading.Lock(), iter(wanted)
    done, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="finback-fuzz-") as folder:
        whole = Path(folder) / "whole"
        whole.mkdir()
        build = [
            sys.executable,
            "-c",
            "import sys, pathlib, fuzz.stage as s; s.build(pathlib.Path(sys.argv[1]))",
        ]
        cache = {"FINBACK_CACHE": str(whole / "cache"), "FINBACK_STATE": str(whole / "state")}
        subprocess.run([*build, str(whole)], check=True, env={**environment(), **cache})

        def work(number: int) -> None:
            nonlocal done
            worker = Worker(whole, number)
            try:
                while True:
                    with lock:
                        case = next(todo, None)
                    if case is None:
                        return
                    answer = worker.ask(*case)
                    with lock:
                        tally.add(*case, answer)
                        done += 1
                        if say and done % 50 == 0:
                            say(
                                f"{done} of {len(wanted)} mutants, {time.monotonic() - started:.0f} s, "
                                f"{len(tally.bad)} bad"
                            )
            finally:
                worker.stop()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(n_workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return tally
