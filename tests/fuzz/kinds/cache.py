"""Entries of the feature cache. Oracle: the answer is that of a whole cache, always."""

from __future__ import annotations

import random

from fuzz.answers import SAME, Nonsense, finback
from fuzz.damage import damaged_bytes
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    data = stage.folder / "old" / "data"
    words = ("evaluate", str(stage.folder / "run"), "--audio", str(data / "audio"), "--labels")
    words = (*words, str(data / "labels.csv"), "--json", "--device", "cpu")
    whole = stage.whole(*words)
    entries = sorted(p for p in (stage.folder / "cache").rglob("*") if p.is_file())
    if not entries:
        raise Nonsense("nothing is in the cache")
    for path in rng.sample(entries, min(len(entries), rng.choice((1, 1, 3)))):
        content = path.read_bytes()
        other = rng.choice(entries).read_bytes()
        path.write_bytes(
            rng.choice((damaged_bytes(content, rng, 128), damaged_bytes(content, rng, 128), other))
        )
    said = finback(*words)
    if said.code or said.out != whole.out:
        raise Nonsense(f"another answer from a damaged cache: code {said.code}, {said.err[-500:]}")
    return SAME, len(entries)
