"""Weights of a run folder. Oracle: the answer of the whole weights, or a refusal; never another answer."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from fuzz.answers import REFUSED, SAME, Nonsense, close, finback, probabilities, refusal
from fuzz.damage import damaged_bytes, damaged_value
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    with stage.work() as folder:
        run = folder / "run"
        shutil.copytree(stage.folder / "run", run)
        path = run / "weights.safetensors"
        path.write_bytes(_mutant(path.read_bytes(), rng))
        words = ("predict", "{}", str(stage.clip), "--json", "--device", "cpu")
        said = finback(*(w.format(run) for w in words))
        whole = stage.whole(*(w.format(stage.folder / "run") for w in words))
        if whole.code:
            raise Nonsense(f"the whole run is refused: {whole.err}")
        if refusal(said):
            return REFUSED, said.err
        if not close(probabilities(said.json), probabilities(whole.json)):
            raise Nonsense(f"another answer: {said.out[:300]}")
        return SAME, Path(path).name


def _mutant(data: bytes, rng: random.Random) -> bytes:
    what = rng.random()
    if what < 0.4:  # values only: the file is well formed, and the numbers are others
        out = bytearray(data)
        for _ in range(rng.choice((1, 2, 50))):
            out[-1 - rng.randrange(len(data) // 2)] ^= 1 << rng.randrange(8)
        return bytes(out)
    if what < 0.7:
        return damaged_bytes(data, rng, head=2000)
    length = int.from_bytes(data[:8], "little")
    header = damaged_value(json.loads(data[8 : 8 + length]), rng)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    size = rng.choice((len(text), len(text), len(text) + 1, 2**62, 0))
    return size.to_bytes(8, "little") + text + data[8 + length :]
