"""The pictures and the printed output of README and docs, each made by the commands that stand beside it.

    python benchmarks/pictures.py    # all
    python benchmarks/pictures.py headline --data DIR    # the README's, from the real recordings in DIR
    python benchmarks/pictures.py readme tutorial detector    # pages, run in an empty folder

The pictures of `carry_over.py` and `generator_pictures.py` need hours: these scripts make them.

Each part copies its pictures to docs/pictures and stores what it drew and printed as `page-PART.json`
(`stored.py`), with the SHA-256 of each picture, the commands, and the state of the source. A test compares
the pictures with their digests, the commands with those of the page, and what the page shows with what was
printed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from page_commands import ENVIRONMENT, ROOT, RUN, run, steps
from stored import PICTURES, Stored, Table, pictures, source, store

from finback.evaluation.pages.run_data import read_run
from finback.report.pages.figures import bars
from finback.report.pages.summary import verdict

HEADLINE = (
    "finback run --audio {data} --labels {data}/watkins_all/labels.csv "
    "--groups {data}/watkins_all/metadata.csv:group --out {out}"
)
OF_TUTORIAL = {
    "tutorial-headline.png": "runs/sea/figures/headline.png",
    "tutorial-reliability.png": "runs/sea/figures/reliability.png",
    "tutorial-made.png": "made/grid.png",
}
PANELS = ("by_group", "by_clip")  # of the headline, from above
BARS = {
    "this model": "model",
    "no audio: file metadata": "metadata",
    "no audio: group lookup": "lookup",
}
WAYS = {"boxes": "scans/tune", "windows": "tables/windows", "hysteresis": "tables/hysteresis"}
Values = dict[str, Any]


def drawn(folder: Path) -> Values:
    """Every bar of a run's headline with its interval, and what was tested."""
    found = read_run(folder)
    metrics = found.metrics or {}
    values: Values = {"n_clips": metrics["n_clips"], "n_groups": metrics["n_groups"]}
    values |= {"n_species": len(found.labels), "family": str(found.info.family), "folds": found.info.n_folds}
    for panel, shown in zip(PANELS, bars(metrics, found.audit, found.by_clip).values(), strict=True):
        for bar in shown:
            key = f"{panel}.{BARS[bar.label]}"
            values[key] = bar.value
            if bar.interval is not None:
                values[f"{key}.ci"] = list(bar.interval)
    values["verdict"] = verdict(metrics, found.audit, found.by_clip)
    return values


def as_json(command: str, folder: Path) -> Any:
    """The JSON object that a command prints. Raises `CalledProcessError` where it fails."""
    words = [sys.executable, "-m", *shlex.split(command), "--json"]
    done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def of_readme(folder: Path) -> tuple[Values, dict[str, Table]]:
    found = as_json("finback evaluate-detections hour/truth.csv scans/hour", folder)
    values: Values = {"false_alarms": found["overall"]["n_false_alarms"]}
    for name, row in found["classes"].items():
        key = name.split()[0].lower()
        values |= {f"{key}.true": row["n_true"], f"{key}.found": row["n_found"]}
    return values, {}


def of_tutorial(folder: Path) -> tuple[Values, dict[str, Table]]:
    answer = as_json("finback predict runs/sea new/audio/killer-whale-t1-c0001.flac", folder)
    first = (answer if isinstance(answer, list) else answer["predictions"])[0]
    probabilities = first.get("probabilities") or first["species"]
    return drawn(folder / "runs" / "sea") | {"killer": probabilities["Killer whale"]}, {}


def of_detector(folder: Path) -> tuple[Values, dict[str, Table]]:
    def within(row: Mapping[str, Any], key: str) -> str:
        low, high = row[f"{key}_ci"]
        return f"{row[key]:.2f} ({low:.2f}-{high:.2f})"

    rows = []
    for name, table in WAYS.items():
        row = as_json(f"finback evaluate-detections tune/truth.csv {table}", folder)["overall"]
        rates = [within(row, key) for key in ("precision", "recall", "f1")]
        rows.append((name, row["n_false_alarms"], *rates))
    ways = Table(("events", "false alarms", "precision", "recall", "F1"), rows)
    found = as_json("finback evaluate-detections test/truth.csv scans/test", folder)
    classes = {**found["classes"], "all": found["overall"]}
    counts = ("n_true", "n_found", "n_missed", "n_false_alarms")
    columns = ("class", "true", "found", "missed", "false", "precision", "recall", "F1")
    test = [
        (name, *(row[key] for key in counts), *(within(row, key) for key in ("precision", "recall", "f1")))
        for name, row in classes.items()
    ]
    return {}, {"ways": ways, "test": Table(columns, test)}


AFTER: dict[str, Callable[[Path], tuple[Values, dict[str, Table]]]] = {
    "readme": of_readme,
    "tutorial": of_tutorial,
    "detector": of_detector,
}


def page(part: str) -> None:
    """Run the commands of a page in an empty folder, and store what they print and draw."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        printed = run(steps(RUN[part]), folder)
        values, tables = AFTER[part](folder)
        for picture, made in OF_TUTORIAL.items() if part == "tutorial" else ():
            shutil.copyfile(folder / made, PICTURES / picture)
    tables["printed"] = Table(("command", "printed"), printed)
    about = f"The commands of {RUN[part].relative_to(ROOT)}, run one after another in an empty folder."
    stored(part, about, values, tables, list(OF_TUTORIAL) if part == "tutorial" else [])


def headline(data: Path) -> None:
    """The picture of the README: the complete workflow on real recordings, with nothing chosen by hand."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "mine"
        line = HEADLINE.format(data=shlex.quote(str(data)), out=out).removeprefix("finback ")
        command = [sys.executable, "-m", "finback", *shlex.split(line)]
        print(f"$ {HEADLINE}", flush=True)
        subprocess.run(command, env=ENVIRONMENT, check=True)
        shutil.copyfile(out / "figures" / "headline.png", PICTURES / "headline.png")
        values = drawn(out)
    shown = HEADLINE.format(data="DATA", out="runs/mine")
    about = f"The real Watkins recordings of DATA with nothing chosen by hand: {shown}."
    stored(
        "headline", about, values, {"printed": Table(("command", "printed"), [(shown, "")])}, ["headline.png"]
    )


def stored(part: str, about: str, values: Values, tables: dict[str, Table], drawn_here: list[str]) -> None:
    """`page-PART.json`: the values, and where each picture comes from."""
    if drawn_here:
        tables = {**tables, "pictures": pictures(drawn_here)}
    made = {"source": source(), "day": f"{datetime.now(UTC):%Y-%m-%d}"}
    command = f"python benchmarks/pictures.py {part}"
    path = store(f"page-{part}", Stored(command, about, {**values, **made}, tables))
    print(path.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures and printed output of README and docs.")
    parser.add_argument("parts", nargs="*", choices=["headline", *RUN], metavar="PART")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    asked = parser.parse_args()
    for part in asked.parts or ["headline", *RUN]:
        if part == "headline":
            headline(asked.data.resolve())
        else:
            page(part)


if __name__ == "__main__":
    main()
