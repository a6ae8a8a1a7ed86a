"""Samples and their nearest training clips, to look for copies by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from finback.report.plots.style import (
    BLACK,
    GREY,
    line_look,
    message,
    new_figure,
    percent_axis,
    short,
    styled,
)

PAIRS = 3  # in one row
CELL = (1.9, 1.15)  # inches


@dataclass(frozen=True, eq=False)
class Pair:
    """A sample (M, F) and its nearest training clip (M, F), both in dB; the clip is rolled to fit best."""

    species: str
    sample: np.ndarray
    clip: np.ndarray
    clip_species: str
    distance: float  # divided by that of a typical held-out clip; NaN where that is not known


@styled
def neighbours(pairs: Sequence[Pair]) -> Figure:
    """One pair for each species, the sample on the left; each on its own scale, the upper 60 dB."""
    if not pairs:
        return message("There are no samples to show.")
    n_rows = -(-len(pairs) // PAIRS)
    figure = new_figure(2 * PAIRS * CELL[0] + 0.2, n_rows * (CELL[1] + 0.32) + 0.45)
    axes = figure.subplots(n_rows, 2 * PAIRS, squeeze=False)
    for cell in axes.flat:
        cell.set_visible(False)
    for i, pair in enumerate(pairs):
        left, right = axes[i // PAIRS, 2 * (i % PAIRS) : 2 * (i % PAIRS) + 2]
        ratio = "" if np.isnan(pair.distance) else f"x {pair.distance:.2f}"
        other = "" if pair.clip_species == pair.species else f"a {short(pair.clip_species, 18)}"
        for cell, mel, title, weight in (
            (left, pair.sample, short(pair.species, 28), "bold"),
            (right, pair.clip, "  ".join(filter(None, (ratio, other))), "normal"),
        ):
            cell.set_visible(True)
            top = float(mel.max())
            cell.imshow(mel, origin="lower", aspect="auto", cmap="magma", vmin=top - 60, vmax=top)
            cell.set(xticks=[], yticks=[])
            cell.set_title(title, fontsize=7.5, fontweight=weight, color=BLACK, pad=3)
    figure.suptitle(
        "The sample of each species that is nearest to a training clip (left), and this clip (right)\n"
        "x: distance divided by that of a typical held-out clip; a species name: the clip is of another one",
        fontsize=9.5,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    return figure


@styled
def nearest_distances(rows: Mapping[str, np.ndarray], thresholds: Mapping[str, float]) -> Figure:
    """Cumulative curves of each set's distances (N,) to the nearest training clip; `thresholds` are
    vertical lines."""
    drawn = {name: np.sort(values) for name, values in rows.items() if len(values)}
    if not drawn:
        return message("There are no distances to show.")
    figure = new_figure(7.2, 4.2)
    axes = figure.subplots()
    for i, (name, values) in enumerate(drawn.items()):
        share = np.arange(1, len(values) + 1) / len(values)
        axes.step(values, share, where="post", **line_look(i), markevery=0.2, lw=1.8, label=name)
    for name, at in thresholds.items():
        axes.axvline(at, color=GREY, lw=1.0)
        axes.text(at, 0.99, f" {name}", color=GREY, fontsize=8, rotation=90, va="top", ha="left")
    axes.set(ylim=(0, 1), xlabel="distance to the nearest training clip (0: a copy; 1.41: nothing in common)")
    axes.set_xlim(left=0)
    percent_axis(axes, "y")
    axes.set_ylabel("cumulative share")
    axes.legend(loc="lower right")
    axes.set_title("Distance to the nearest training clip: samples and real clips")
    return figure
