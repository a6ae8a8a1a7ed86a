"""Recipes on several data sets: the paired difference of each from a reference, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from finback.report.plots.style import BLACK, CYCLE, GREY, message, new_figure, short, styled

MARKERS = "osD^vPX*<>"  # one for each data set: no figure relies on colour alone


@dataclass(frozen=True, slots=True)
class Difference:
    """Macro-F1 of a recipe minus that of the reference on one data set; `ci` is its 95 % interval."""

    recipe: str
    data_set: str
    value: float
    ci: Sequence[float] | None


@styled
def differences(found: Sequence[Difference], reference: str) -> Figure:
    """A row for each recipe, a marker for each data set; a line is the 95 % interval, 0 is the reference."""
    if not found:
        return message("No recipe could be compared with the reference.")
    recipes = list(dict.fromkeys(one.recipe for one in found))
    names = list(dict.fromkeys(one.data_set for one in found))
    figure = new_figure(8.6, 1.6 + 0.2 * len(recipes) * max(2, len(names)))
    axes = figure.subplots()
    axes.axvline(0, color=GREY, lw=1)
    colours = [CYCLE[i % len(CYCLE)] for i in range(len(names))]
    step = 0.8 / len(names)
    for one in found:
        k = names.index(one.data_set)
        y = recipes.index(one.recipe) - 0.4 + step * (k + 0.5)
        if one.ci is not None:
            axes.plot(one.ci, [y, y], color=colours[k], lw=1.3)
        axes.plot(one.value, y, ls="none", marker=MARKERS[k % len(MARKERS)], ms=5, color=colours[k])
    for k, name in enumerate(names):
        marker = MARKERS[k % len(MARKERS)]
        axes.plot([], [], label=short(name, 28), marker=marker, color=colours[k], lw=1.3, ms=5)
    axes.set_yticks(np.arange(len(recipes)), [short(name, 28) for name in recipes], color=BLACK)
    axes.set(ylim=(len(recipes) - 0.45, -0.55), xlabel=f"difference of macro-F1 from {short(reference, 28)}")
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
