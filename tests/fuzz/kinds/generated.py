"""Folders of generated clips. Oracle: refused, or indexed with each row a clip or a problem."""

from __future__ import annotations

import random
import shutil

from fuzz.answers import REFUSED, REMARK, RIGHT, finback, refusal
from fuzz.damage import damaged_bytes, damaged_json, damaged_text
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    data = stage.folder / "old" / "data"
    with stage.work() as folder:
        made = folder / "made"
        shutil.copytree(stage.folder / "old" / rng.choice(("generated", "synthesized")), made)
        path = rng.choice(
            sorted(p for p in made.rglob("*") if p.is_file() and p.suffix in (".json", ".csv", ".npz"))
        )
        content = path.read_bytes()
        if path.suffix == ".json":
            path.write_bytes(damaged_json(content, rng))
        elif path.suffix == ".csv":
            path.write_bytes(damaged_text(content.decode(), rng))
        else:
            path.write_bytes(damaged_bytes(content, rng, head=300))
        run = str(stage.folder / "old/generator-gaussian")
        words = rng.choice(
            (
                (
                    "split",
                    "--audio",
                    str(data / "audio"),
                    "--labels",
                    str(data / "labels.csv"),
                    "--synthetic",
                    str(made),
                ),
                ("generate", run, "Killer whale", "-n", "2", "--out", str(made)),
            )
        )
        said = finback(*words, "--json")
        if refusal(said):
            return REFUSED, said.err
        return (REMARK if said.err.strip() else RIGHT), f"{path.name}: {said.err[-200:]}"
