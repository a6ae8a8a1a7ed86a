"""One style for all figures: made without pyplot or a screen, legible in print, safe for colour blindness.

Colours are Okabe & Ito's ("Color Universal Design", 2008), and no figure relies on colour alone.
A figure function is marked `@styled`, takes numpy and returns a `Figure`; `save` writes it as PNG and SVG.
A name may have characters that the font lacks, such as emoji and Chinese letters: these become boxes, and
finback says so once.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from finback.core.errors import NotDrawn
from finback.core.storage.files import write_atomic
from finback.core.text import printable

P = ParamSpec("P")

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PINK, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#B8A800", "#222222"
CYCLE = (BLUE, ORANGE, GREEN, RED, SKY, PINK, YELLOW, BLACK)
GREY, PALE = "#767676", "#ECECEC"
DPI = 130
FONT = "DejaVu Sans"  # comes with matplotlib, so text has one width everywhere
WEIGHTS = ("normal", "bold")  # of the text in figures; the bold font has fewer letters
BOX = "□"

# `Any`: matplotlib types each key as a literal of its own.
RC: Any = {
    "font.family": FONT,
    "font.size": 10,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.color": "white",
    "hatch.linewidth": 1.2,
    "svg.fonttype": "path",
    "svg.hashsalt": "finback",  # the same figure twice is the same file
    "text.parse_math": False,  # a species may have a $ in its name
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in finback's style, without changing the style of other code."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context(RC):
            return draw(*args, **kwargs)

    return inner


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches, without a screen, whose parts do not overlap."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def message(text: str, width: float = 7.0) -> Figure:
    """A figure with a sentence that says why there is nothing to draw."""
    figure = new_figure(width, 1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center", color=GREY, fontsize=11)
    return figure


def drawable(text: str) -> str:
    """The text with a box for each character that the font does not have, where matplotlib would warn."""
    if text.isascii():
        return text
    shown = "".join(c if c.isascii() or _is_in_font(c) else BOX for c in text)
    if shown != text:
        warnings.warn(
            f"figures show {BOX} for characters that their font ({FONT}) does not have, such as emoji and "
            "Chinese letters; tables have the names as they are",
            NotDrawn,
            stacklevel=1,  # one place, so it is said once
        )
    return shown


def _is_in_font(character: str) -> bool:
    fonts = (get_font(findfont(FontProperties(family=FONT, weight=weight))) for weight in WEIGHTS)
    return all(font.get_char_index(ord(character)) for font in fonts)


def short(name: str, length: int = 40) -> str:
    """A species name that leaves room for the figure."""
    name = drawable(printable(" ".join(name.split())))
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def percent_axis(axes: Axes, which: str = "x") -> None:
    """Shares 0..1 as percent, with a light grid."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(axis="x" if which == "x" else "y")


def render(figure: Figure, format: str) -> bytes:
    """The figure as the bytes of a PNG or SVG file; the same bytes each time."""
    for text in figure.findobj(Text):
        text.set_text(drawable(printable(text.get_text(), keep="\n")))
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else {"Software": "finback"}
    with rc_context(RC):
        figure.savefig(buffer, format=format, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `folder/name.png` and `folder/name.svg`, each whole or not at all; return both paths."""
    paths = Path(folder) / f"{name}.png", Path(folder) / f"{name}.svg"
    for path in paths:
        write_atomic(path, render(figure, path.suffix[1:]))
    return paths
