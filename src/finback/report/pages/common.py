"""What all pages share: the templates, numbers as text, embedded pictures, tables, and how to repeat a run.

A page is a frozen dataclass and a pure function `render(page) -> str`. It draws what it is given: it loads no
model, computes no features and reads no run folder. `finback.evaluation.pages` fills the dataclasses.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from finback.core.progress import Progress, no_progress
from finback.core.storage.keeping import kept
from finback.core.text import printable
from finback.report.plots.style import render as to_bytes
from finback.report.plots.style import save

LONGEST_FIGURE = 26  # characters, such as "+0.041 (-0.020 to +0.098)"
LARGEST_SVG = 450_000  # bytes; SVG stays sharp at any size, but a light page matters more

Drawn = tuple[Figure, str]  # a figure, and what it shows in words


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded figure: data URI, what it shows in words, and its width in CSS pixels."""

    uri: str
    alt: str
    width: int


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, what the table means, column titles and rows of text."""

    title: str
    meaning: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    without_rows: str = "There is nothing to list here."  # the sentence in place of a table without rows


@dataclass(frozen=True)
class Reproduction:
    """How to repeat a run: the command, what fixed the result (name, value), features and settings."""

    command: str
    rows: Sequence[tuple[str, str]] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # {} where no file of settings repeats the run


def environment() -> Environment:
    """The templates. All text is escaped: a species may have any name. A misspelt variable is an error."""
    env = Environment(
        loader=PackageLoader("finback.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["percent"] = percent
    env.filters["tight"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")  # no line begins with %
    env.tests["figure"] = is_figure
    env.filters["flat"] = flat
    env.filters["toml"] = toml
    return env


def render_page(template: str, title: str, kind: str, verdict: str, **values: Any) -> str:
    """A page as HTML. `kind`: what it is, for the title of the window.

    `verdict`: what was found and how far it can be trusted, in a few sentences: every page begins with it.
    Raises `ValueError` without one.
    """
    if not verdict.strip():
        raise ValueError(f"the page of {title} has no verdict")
    return environment().get_template(template).render(title=title, kind=kind, verdict=verdict, **values)


def is_figure(cell: str) -> bool:
    """Is the text of a cell a number, perhaps with its interval? It stays on one line."""
    return len(cell) <= LONGEST_FIGURE and cell.lstrip("+-\N{MINUS SIGN}")[:1].isdigit()


def _shown(value: Any) -> Any:
    """Text from outside without control characters; what a template has escaped already stays."""
    return printable(value, keep="\n\t") if type(value) is str else value


def percent(value: float | None, digits: int = 1) -> str:
    """`0.5` -> `50.0 %`; a dash where there is no value."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def count(n: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """`{"training": {"epochs": 20}}` -> `{"training.epochs": "20"}`."""
    values: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[prefix + key] = "none" if value is None else str(value)
    return values


def toml(settings: Mapping[str, Any]) -> str:
    """The settings as a TOML file that `--preset` takes; a setting that is None keeps its default."""
    return tomli_w.dumps(_without_none(settings)).strip()


def _without_none(settings: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            if inner := _without_none(value):
                kept[key] = inner
        elif value is not None:
            kept[key] = list(value) if isinstance(value, tuple) else value
    return kept


def embed(figure: Figure, alt: str, png: bytes | None = None, svg: bytes = b"") -> Picture:
    """A figure as a picture of a page: SVG where it is given and small, else PNG."""
    if 0 < len(svg) <= LARGEST_SVG:
        data, kind = svg, "image/svg+xml"
    else:
        data, kind = to_bytes(figure, "png") if png is None else png, "image/png"
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(uri, alt, round(96 * figure.get_figwidth()))


def save_pictures(
    drawn: Mapping[str, Drawn], folder: Path, progress: Progress = no_progress, vector: bool = True
) -> dict[str, Picture]:
    """Write each figure into `folder`, as PNG and SVG or as asked for; the pictures of the page, by name.

    A picture is an SVG if `vector` and small, and always as large as the page shows it.
    """
    pictures = {}
    for name, (figure, alt) in progress(drawn.items(), "figures", len(drawn)):
        pictures[name] = embed(figure, alt, svg=to_bytes(figure, "svg") if vector else b"")
        with kept(folder):
            save(figure, folder, name)
    return pictures
