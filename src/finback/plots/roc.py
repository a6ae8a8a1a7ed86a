"""ROC curves, one per species against all others, with the AUC of each in the legend."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import auc, roc_curve

from finback.plots.style import BLACK, CYCLE, GREY, message, new_figure, percent_axis, short, styled

MARKS = ("", "o", "s", "^")  # colours repeat after eight species; the mark then changes
COLUMNS = 2


@styled
def roc(
    truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str], noisy: Collection[str] = ()
) -> Figure:
    """Class ids (N,), probabilities (N, K): one curve per species that has clips and is not alone.

    Species in `noisy` (few clips or tapes) are dashed: their curves have few steps and would move a lot.
    """
    truth = np.asarray(truth)
    curves = []
    for k in np.unique(truth):
        if np.all(truth == k):
            continue
        false_rate, true_rate, _ = roc_curve(truth == k, probabilities[:, k], drop_intermediate=True)
        curves.append((auc(false_rate, true_rate), names[k], false_rate, true_rate, int((truth == k).sum())))
    if not curves:
        return message("No ROC curve: it takes test clips of at least two species.")
    curves.sort(key=lambda curve: (-curve[0], curve[1]))

    rows = -(-(len(curves) + 2) // COLUMNS)
    figure = new_figure(8.6, 5.6 + 0.215 * rows)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="guessing, AUC 0.50")
    for i, (area, name, false_rate, true_rate, n) in enumerate(curves):
        few = name in noisy
        axes.plot(
            false_rate,
            true_rate,
            color=CYCLE[i % len(CYCLE)],
            marker=MARKS[(i // len(CYCLE)) % len(MARKS)],
            markevery=0.13,
            ms=4.5,
            lw=1.0 if few else 1.7,
            ls=(0, (3, 2)) if few else "-",
            alpha=0.75 if few else 1.0,
            label=f"{area:.2f}  {short(name)} ({n}{', few' if few else ''})",
        )
    grid = np.linspace(0, 1, 201)
    mean = np.mean([np.interp(grid, c[2], c[3]) for c in curves], axis=0)
    mean[0] = 0.0
    area = float(np.mean([c[0] for c in curves]))
    axes.plot(
        grid,
        mean,
        color=BLACK,
        lw=3.2,
        label=f"{area:.2f}  mean of the {len(curves)} species",
        zorder=1.9,
        alpha=0.55,
    )
    axes.set(xlim=(-0.005, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.grid(axis="both")
    axes.set_xlabel("other species' clips wrongly let through")
    axes.set_ylabel("the species' own clips found")
    axes.set_title("The nearer to the top left corner, the better the species stands out")
    note = "; dashed: few clips or tapes, do not lean on it" if any(c[1] in noisy for c in curves) else ""
    figure.legend(
        loc="outside lower center",
        ncols=COLUMNS,
        title=f"AUC, species (test clips{note})",
        title_fontsize=9,
        alignment="left",
    )
    return figure
