"""The confusion matrix: how the clips of each species were classified. Readable with 31 long names.

Where a narrow column has no room for these names twice and for numbers in the cells, the figure in the file
has the names once (`narrow.instead`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from finback.report.plots import narrow
from finback.report.plots.style import BLACK, GREY, PALE, message, new_figure, short, styled

# White to dark blue, lightness falling evenly: rows can be compared in print and by any eye.
_STOPS = np.array([[255, 255, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]]) / 255
BLUES = ListedColormap(
    np.column_stack([np.interp(np.linspace(0, 4, 256), np.arange(5), _STOPS[:, c]) for c in range(3)])
)
TITLE = (
    "Test clips by true species (row) and predicted species (column)\n"
    "Dark cells off the diagonal: confusions of two species"
)
LETTER = 0.082  # inches, about, of a letter at 9 points


@styled
def confusion(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """Counts (K, K), a row for each true species: the colour is the share of the row, numbers are clips.

    Species with test clips come first, by name; species without are grey, below and to the right.
    """
    counts = np.asarray(counts)
    if counts.sum() == 0:
        return message("There are no test clips, so there is no confusion matrix.")
    tested = counts.sum(axis=1) > 0
    order = np.concatenate([np.flatnonzero(tested), np.flatnonzero(~tested)])
    # A species that was neither tested nor predicted has an empty row and column: it is only counted.
    order = order[tested[order] | (counts.sum(axis=0)[order] > 0)]
    left_out = len(names) - len(order)
    counts, n_tested = counts[np.ix_(order, order)], int(tested.sum())
    shown = [short(names[k]) for k in order]
    figure = _with_names(counts, shown, n_tested, left_out)
    narrow.instead(figure, lambda: _with_numbers(counts, shown, n_tested, left_out))
    return figure


def _with_names(counts: np.ndarray, shown: Sequence[str], n_tested: int, left_out: int) -> Figure:
    """Names at both sides, numbers of clips in the cells."""
    k = len(shown)
    side = 0.29 * k if k > 12 else 0.42 * k
    longest = LETTER * max(map(len, shown))
    figure = new_figure(max(6.5, side + longest + 2.2), max(3.8, side + longest + 1.4))
    axes = figure.subplots()
    share, mesh = _cells(axes, counts, n_tested, 9)
    _write_counts(axes, counts, share, 8 if k > 12 else 9)
    _name_rows(axes, [f"{name}  ({n})" for name, n in zip(shown, counts.sum(axis=1), strict=True)], n_tested)
    _name_columns(axes, shown)
    axes.tick_params(axis="x", labelrotation=90)
    for label in axes.get_xticklabels()[n_tested:]:
        label.set_color(GREY)
    axes.set_aspect("equal")
    axes.set_xlabel("predicted species")
    # On the figure, not the axes: these are narrow when species are few and their names long.
    figure.suptitle(f"{TITLE}{_note(left_out)}", x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    bar = figure.colorbar(
        mesh, ax=axes, shrink=0.4, aspect=22, pad=0.02, format=lambda v, _: f"{100 * v:.0f} %"
    )
    bar.set_label("share of the clips in the row")
    bar.outline.set_visible(False)
    return figure


@styled
def _with_numbers(counts: np.ndarray, shown: Sequence[str], n_tested: int, left_out: int) -> Figure:
    """For a narrow column: rows have numbers and names, columns only numbers, cells only their colour."""
    k = len(shown)
    figure = new_figure(5.5, 2.2 + 0.2 * k)
    axes = figure.subplots()
    _, mesh = _cells(axes, counts, n_tested, 8)
    rows = zip(range(1, k + 1), shown, counts.sum(axis=1), strict=True)
    _name_rows(axes, [f"{i}  {name} ({n})" for i, name, n in rows], n_tested)
    _name_columns(axes, [str(i + 1) for i in range(k)])
    axes.tick_params(axis="x", labelbottom=False, labeltop=True)
    axes.set_xlabel("predicted species (number of its row)")
    title = f"{TITLE}\nThe numbers of clips are in metrics.json{_note(left_out)}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    bar = figure.colorbar(
        mesh, ax=axes, location="bottom", aspect=30, pad=0.02, format=lambda v, _: f"{100 * v:.0f} %"
    )
    bar.set_label("share of the clips in the row")
    bar.outline.set_visible(False)
    return figure


def _cells(axes: Axes, counts: np.ndarray, n_tested: int, size: float) -> tuple[np.ndarray, QuadMesh]:
    """The coloured cells; below them a band for species without test clips. Shares (K, K) of each row."""
    k = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mesh = axes.pcolormesh(share, cmap=BLUES, vmin=0, vmax=1, edgecolors="#E4E4E4", linewidth=0.4)
    if n_tested < k:
        axes.axhspan(n_tested, k, color=PALE, zorder=2)
        text = "not tested: no clip in the test set"
        axes.text(k / 2, (n_tested + k) / 2, text, **_centred(GREY, size), zorder=4)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    return share, mesh


def _name_rows(axes: Axes, labels: Sequence[str], n_tested: int) -> None:
    axes.set_yticks(np.arange(len(labels)) + 0.5, labels)
    axes.tick_params(length=0)
    for label in axes.get_yticklabels()[n_tested:]:
        label.set_color(GREY)
    axes.set_ylabel("true species (number of test clips)")


def _name_columns(axes: Axes, labels: Sequence[str]) -> None:
    axes.xaxis.set_major_locator(FixedLocator([i + 0.5 for i in range(len(labels))]))
    axes.xaxis.set_major_formatter(FixedFormatter(labels))


def _note(left_out: int) -> str:
    return f"\n{left_out} more species have no test clip and were never predicted" if left_out else ""


def _write_counts(axes: Axes, counts: np.ndarray, share: np.ndarray, size: float) -> None:
    for i, j in zip(*np.nonzero(counts), strict=True):
        text = axes.text(
            j + 0.5, i + 0.5, str(counts[i, j]), **_centred("white" if share[i, j] > 0.5 else BLACK, size)
        )
        text.set_fontweight("bold" if i == j else "normal")


def _centred(colour: str, size: float) -> dict[str, Any]:
    return {"ha": "center", "va": "center", "color": colour, "fontsize": size}
