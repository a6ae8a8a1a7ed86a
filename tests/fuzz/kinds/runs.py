"""Run folders of today and of 0.1.0, with one file damaged.

Oracle: refused; or the answer is that of the whole folder; or it is one that the changed file says, and then
probabilities are probabilities and metrics agree with each other (the reader checks these).
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from fuzz.answers import REFUSED, REMARK, RIGHT, SAME, Nonsense, close, finback, probabilities, refusal
from fuzz.damage import damaged_bytes, damaged_json, damaged_text
from fuzz.stage import Answer, Stage

CLASSIFIERS = ("run", "old/classifier", "old/classifier-folds", "old/ensemble", "old/packaged")
OTHERS = ("old/generator-gaussian", "old/generator-vae", "old/vocoder", "old/generator-diffusion")
TEXTS = (".json", ".csv", ".jsonl", ".parquet", ".md")


def case(stage: Stage, rng: random.Random) -> Answer:
    name = rng.choice((*CLASSIFIERS * 3, *OTHERS))
    with stage.work() as folder:
        run = folder / "run"
        shutil.copytree(stage.folder / name, run, copy_function=_linked)
        files = sorted(p for p in run.rglob("*") if p.suffix in TEXTS and "figures" not in p.parts)
        main = [p for p in files if p.name in ("run.json", "metrics.json", "audit.json", "problems.json")]
        path = rng.choice(main) if rng.random() < 0.7 and main else rng.choice(files)
        _spoil(path, rng)
        words = _command(stage, name, run, folder, rng)
        said = finback(*words)
        detail = f"{path.relative_to(run)}: {' '.join(words)}: {said.err[-300:]}"
        if refusal(said):
            return REFUSED, detail
        if words[0] == "predict":
            known = probabilities(said.json)
            whole = [w if w != str(run) else str(stage.folder / name) for w in words]
            before = probabilities(stage.whole(*whole).json)
            if close(known, before):
                return SAME, detail
            if path.name not in ("run.json",):
                raise Nonsense(f"another answer from another {detail}")
        if words[0] == "report" and "missing" in said.err:
            return REMARK, detail
        return RIGHT, detail


def _linked(source: str, target: str) -> None:
    """A copy for files that may change, a link for large ones."""
    if Path(source).suffix == ".safetensors":
        Path(target).hardlink_to(source)
    else:
        shutil.copyfile(source, target)


def _spoil(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    if rng.random() < 0.04:
        path.unlink()
        if rng.random() < 0.5:
            path.mkdir()
    elif path.suffix == ".json":
        path.write_bytes(damaged_json(data, rng))
    elif path.suffix == ".parquet":
        path.write_bytes(damaged_bytes(data, rng))
    else:
        path.write_bytes(damaged_text(data.decode(), rng) if rng.random() < 0.8 else damaged_bytes(data, rng))


def _command(stage: Stage, name: str, run: Path, folder: Path, rng: random.Random) -> list[str]:
    at, clip, out = str(run), str(stage.clip), str(folder / "out")
    if name in CLASSIFIERS:
        what = rng.choices(
            ("predict", "evaluate", "card", "package", "report", "resume"), (8, 6, 4, 3, 1, 3)
        )[0]
    else:
        what = rng.choices(("card", "package", "generate"), (4, 3, 3))[0]
    return {
        "predict": ["predict", at, clip, "--json", "--device", "cpu"],
        "evaluate": ["evaluate", at, "--json", "--device", "cpu"],
        "card": ["export", at, "--to", "card", "--out", f"{out}.md"],
        "package": ["package", at, "--out", out],
        "report": ["report", at],
        "resume": ["ensemble", at, str(stage.folder / "run"), "--out", out],
        "generate": [
            "generate",
            at,
            "Killer whale",
            "-n",
            "1",
            "--steps",
            "2",
            "--out",
            out,
            "--device",
            "cpu",
        ],
    }[what]
