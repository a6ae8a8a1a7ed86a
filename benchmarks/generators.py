"""Generators beside real clips, by reference classifiers that finback did not train.

    python benchmarks/generators.py [--json] [--store] [--only NAME ...] [--stored] [--runs DIR]

Rows: `stationary-gaussian` (a baseline without calls), `diffusion`, `calls`, and `bundled`, the generator
that is part of finback. Each is a twin of what a user gets: the same family and settings, trained on the
training side of one split of `watkins_all` by tape. A twin that is not in `runs/generators` is trained, which
takes up to an hour each; `--stored` leaves these out, or prints their stored figures (`--json`). A bundled
generator that left tapes out is measured on these tapes, without a twin. Controls: real clips of the same
tapes, of unseen tapes, and through the vocoder.

The reference embedding is BirdNET where it is installed, else YAMNet; with both, both are shown. Its
classifiers are logistic regressions (`finback.evaluation.generator_audit.by_embedding` defines each figure):

- recognised: by the classifier of clips of the training side; by unseen: by that of clips of unseen tapes
- KAD: to clips of unseen tapes
- real or made: AUC for species left out, samples against clips through the same vocoder; raw: as recorded
- coherence: species whose share of variance common to all bands is within 20 % of that of the clips
- substitution: a classifier taught by samples, tested on unseen tapes, over one taught by clips
- near copies: share nearer to a training clip (whitened) than 1 % of clips are to a clip of another tape
- diversity: distances between samples of a species over those between its clips

Intervals: over species (recognised: bootstrap; KAD: jackknife) or unseen tapes (substitution: bootstrap); the
range over five parts of the species (real or made). Two generators differ only where their intervals do not
overlap.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from generator_rows import Yard, row_of
from generator_twins import NAMES, Twin, dataset, twin
from stored import Stored, Table, load, store, with_interval

from finback.core.errors import FinbackError
from finback.generation.generator import SpectrogramGenerator

ROOT = Path(__file__).parents[1]
COMMAND = "python benchmarks/generators.py"
ABOUT = (
    "Samples of generators (20 of each species) and real clips of the Watkins cuts by reference classifiers "
    "on BirdNET and YAMNet; each generator was trained without the tapes that it is measured on."
)
COLUMNS = {
    "recognised": "recognised",
    "recognised_by_unseen": "by unseen tapes",
    "kad_unseen": "KAD to unseen tapes",
    "real_made_auc": "real or made, AUC",
    "real_made_auc_raw": "the same, clips as recorded",
    "coherence_ok_species": "coherent species",
    "substitution": "taught by samples / by clips",
    "near_copies": "near copies",
    "diversity": "diversity",
}
SHORT = ("recognised", "by unseen", "KAD unseen", "real/made", "real/made raw", "coherent", "taught")
SHORT += ("near copies", "diversity")
COHERENCE = {
    "common_share": "variance common to all bands",
    "periodicity": "periodicity",
    "ridge_s": "length of ridges, s",
    "kurtosis": "kurtosis",
}
Rows = dict[str, dict[str, Any]]


def measured(names: list[str], runs: Path, stored: bool) -> tuple[Rows, Rows]:
    """The rows of the generators, and those of the controls of each, by name."""
    data = dataset()
    yards: dict[Any, Yard] = {}
    rows: Rows = {}
    controls: Rows = {}
    twins: list[tuple[str, Twin]] = []
    for name in names:
        if (found := twin(name, data, runs, stored)) is not None:
            twins.append((name, found))
    for name, found in twins:
        spec = SpectrogramGenerator.load(found.folder, "cpu").spec
        key = (spec.fingerprint, found.sides.train, found.sides.labels)
        if key not in yards:
            yards[key] = Yard(found.sides, spec, runs / "cache")
            title = "" if len(yards) == 1 else f", for {name}"
            controls |= {f"{control}{title}": row for control, row in yards[key].controls().items()}
        rows[name] = row_of(found, yards[key])
    return rows, controls


def table(rows: Rows, embedding: str) -> Table:
    """All figures in one embedding."""
    return Table(
        ("", *COLUMNS.values()),
        [(name, *(_cell(row, key, embedding) for key in COLUMNS)) for name, row in rows.items()],
    )


def _cell(row: dict[str, Any], key: str, embedding: str) -> Any:
    if key == "coherence_ok_species":
        return None if row[key] is None else f"{row[key]} of {row['n_species']}"
    if key == "near_copies":
        return row[key]
    own = row["embeddings"].get(embedding, {})
    return with_interval(own.get(key), own.get(f"{key}_ci"))


def coherence_table(rows: Rows) -> Table:
    """The measures of coherence: means over species, and how many species are within 20 % of real clips."""
    columns = [cell for title in COHERENCE.values() for cell in (title, "species")]
    return Table(("", *columns), [(name, *_coherence(row["coherence"])) for name, row in rows.items()])


def _coherence(row: dict[str, Any]) -> list[Any]:
    counts = {m: f"{row['within'][m]} of {row['n_species']}" if row["within"] else None for m in COHERENCE}
    return [cell for m in COHERENCE for cell in (row[m], counts[m])]


def values(rows: Rows) -> dict[str, Any]:
    """Figures for sentences: `diffusion.recognised`, `diffusion.recognised.ci`."""
    found: dict[str, Any] = {}
    for name, row in rows.items():
        for key in (*COLUMNS, "n_species"):
            plain = f"{name.replace(' ', '-').replace(',', '')}.{key}"
            if row[key] is not None:
                found[plain] = row[key]
            if row.get(f"{key}_ci") is not None:
                found[f"{plain}.ci"] = row[f"{key}_ci"]
    return found


def stored_row(name: str) -> dict[str, Any] | None:
    """The figures of an earlier run of this benchmark; None without them."""
    try:
        known = load("generators").values
    except FileNotFoundError:
        return None
    own = {key.removeprefix(f"{name}."): v for key, v in known.items() if key.startswith(f"{name}.")}
    if not own:
        return None
    row = {key.replace(".ci", "_ci"): v for key, v in own.items()}
    return {**row, "about": f"stored in benchmarks/results/generators.json by {COMMAND}"}


def show(rows: Rows, embedding: str) -> None:
    """The table as plain text."""
    print(f"\nembedding: {embedding}")
    print(f"{'':24s}", *(f"{title:>16s}" for title in SHORT))
    for name, *cells in table(rows, embedding).rows:
        print(f"{name:24.24s}", *(f"{_text(cell):>16s}" for cell in cells))


def _text(cell: Any) -> str:
    if isinstance(cell, dict):
        return f"{cell['value']:.2f} ({cell['low']:.2f},{cell['high']:.2f})"
    return "-" if cell is None else cell if isinstance(cell, str) else f"{cell:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Generators beside real clips, by reference classifiers.")
    parser.add_argument("--json", action="store_true", help="print {name: figures} and nothing else")
    parser.add_argument("--store", action="store_true", help="store the figures for README and docs")
    parser.add_argument("--only", action="append", choices=NAMES, help="this row only; repeatable")
    parser.add_argument(
        "--stored",
        action="store_true",
        help="train nothing; with --json, rows without a twin are the stored ones",
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "generators", help="folder of the twins")
    asked = parser.parse_args()
    try:
        rows, controls = measured(asked.only or list(NAMES), asked.runs, asked.stored)
    except FinbackError as error:
        sys.exit(str(error))
    if asked.json:
        found = {name: {**row, "real": controls} for name, row in rows.items()}
        if asked.stored:
            older = {name: stored_row(name) for name in asked.only or NAMES if name not in rows}
            found |= {name: row for name, row in older.items() if row is not None}
        print(json.dumps(found, indent=1))
    else:
        for row in rows.items():
            print(f"{row[0]}: {row[1]['about']}")
        every = {**rows, **controls}
        for embedding in next(iter(rows.values()), {"embeddings": {}})["embeddings"]:
            show(every, embedding)
    if asked.store and rows:
        if missing := [name for name in NAMES if name not in rows]:
            print(f"stored without {', '.join(missing)}", file=sys.stderr)
        every = {**rows, **controls}
        tables = {name: table(every, name) for name in next(iter(rows.values()))["embeddings"]}
        store(
            "generators",
            Stored(COMMAND, ABOUT, values(every), {**tables, "coherence": coherence_table(every)}),
        )


if __name__ == "__main__":
    main()
