"""The training log: a JSON line for each epoch, and optionally TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from finback.core.errors import SettingsError
from finback.core.extras import install as install_line
from finback.core.runs.files import RunFiles
from finback.core.storage.files import append_line, write_atomic


class TrainingLog:
    """Appends to `metrics.jsonl` in a folder; `since` is the step training resumes at."""

    def __init__(self, folder: Path, since: int, tensorboard: bool) -> None:
        self.path = RunFiles(folder).log
        self._forget_after(since)
        self._board = _board(folder / "tensorboard", since) if tensorboard else None

    def write(self, row: dict[str, Any]) -> None:
        """Raises `WriteError` when the disk is full; the lines before stay."""
        append_line(self.path, json.dumps(row))
        if self._board is not None:
            for key, value in row.items():
                if key not in ("step", "epoch"):
                    self._board.add_scalar(key, value, row["step"])
            self._board.flush()

    def _forget_after(self, step: int) -> None:
        """Drop the lines of steps that will be repeated, and an incomplete last line."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except json.JSONDecodeError:
                break
        write_atomic(self.path, "".join(kept))


def _board(folder: Path, since: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        repair = f"{install_line('tensorboard')}, or set it to false"
        raise SettingsError("setting training.tensorboard: tensorboard is not installed", repair) from None
    return SummaryWriter(str(folder), purge_step=since)
