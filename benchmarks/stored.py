"""Stored results: figures that a benchmark measured, kept beside the command that measures them again.

    store("carry-over", Stored("python benchmarks/carry_over.py", "What it is.", values, tables))

writes `benchmarks/results/carry-over.json`. `python benchmarks/tables.py` writes the stored figures into
README and docs, and a test compares them. A result has

- `command`: the one command, from the root of the project, that measures it again;
- `about`: what was measured, on which data, in a sentence or two;
- `values`: {key: number, [low, high] or text} for figures in sentences;
- `tables`: {name: {columns, rows}}; a cell is text, a number, null, or a number with its interval
  {value, low, high}.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from finback.core.storage.files import read_json, write_json

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Table:
    """A table of results, a row for each thing that was measured."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells for the columns {list(self.columns)}: {list(row)}")


@dataclass(frozen=True)
class Stored:
    """The content of a file of results."""

    command: str
    about: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def pictures(names: Sequence[str]) -> Table:
    """The SHA-256 of pictures of docs/pictures, so that a test sees a picture that another command made."""
    digests = [(name, sha256((PICTURES / name).read_bytes()).hexdigest()) for name in names]
    return Table(("picture", "sha256"), digests)


def source() -> str:
    """The state of src in Git (its tree, which no rebase changes), with "+" where it was changed since."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return git("rev-parse", "--short=12", "HEAD:src") + "+" * bool(git("status", "--porcelain", "src"))


def with_interval(value: float | None, ends: Sequence[float] | None) -> Any:
    """The cell of a number with its interval; the number alone without an interval."""
    return value if value is None or ends is None else {"value": value, "low": ends[0], "high": ends[1]}


def store(name: str, result: Stored, folder: Path = RESULTS) -> Path:
    """Write `<name>.json`; a file that is there is replaced. Raises `ValueError` for a wrong name."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name}: write small letters, digits and hyphens")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    write_json(path, asdict(result))
    return path


def load(name: str, folder: Path = RESULTS) -> Stored:
    """The stored result with this name. Raises `FileNotFoundError` where there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none"
        raise FileNotFoundError(f"no stored result '{name}'; there are: {known}")
    value = read_json(path)
    tables = {key: Table(table["columns"], table["rows"]) for key, table in value["tables"].items()}
    return Stored(value["command"], value["about"], value["values"], tables)
