"""What `finback generate` prints about the clips that it made, and its clips from files of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.cli.console import out, out_json, progress, say

if TYPE_CHECKING:
    from finback.generation.generate import SampleReport
    from finback.generation.synthesizer import SynthesisConfig

SHOWN = 4  # species whose grade is printed


def show(report: SampleReport, model: str) -> None:
    """What `generate` prints for people; `model` as it was named."""
    from finback.core.runs.trained_on import caution
    from finback.core.storage.caches import first_time
    from finback.core.text import counted
    from finback.generation.generate import NEAREST

    for paths in report.files.values():
        for path in paths:
            out(str(path))
    existing = f", {report.n_existing} existed already" if report.n_existing else ""
    new = counted(report.n_new, "new clip")
    say(f"{report.folder}: {new}{existing}; spectrograms in grid.png, list in manifest.csv")
    for name, grade in list(report.grades.items())[:SHOWN]:
        say(grade.line(name))
    if len(report.grades) > SHOWN:
        say(f"and {len(report.grades) - SHOWN} more species: see generator_audit.json of the generator")
    if line := caution(report.one_group):
        say(line)
    if report.parents == NEAREST:
        say(_nearest(report))
    elif report.n_new and first_time("nearest", model):
        say(f"manifest.csv does not name the real clip that is most like each sample: {report.parents}")


def _nearest(report: SampleReport) -> str:
    """How near the samples are to training clips, from the manifest."""
    from finback.core.storage.csv_files import read_csv

    names = {path.name for paths in report.files.values() for path in paths}
    rows = read_csv(report.folder / "manifest.csv", ["file", "parents", "distance"])
    found = [(float(row["distance"]), row) for row in rows if row["file"] in names and row["distance"]]
    means = "0: a copy, 1.4: nothing in common"
    if not found:
        return f"manifest.csv names the training clip nearest to each sample and its distance ({means})"
    distance, row = min(found, key=lambda one: one[0])
    return (
        f"manifest.csv names the training clip nearest to each sample, and its distance ({means}); "
        f"the smallest is {distance:.2f}: {row['file']} and {row['parents']}"
    )


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
