"""Results of calls from Python: short texts in a terminal; tables, pictures and players in a notebook."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback.core.text import printable

PLAYED_BYTES = 4_000_000  # a longer sound is not embedded in a notebook


@dataclass(frozen=True)
class Picture:
    """A figure on disk. A notebook shows it."""

    path: Path

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()

    def __fspath__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Page:
    """A report on disk. A notebook links to it; open it in any browser."""

    path: Path

    def _repr_html_(self) -> str:
        return f"<a href='{html.escape(str(self.path), quote=True)}'>{html.escape(str(self.path))}</a>"

    def __fspath__(self) -> str:
        return str(self.path)


class Table:
    """Rows under named columns: aligned text in a terminal, a table in a notebook."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        self.columns, self.rows = tuple(map(printable, columns)), tuple(tuple(row) for row in rows)
        self.title = printable(title)

    def __repr__(self) -> str:
        cells = [self.columns, *(tuple(_cell(value) for value in row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numeric = [
            all(isinstance(row[i], int | float | None) for row in self.rows) for i in range(len(widths))
        ]
        lines = [
            "  ".join(
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(row, widths, numeric, strict=True)
            )
            for row in cells
        ]
        return "\n".join([*([self.title] if self.title else []), *(line.rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))


@dataclass(frozen=True, repr=False)
class Shown:
    """A result of several parts: lines of text, tables, and figures and sounds on disk."""

    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Path, ...] = ()
    sounds: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        files = [str(path) for path in (*self.figures, *self.sounds)]
        shown = (printable(line, keep="\n") for line in (*self.lines, *files))
        return "\n".join([*(repr(table) for table in self.tables), *shown])

    def _repr_html_(self) -> str:
        parts = [table._repr_html_() for table in self.tables]
        parts += [f"<p>{html.escape(printable(line))}</p>" for line in self.lines]
        parts += [figure(path) for path in self.figures] + [player(path) for path in self.sounds]
        return "".join(parts)


def player(path: Path) -> str:
    """HTML that plays a WAV file in a notebook; only the file name if the file is too large to embed."""
    name = html.escape(path.name)
    if path.stat().st_size > PLAYED_BYTES:
        return f"<div>{name}</div>"
    data = base64.b64encode(path.read_bytes()).decode()
    return f"<div>{name}<br><audio controls src='data:audio/wav;base64,{data}'></audio></div>"


def figure(path: Path) -> str:
    """HTML that shows a PNG file in a notebook."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f"<img style='max-width:100%' alt='{html.escape(path.stem)}' src='data:image/png;base64,{data}'>"
