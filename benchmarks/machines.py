"""How often a machine among calls is found, and how often one is found where there is none.

    python benchmarks/machines.py

Times of detections are simulated: a machine that sounds at a period with jitter and whose beats are partly
missed, and calls at random times. `best_period` (`scan/beats.py`) looks for the period, with the level of
a scan, and `on_beat` says which detections are on the beat. Means over seeds. The sets without a machine are
calls at random, in bouts of changing rate, dense with a shortest distance, and dense on a grid of one second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from stored import Stored, Table, store

from finback.core.text import counted
from finback.scan.beats import best_period, on_beat
from finback.scan.machines import LEVEL

Times = NDArray[np.float64]
SEEDS = 100  # sets of detections with a machine, for each row
WITHOUT = 150  # sets without a machine, of each kind
BEATS = 1000
RESOLUTION_S, SHORTEST_S, DAY_S = 0.1, 1.0, 86_400.0


@dataclass(frozen=True)
class Setting:
    """A machine: period in seconds, jitter (standard deviation) as a share of the period, share of the beats
    that are detected, and calls as a multiple of the detected beats."""

    period_s: float
    jitter: float
    detected: float
    calls: float

    def __str__(self) -> str:
        jitter = f", jitter {100 * self.jitter:g} %" if self.jitter else ""
        missing = f"{100 * (1 - self.detected):.0f} % of beats missing"
        calls = "as many calls" if self.calls == 1 else f"{self.calls:g} times as many calls"
        return f"every {self.period_s:g} s{jitter}, {missing}, {calls}"


SETTINGS = (
    Setting(30, 0.02, 0.7, 1),
    Setting(30, 0.01, 0.5, 3),
    Setting(300, 0.01, 0.9, 1),
    Setting(10, 0.0, 0.6, 6),
)


def detections(setting: Setting, rng: np.random.Generator) -> tuple[Times, int]:
    """Times in seconds, those of the machine first, and the number of these."""
    beats = setting.period_s * (np.arange(BEATS) + setting.jitter * rng.standard_normal(BEATS))
    beats = beats[rng.random(BEATS) < setting.detected]
    calls = rng.uniform(0, BEATS * setting.period_s, round(setting.calls * len(beats)))
    return np.concatenate([beats, calls]), len(beats)


def calls_alone(kind: str, rng: np.random.Generator) -> Times:
    """Times of calls in seconds, without a machine."""
    if kind == "at random":
        return rng.uniform(0, DAY_S, int(rng.choice([50, 500, 5000])))
    if kind == "in bouts":
        pauses = rng.exponential(300.0, (30, 40)) * rng.uniform(0.02, 1.0, (30, 1))
        return np.asarray((rng.uniform(0, DAY_S, (30, 1)) + pauses.cumsum(axis=1)).ravel())
    shortest = rng.uniform(2.0, 6.0)  # events of one class cannot overlap
    line = (shortest + rng.exponential(shortest / rng.choice([0.2, 1.0, 2.0]), 1000)).cumsum()
    return np.unique(line.round()) if kind == "dense, on a grid of windows" else np.asarray(line)


def found(setting: Setting) -> tuple[str, float | None, float | None, float | None]:
    """A row: how many of the sets it is found in, the mean period, and the shares on the beat."""
    periods, of_machine, of_calls = [], [], []
    for seed in range(SEEDS):
        line, n = detections(setting, np.random.default_rng(seed))
        beat = best_period(line, RESOLUTION_S, SHORTEST_S, LEVEL)
        if beat is None:
            continue
        on = on_beat(line, beat.period_s, beat.tolerance_s)
        periods.append(beat.period_s)
        of_machine.append(on[:n].mean())
        of_calls.append(on[n:].mean())
    share = f"{len(periods)} of {SEEDS}"
    if not periods:
        return share, None, None, None
    return share, float(np.mean(periods)), float(np.mean(of_machine)), float(np.mean(of_calls))


def falsely_found(kind: str) -> int:
    """In how many sets without a machine one is found."""
    step = 1.0 if "grid" in kind else RESOLUTION_S
    lines = (calls_alone(kind, np.random.default_rng(seed)) for seed in range(WITHOUT))
    return sum(best_period(line, step, 2.0, LEVEL) is not None for line in lines)


def percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.0f} %"


def main() -> None:
    rows = []
    for setting in SETTINGS:
        share, period, machine, calls = found(setting)
        rows.append((str(setting), share, period and f"{period:.1f} s", percent(machine), percent(calls)))
        print(*rows[-1], sep="; ")
    kinds = ("at random", "in bouts", "dense", "dense, on a grid of windows")
    false = {kind: falsely_found(kind) for kind in kinds}
    print(false)
    values = {
        "seeds": SEEDS,
        "sets": WITHOUT * len(kinds),
        "falsely_found": sum(false.values()),
    }
    columns = ("detections", "found in", "period", "of the machine, on the beat", "of calls, on the beat")
    about = (
        f"Simulated times of {BEATS:,} beats and of calls, {counted(SEEDS, 'set')} each, and "
        f"{values['sets']} sets of calls without a machine."
    )
    store("machines", Stored("python benchmarks/machines.py", about, values, {"found": Table(columns, rows)}))


if __name__ == "__main__":
    main()
