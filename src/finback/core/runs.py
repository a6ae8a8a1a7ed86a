"""The run folder: the folder is the model. Copy it and it works.

`run.json` holds everything that fixes the run (family, labels, spec, settings, data fingerprint, seed,
versions); tensors are safetensors, tables CSV or parquet, the rest JSON. Never pickle.
"""

from __future__ import annotations

import csv
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Any

from finback import __version__
from finback.core.errors import RunError
from finback.core.files import read_json, write_atomic, write_json
from finback.core.types import SIDES, Clip, Split

FORMAT = 1
WEIGHTS = "weights.safetensors"
CHECKPOINT = "checkpoint.safetensors"  # all that the next training step depends on
VALIDATION_SCORES = "validation.parquet"  # of the selected model, before it was trained on these clips too
HELD_OUT = "held.csv"  # as split.csv: its train side is what was held out, its set-aside what was learnt from
# Two runs are the same work exactly when these agree.
IDENTITY = (
    *("kind", "family", "labels", "spec", "embedder", "settings", "data_fingerprint", "seed", "fold"),
    "arm",  # of a comparison of synthetic clips: what was added to the real ones
)
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


class RunFolder:
    """A folder with one trained thing in it, or the beginnings of one."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises `RunError` if the folder is none."""
        run = cls(path)
        if not (run.path / "run.json").is_file():
            raise RunError(
                f"{path}: not a finback run folder (it has no run.json)", "finback train writes one"
            )
        if run.facts.get("format") != FORMAT:
            raise RunError(
                f"{path}: written in format {run.facts.get('format')}", f"this finback reads {FORMAT}"
            )
        return run

    @classmethod
    def begin(cls, path: Path, facts: Mapping[str, Any]) -> RunFolder:
        """Start a run, or go on with the same one. Raises `RunError` if the folder holds another."""
        run = cls(path)
        if not cls.check(path, facts):
            run.write({**facts, "format": FORMAT, "finback": __version__, **environment()})
        return run

    @classmethod
    def check(cls, path: Path, facts: Mapping[str, Any]) -> bool:
        """Whether the folder holds this very run already. Raises `RunError` if it holds another."""
        if not (Path(path) / "run.json").is_file():
            return False
        old = cls.open(path).facts
        changed = [d for key in IDENTITY for d in _differences(key, old.get(key), facts.get(key))]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            what = ", ".join(changed[:3]) + more
            raise RunError(f"{path}: holds another run ({what})", "give another --out, or delete that folder")
        return True

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = read_json(self.path / "run.json")
        return facts

    def write(self, facts: Mapping[str, Any]) -> None:
        write_json(self.path / "run.json", dict(facts))

    def note(self, **facts: Any) -> None:
        """Add to run.json."""
        self.write({**self.facts, **facts})

    def finish(self, **facts: Any) -> None:
        """Note that training is done, and these facts.

        What it would have gone on from, four times as large as the model, is taken away.
        """
        self.note(**facts, trained=True)
        for path in self.path.rglob(CHECKPOINT):
            path.unlink(missing_ok=True)

    @property
    def folds(self) -> list[RunFolder]:
        """The runs of a cross-validation, in order; empty for a single run."""
        count = self.facts.get("n_folds", 0)
        return [RunFolder(self.path / "folds" / str(i)) for i in range(count)]

    @property
    def families(self) -> list[str]:
        """The model families in it: its own and those of an ensemble's members."""
        facts = self.facts
        return [facts.get("family", ""), *(member["family"] for member in facts.get("members", ()))]

    @property
    def is_trained(self) -> bool:
        return (self.path / "run.json").is_file() and bool(self.facts.get("trained"))


def environment() -> dict[str, Any]:
    """Versions of what the numbers depend on, and the commit if this is a checkout."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "git_commit": _git_commit()}


def _git_commit() -> str | None:
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _differences(key: str, old: Any, new: Any) -> list[str]:
    """`training.epochs 40 -> 20` for every leaf that changed."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [d for k in sorted({*old, *new}) for d in _differences(f"{key}.{k}", old.get(k), new.get(k))]
    # JSON has no tuples: compare what would be read back.
    if (list(old) if isinstance(old, list | tuple) else old) == (
        list(new) if isinstance(new, list | tuple) else new
    ):
        return []
    if isinstance(old, list | tuple):
        return [f"{key} changed"]
    return [f"{key.removeprefix('settings.')} {old} -> {new}"]


SPLIT_COLUMNS = ("recording_id", "file", "start", "stop", "channel", "species", "group", "side")


def save_split(path: Path, split: Split) -> None:
    """One row a clip, readable in a spreadsheet. `set_aside` is a side of its own here."""
    out = StringIO()
    table = csv.writer(out)
    table.writerow(SPLIT_COLUMNS)
    for side in (*SIDES, "set_aside"):
        clips = split.set_aside if side == "set_aside" else split.side(side)
        for c in clips:
            table.writerow([c.recording.id, c.recording.path.name, *c.key[1:], c.label, c.group, side])
    write_atomic(path, out.getvalue())


def load_split(path: Path, clips: Sequence[Clip], by: str) -> Split:
    """The split of a run, over the clips of its manifest. Raises `RunError` if they are not the same."""
    known = {c.key: c for c in clips}
    sides: dict[str, list[Clip]] = {side: [] for side in (*SIDES, "set_aside")}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["recording_id"], int(row["start"]), int(row["stop"]), int(row["channel"]))
                sides[row["side"]].append(known[key].in_group(row["group"]))
    except (OSError, KeyError, ValueError) as error:
        raise RunError(
            f"{path}: does not fit the run's manifest.csv ({error})", "delete both and train again"
        ) from None
    tuples = {side: tuple(found) for side, found in sides.items()}
    return Split(**tuples, by="clip" if by == "clip" else "group")
