"""What `finback generate` prints about the clips that it made, and its clips from files of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.cli.console import out, out_json, progress, say

if TYPE_CHECKING:
    from finback.generation.generate import SampleReport
    from finback.generation.synthesizer import SynthesisConfig


def show(report: SampleReport) -> None:
    """What `generate` prints for people."""
    from finback.core.runs.trained_on import caution
    from finback.generation.generate import NEAREST

    for paths in report.files.values():
        for path in paths:
            out(str(path))
    existing = f", {report.n_existing} existed already" if report.n_existing else ""
    say(
        f"{report.folder}: {report.n_new} new clips{existing}; spectrograms in grid.png, list in manifest.csv"
    )
    if line := caution(report.one_group):
        say(line)
    if report.parents != NEAREST:
        say(f"the nearest training clip of each sample is not listed: {report.parents}")


def as_json(report: SampleReport, terms: Any) -> dict[str, Any]:
    """What `generate --json` prints; docs/json.md documents the keys."""
    return {
        "folder": str(report.folder),
        "manifest": str(report.folder / "manifest.csv"),
        "terms": terms,
        "files": {name: [str(p) for p in paths] for name, paths in report.files.items()},
        "n_new": report.n_new,
        "n_existing": report.n_existing,
        "parents": report.parents,
        "trained_on_one_group": report.one_group,
    }


def make_again(config: SynthesisConfig, files: list[Path], out_folder: Path, json: bool) -> None:
    """Samples from files of parameters."""
    from finback.generation.calls.files import make_again as make_clips

    made = make_clips(config, files, out_folder, progress)
    if json:
        table = str(out_folder / "manifest.csv")
        written = {name: [str(p) for p in paths] for name, paths in made.items()}
        out_json({"folder": str(out_folder), "manifest": table, "files": written})
        return
    for paths in made.values():
        for path in paths:
            out(str(path))
    say(f"{out_folder}: clips of {len(files)} files of parameters; the calls are listed in calls.csv")
