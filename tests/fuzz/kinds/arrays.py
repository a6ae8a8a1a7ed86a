"""Log-mels in .npy and .npz files. Oracle: refused, or sound of the arrays' length is written."""

from __future__ import annotations

import random

from fuzz.answers import REFUSED, RIGHT, Nonsense, finback, refusal
from fuzz.damage import damaged_bytes
from fuzz.stage import HERE, Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    name = rng.choice(("logmels.npz", "logmels.npy"))
    with stage.work() as folder:
        path = folder / name
        data = (stage.folder / name).read_bytes()
        if name.endswith("npy") and rng.random() < 0.3:
            header = rng.choice(
                (
                    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 32, 60), }",
                    b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 32, 60), }",
                    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 32, 60), }",
                    b"{'descr': '<f8', 'fortran_order': False, 'shape': (32, 60), }",
                    b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 32, 60), }",
                    b"__import__('os').system('true')",
                )
            )
            text = header.ljust(117) + b"\n"
            data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data[128:]
        else:
            data = damaged_bytes(data, rng, head=300)
        path.write_bytes(data)
        words = ("--preset", str(HERE / "tiny.toml"), "--vocoder", "fast-griffin-lim", "--rounds", "2")
        said = finback("vocode", str(path), *words, "--out", str(folder / "out"), "--json")
        if refusal(said):
            return REFUSED, said.err
        if not list((folder / "out").rglob("*.wav")):
            raise Nonsense(f"no sound was written: {said.out[:300]}")
        return RIGHT, said.out[:200]
