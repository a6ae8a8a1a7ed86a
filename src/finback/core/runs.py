"""The run folder: the folder is the model. Copy it and it works.

    run = RunFolder.open(Path("runs/cnn"))
    run.info.temperature       # run.json, read once
    run.weights                # the path of a file (core/run_files.py)
    run.require_trained()

Tensors are safetensors, tables CSV or parquet, the rest JSON. Never pickle.
"""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from finback import __version__
from finback.core.errors import RunError
from finback.core.files import write_json
from finback.core.run_files import CHECKPOINT, FOLDS, MEMBERS, RunFiles
from finback.core.run_info import RunInfo, differences

FORMAT = 1
# Two runs are the same work exactly when these agree.
IDENTITY = (
    *("kind", "family", "labels", "spec", "backbone_version", "settings", "data_fingerprint", "seed", "fold"),
    "arm",  # of a study of synthetic clips: what was added to the real ones
)
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


class RunFolder(RunFiles):
    """A folder with one trained thing in it, or the beginnings of one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._info: RunInfo | None = None

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises `RunError` if the folder is none."""
        run = cls(path)
        if not run.run_json.is_file():
            raise RunError(
                f"{path}: not a finback run folder (it has no run.json)", "finback train writes one"
            )
        if run.info.format != FORMAT:
            raise RunError(f"{path}: written in format {run.info.format}", f"this finback reads {FORMAT}")
        return run

    @classmethod
    def begin(cls, path: Path, info: RunInfo) -> RunFolder:
        """Start a run, or go on with the same one. Raises `RunError` if the folder holds another."""
        run = cls(path)
        if not cls.check(path, info):
            run.write(info.updated(format=FORMAT, finback=__version__, **environment()))
        return run

    @classmethod
    def check(cls, path: Path, info: RunInfo) -> bool:
        """Whether the folder holds this very run already.

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
        for path in self.path.rglob(CHECKPOINT):
            path.unlink(missing_ok=True)

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
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
