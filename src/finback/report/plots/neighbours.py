"""Samples beside the training clips that they are closest to: the eye's own test for copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from finback.report.plots.style import BLACK, CYCLE, GREY, message, new_figure, percent_axis, short, styled

PAIRS = 3  # beside each other in one row
CELL = (1.9, 1.15)  # inches


@dataclass(frozen=True, eq=False)
class Pair:
    """A sample (M, F) and its closest training clip (M, F), both dB, the clip rolled to where it fits
    best."""

    species: str
    sample: np.ndarray
    clip: np.ndarray
    clip_species: str
    distance: float  # over a held-out clip's typical one; NaN where that is not known


@styled
def neighbours(pairs: Sequence[Pair]) -> Figure:
    """One pair a species, sample on the left; each on its own scale, the upper 60 dB."""
    if not pairs:
        return message("No samples to show.")
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
        "Each species' sample that lies closest to a training clip, and right of it that clip "
        "(x: distance over a held-out clip's usual one; a species where it is another)",
        fontsize=9.5,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    return figure


@styled
def nearest_distances(rows: Mapping[str, np.ndarray], marks: Mapping[str, float]) -> Figure:
    """Cumulative curves of each set's distances (N,) to the nearest training clip; `marks` are upright
    lines."""
    drawn = {name: np.sort(values) for name, values in rows.items() if len(values)}
    if not drawn:
        return message("No distances to show.")
    figure = new_figure(7.2, 4.2)
    axes = figure.subplots()
    for i, (name, values) in enumerate(drawn.items()):
        share = np.arange(1, len(values) + 1) / len(values)
        style = ("-", "--", ":", "-.")[i // len(CYCLE) if i >= len(CYCLE) else i % 4]
        axes.step(values, share, where="post", color=CYCLE[i % len(CYCLE)], ls=style, lw=1.8, label=name)
    for name, at in marks.items():
        axes.axvline(at, color=GREY, lw=1.0)
        axes.text(at, 0.99, f" {name}", color=GREY, fontsize=8, rotation=90, va="top", ha="left")
    axes.set(ylim=(0, 1), xlabel="distance to the nearest training clip (0: a copy, 1.41: nothing in common)")
    axes.set_xlim(left=0)
    percent_axis(axes, "y")
    axes.set_ylabel("share that lies nearer")
    axes.legend(loc="lower right")
    axes.set_title("How near samples and real clips come to what was learnt")
    return figure
