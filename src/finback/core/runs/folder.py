"""The run folder: the folder is the model. Copy it and it works.

    run = RunFolder.open(Path("runs/cnn"))
    run.info.temperature       # run.json, read once
    run.weights                # the path of a file (core/runs/files.py)
    run.require_trained()

Tensors are safetensors, tables CSV or parquet, the rest JSON. No file is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Collection
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from finback.core.errors import RunError
from finback.core.runs.files import CHECKPOINT, FOLDS, MEMBERS, RunFiles
from finback.core.runs.info import RunInfo, differences
from finback.core.runs.split_table import SplitRow, read_held_out, read_rows
from finback.core.storage.files import tensors_digest, write_json
from finback.core.version import __version__

FORMAT = 1
# Two runs are the same work exactly when these agree.
IDENTITY = (
    *("kind", "family", "labels", "spec", "backbone_version", "settings", "data_fingerprint", "seed", "fold"),
    "arm",  # of a study of synthetic clips: what was added to the real ones
)
# What a model is, besides its hyper-parameters and weights.
MODEL_IDENTITY = ("kind", "family", "labels", "spec", "backbone_version", "temperature", "combination")
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


# Tables that the three comparisons write.
COMPARED = ("leaderboard.json", "synthetic_study.json", "data_sets.json")


def no_run(path: Path) -> RunError:
    """Why a folder without a run.json is no run, and what to give in its place."""
    if any((path / name).is_file() for name in COMPARED):
        return RunError(
            f"{path}: a comparison, not a finback run folder",
            f"give one of its runs, in {path / 'runs'}; for figures of the comparison, give its finback "
            "compare command again with --format and --width: nothing is trained again",
        )
    return RunError(f"{path}: not a finback run folder (it has no run.json)", "finback train writes one")


class RunFolder(RunFiles):
    """A folder with one trained model, or with an unfinished training."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._info: RunInfo | None = None
        self._tensors: tuple[tuple[int, int, int], str] | None = None  # of the weights

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises `RunError` if the folder is none."""
        run = cls(path)
        if not run.run_json.is_file():
            raise no_run(path)
        if run.info.format != FORMAT:
            raise RunError(f"{path}: written in format {run.info.format}", f"this finback reads {FORMAT}")
        return run

    @classmethod
    def begin(cls, path: Path, info: RunInfo) -> RunFolder:
        """Start a run, or continue the same run. Raises `RunError` if the folder holds another."""
        run = cls(path)
        if not cls.check(path, info):
            run.write(info.updated(format=FORMAT, finback=__version__, **environment()))
        elif run.is_trained:
            run._forget_checkpoints()  # of a process that was killed at its very end
        return run

    @classmethod
    def check(cls, path: Path, info: RunInfo) -> bool:
        """Whether the folder already holds this run.

        Raises `RunError` that names what differs if it holds another. A run of an older finback is the same
        run when its settings are the same and settings that were added since have their defaults.
        """
        if not cls(path).run_json.is_file():
            return False
        changed = differences(cls.open(path).info, info, IDENTITY)
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise RunError(
                f"{path}: holds another run ({', '.join(changed[:3])}{more})", "give another --out"
            )
        return True

    @classmethod
    def check_out(cls, path: Path, info: RunInfo) -> bool:
        """As `check`, for a folder to train in. Raises `RunError` also for files that a run would replace."""
        if cls.check(path, info):
            return True
        run = cls(path)
        # A run writes run.json first; only the audit of the data may be there before it.
        files = (run.manifest, run.problems, run.split_table, run.log, run.weights, run.metrics)
        found = [file.name for file in files if file.exists()]
        if found:
            raise RunError(f"{path}: holds another {found[0]}, and no run", "give another --out")
        return False

    @property
    def info(self) -> RunInfo:
        """What run.json holds; the file is read once."""
        if self._info is None:
            self._info = RunInfo.read(self.run_json)
        return self._info

    def write(self, info: RunInfo) -> None:
        """Write run.json."""
        write_json(self.run_json, info.to_json())
        self._info = info

    def note(self, **changes: Any) -> None:
        """Set some keys of run.json. The others are read again, since another object may have set them."""
        self.write(RunInfo.read(self.run_json).updated(**changes))

    def finish(self, **changes: Any) -> None:
        """Set some keys and mark the training as finished.

        Removes the checkpoints, which only an unfinished training needs; each is four times as large as the
        model.
        """
        self.note(**changes, trained=True)
        self._forget_checkpoints()

    def _forget_checkpoints(self) -> None:
        for path in self.path.rglob(CHECKPOINT):
            with suppress(OSError):  # a finished run may be read-only
                path.unlink()

    @property
    def folds(self) -> list[RunFolder]:
        """The runs of a cross-validation, in order; empty for a single run."""
        return [self.fold(i) for i in range(self.info.n_folds)]

    def fold(self, number: int) -> RunFolder:
        """The run of one fold, whether it was begun or not."""
        return RunFolder(self.path / FOLDS / str(number))

    @property
    def parts(self) -> list[RunFolder]:
        """The runs of the folds; the run itself where there is only one."""
        return self.folds or [self]

    def member(self, number: int) -> RunFolder:
        """One member of an ensemble, whether it is there or not."""
        return RunFolder(self.path / MEMBERS / str(number))

    def fingerprint(self) -> str:
        """12 hex digits of what the model is, wherever the folder lies and whenever it was trained.

        Runs with equal fingerprints give the same answers. Their labels, features, hyper-parameters, weights
        and temperatures are equal, of all folds and members. Raises `RunError` when weights are missing.
        """
        info = self.info
        parts = self.folds or [self.member(i) for i in range(len(info.members))]
        identity = {
            **{key: getattr(info, key) for key in MODEL_IDENTITY},
            "model": info.settings.get("model"),
            "parts": [part.fingerprint() for part in parts],
            "weights": None if parts else self._tensors_digest(),
        }
        text = json.dumps(identity, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def _tensors_digest(self) -> str:
        """Of the weights; the file is read again only if it was replaced."""
        try:
            status = self.weights.stat()
            now = (status.st_ino, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            now = (0, 0, 0)
        if self._tensors is None or self._tensors[0] != now:
            self._tensors = now, tensors_digest(self.weights).hex()
        return self._tensors[1]

    def training_rows(self, include_validation: bool) -> list[SplitRow]:
        """The clips that the run was trained on, of all folds; none where the folder does not list them.

        `include_validation`: also the validation set, which chose the epochs and the temperature. Clips that
        a generator held out are left out.
        """
        if self.held_out_table.exists():
            rows = [row for row in read_held_out(self.held_out_table) if row.subset == "train"]
            return rows + (self._rows(("validation",)) if include_validation else [])
        return self._rows(("train", "validation") if include_validation else ("train",))

    def training_recordings(self, include_validation: bool) -> frozenset[str]:
        """Ids of the recordings of `training_rows`."""
        return frozenset(row.recording_id for row in self.training_rows(include_validation))

    def _rows(self, subsets: Collection[str]) -> list[SplitRow]:
        tables = [run.split_table for run in (self, *self.folds) if run.split_table.exists()]
        return [row for table in tables for row in read_rows(table) if row.subset in subsets]

    @property
    def is_trained(self) -> bool:
        """Whether the whole training is done; false for a folder without run.json."""
        return self.run_json.is_file() and self.info.trained

    def require_trained(self) -> None:
        """Raises `RunError` unless the whole training is done."""
        if not self.is_trained:
            raise RunError(
                f"{self.path}: training has not finished", "run the same finback train again, it resumes"
            )


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
            encoding="utf-8",
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
