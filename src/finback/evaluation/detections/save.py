"""The files of an evaluation: numbers, lists of events, and the page."""

from __future__ import annotations

import json
from pathlib import Path

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.storage.files import write_atomic
from finback.core.storage.folders import added_folder
from finback.data.formats.events_csv import write as write_events
from finback.evaluation.detections.audio import Sounds
from finback.evaluation.detections.evaluate import DetectionEvaluation
from finback.evaluation.detections.page import page_of
from finback.evaluation.detections.results import events_of, to_json

FILES = ("report.html", "misses.csv", "false_alarms.csv", "evaluation.json")


def check_new(folder: Path) -> None:
    """Raises `RunError` for a folder with other files. The same evaluation may be there already."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file", "give a new folder as --out")
    others = (
        [p.name for p in folder.iterdir() if p.name[0] != "." and p.name not in FILES]
        if folder.exists()
        else []
    )
    if others:
        raise RunError(f"{folder}: not empty, it holds {min(others)}", "give a new folder as --out")


def save(
    result: DetectionEvaluation, folder: Path, sounds: Sounds, progress: Progress = no_progress
) -> list[Path]:
    """Write all files of an evaluation into a new folder; their paths.

    Raises `RunError` when the folder holds another evaluation, or other files.
    """
    check_new(folder)
    with added_folder(folder) as hidden:
        write_atomic(hidden / "report.html", page_of(result, sounds, progress))
        write_events(hidden / "misses.csv", events_of(result.misses))
        write_events(hidden / "false_alarms.csv", events_of(result.false_alarms))
        text = json.dumps(to_json(result), indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(hidden / "evaluation.json", text + "\n")
    return [folder / name for name in FILES]
