"""Small soundscapes, and what they are made of."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from finback.audio import io
from finback.audio.io import open_recording
from finback.core.settings import build
from finback.core.types import Clip
from finback.datasets.simulate.soundscape import (
    Soundscape,
    SoundscapeSettings,
    simulate_soundscape,
)
from finback.datasets.simulate.soundscape.calls import SimulatedCalls
from finback.datasets.simulate.soundscape.noise import SimulatedNoise
from finback.datasets.simulate.soundscape.plan import Tape, plan_tape, seed_of

TWO = ("Fin whale", "North Atlantic right whale")
SMALL: dict[str, Any] = {"minutes": 1, "sample_rate": 2000, "species": TWO, "calls_per_hour": 240}


def made(out: Path, clips: Any = None, noise: Any = None, **settings: Any) -> Soundscape:
    return simulate_soundscape(out, build(SoundscapeSettings, {**SMALL, **settings}), clips, noise)


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".")
    }


def plan(**settings: Any) -> tuple[Tape, SimulatedCalls]:
    s = build(SoundscapeSettings, {**SMALL, **settings})
    rate = s.sample_rate or 0
    pool = SimulatedCalls.of(s.species, rate, s.longest_s)
    beds = [SimulatedNoise(rate).bed(seed_of(s, "", 0, 0, c), s.n_samples(rate)) for c in range(s.channels)]
    return plan_tape(s, 0, pool, beds, rate), pool


def clip_of(path: Path, x: np.ndarray, rate: int, label: str = "Beluga", group: str = "t1") -> Clip:
    io.write(path, x, rate)
    return Clip(open_recording(path, group), 0, len(x), label)


def noise_folder(folder: Path, rate: int, seconds: tuple[float, ...]) -> Path:
    for i, s in enumerate(seconds):
        rng = np.random.default_rng(i)
        x = 0.02 * rng.standard_normal(round(s * rate))
        io.write(folder / f"n{i}.wav", x.clip(-0.9, 0.9), rate)
    return folder
