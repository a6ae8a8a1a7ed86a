"""The files of an evaluation: numbers, lists of events, and the page."""

from __future__ import annotations

import json
from pathlib import Path

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.storage.files import write_atomic
from finback.core.storage.folders import is_free, whole_folder
from finback.data.formats.events_csv import write as write_events
from finback.evaluation.detections.audio import Sounds
from finback.evaluation.detections.evaluate import DetectionEvaluation
from finback.evaluation.detections.page import page_of
from finback.evaluation.detections.results import events_of, to_json

LAST = "evaluation.json"
FILES = ("report.html", "misses.csv", "false_alarms.csv", LAST)


def check_new(folder: Path) -> None:
    """Raises `RunError` for a folder that holds files: no evaluation is overwritten."""
    if (folder.exists() and not folder.is_dir()) or not is_free(folder, LAST):
        raise RunError(f"{folder}: not empty", "give a new folder as --out")


def save(
    result: DetectionEvaluation, folder: Path, sounds: Sounds, progress: Progress = no_progress
) -> list[Path]:
    """Write all files of an evaluation into a new folder, whole or not at all; their paths."""
    check_new(folder)
    with whole_folder(folder, LAST) as hidden:
        write_atomic(hidden / "report.html", page_of(result, sounds, progress))
        write_events(hidden / "misses.csv", events_of(result.misses))
        write_events(hidden / "false_alarms.csv", events_of(result.false_alarms))
        text = json.dumps(to_json(result), indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(hidden / LAST, text + "\n")
    return [folder / name for name in FILES]
