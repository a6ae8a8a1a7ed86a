"""One style for all figures: made without pyplot or a screen, legible in print, safe for colour blindness.

Colours are Okabe & Ito's ("Color Universal Design", 2008), with olive instead of yellow. No figure relies on
colour alone. A figure function is marked `@styled`, takes numpy and returns a `Figure`; `save` writes it, as
`figure_files` says. Which font draws a letter is decided in `fonts`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from finback.core.errors import NotDrawn
from finback.core.storage.files import write_atomic
from finback.core.text import printable
from finback.report.plots import figure_files
from finback.report.plots.figure_files import FigureFiles
from finback.report.plots.fonts import FONT, all_truetype, drawable, families
from finback.report.plots.narrow import COLLAPSED, fit, other_form

P = ParamSpec("P")

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PINK, OLIVE, BLACK = "#56B4E9", "#CC79A7", "#6B5B00", "#222222"
CYCLE = (BLUE, ORANGE, GREEN, RED, SKY, PINK, OLIVE, BLACK)
# Lines of one figure differ by dash and marker too: in grey several of these colours are the same.
DASHES: tuple[Any, ...] = (
    *("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5))),
    *((0, (9, 2.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (2.5, 2.5)), (0, (9, 2, 3, 2))),
)
MARKERS = ("", "o", "s", "^", "D", "v", "X", "P")
GREY, PALE = "#767676", "#ECECEC"
DPI = figure_files.USUAL_DPI

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
    "svg.fonttype": "path",  # on pages, which then look the same everywhere; files have text (`_write`)
    "pdf.fonttype": 42,
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


def line_look(i: int) -> dict[str, Any]:
    """Colour, dash and marker of the line number i; the first 64 lines of a figure all look different."""
    n = len(CYCLE)
    return {
        "color": CYCLE[i % n],
        "ls": DASHES[i % n],
        "marker": MARKERS[(i + i // n) % n],
        "markersize": 4.5,
    }


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
    """The figure as the bytes of a PNG or SVG file for a page; the same bytes each time."""
    return _bytes(figure, format, DPI, {})


def save(figure: Figure, folder: Path, name: str, usual: Sequence[str] = ("png", "svg")) -> tuple[Path, ...]:
    """Write `folder/name` in the usual formats, or as `figure_files` says, each whole or not at all."""
    return _write(figure, [Path(folder) / f"{name}.{one}" for one in figure_files.formats_or(usual)])


def save_as(figure: Figure, path: Path) -> list[Path]:
    """Write a figure to a file that a person named; its suffix is the format where no other is asked for.

    Raises `SettingsError` if the suffix is not a format of figures.
    """
    return list(_write(figure, figure_files.current().of_path(Path(path))))


def _write(figure: Figure, paths: Sequence[Path]) -> tuple[Path, ...]:
    files = figure_files.current()
    if files.width_in is not None:
        figure = _made_narrow(figure, files.width_in, paths[0])
    for path in paths:
        write_atomic(path, _for_file(figure, path.suffix.lower()[1:], files))
    return tuple(paths)


def _for_file(figure: Figure, format: str, files: FigureFiles) -> bytes:
    """A PNG of so many dots per inch, an SVG whose text is text, a PDF that holds its fonts."""
    return _bytes(figure, format, files.png_dpi, {"svg.fonttype": "none"})


def _made_narrow(figure: Figure, width_in: float, path: Path) -> Figure:
    """The figure, or its form for a narrow column, at this width; says where texts overlap all the same."""
    needed = _fitted(figure, width_in)
    if needed is not None and (other := other_form(figure)) is not None:
        figure = other
        needed = _fitted(figure, width_in)
    if needed is not None:
        mm = 10 * math.ceil(2.54 * needed)
        warnings.warn(
            f"{path.with_suffix('')}: texts overlap at {25.4 * width_in:.0f} mm; "
            f"--width {mm}mm has room for them",
            NotDrawn,
            stacklevel=1,
        )
    return figure


def _fitted(figure: Figure, width_in: float) -> float | None:
    _choose_fonts(figure)
    with rc_context(RC):
        return fit(figure, width_in)


def _choose_fonts(figure: Figure) -> set[str]:
    """Give each text of the figure fonts that have its letters; the names of all fonts in use."""
    used = {FONT}
    for text in figure.findobj(Text):
        text.set_text(drawable(printable(text.get_text(), keep="\n")))
        if not text.get_text().isascii():
            names = families(text.get_text())
            text.set_fontfamily(names)
            used |= set(names)
    return used


def _bytes(figure: Figure, format: str, dpi: int, rc: dict[str, Any]) -> bytes:
    used = _choose_fonts(figure)
    if not all_truetype(used):  # matplotlib embeds other outlines as TrueType, which viewers refuse
        rc = {**rc, "pdf.fonttype": 3}
    metadata: dict[str, Any] = {
        "png": {"Software": "finback"},
        "svg": {"Date": None},
        "pdf": {"Creator": "finback", "CreationDate": None},
    }
    buffer = io.BytesIO()
    with rc_context(RC | rc), warnings.catch_warnings():
        warnings.filterwarnings("ignore", COLLAPSED, UserWarning)  # said in plain words by `_made_narrow`
        figure.savefig(buffer, format=format, dpi=dpi, metadata=metadata[format])
    return buffer.getvalue()
