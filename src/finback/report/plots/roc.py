"""ROC curves, one per species against all others, with the AUC of each in the legend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import auc, roc_curve

from finback.report.plots.style import BLACK, CYCLE, GREY, message, new_figure, percent_axis, short, styled

MARKERS = ("", "o", "s", "^")  # colours repeat after eight species; the marker then changes
COLUMNS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One species against all others: rates (n,) rising from 0 to 1, the area under them, its clips."""

    name: str
    false_rate: np.ndarray
    true_rate: np.ndarray
    area: float
    n_clips: int


@styled
def roc(
    truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str], noisy: Collection[str] = ()
) -> Figure:
    """Class ids (N,), probabilities (N, K): one curve for each species with clips, if there are two or more.

    Species in `noisy` (few clips or groups) are dashed: with other clips their curves would change a lot.
    """
    curves = curves_of(np.asarray(truth), probabilities, names)
    if not curves:
        return message("There is no ROC curve: that needs test clips of at least two species.")
    rows = -(-(len(curves) + 2) // COLUMNS)
    figure = new_figure(8.6, 5.6 + 0.215 * rows)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="chance, AUC 0.50")
    for i, curve in enumerate(curves):
        _draw(axes, curve, i, curve.name in noisy)
    _draw_mean(axes, curves)
    axes.set(xlim=(-0.005, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.grid(axis="both")
    axes.set_xlabel("false positive rate (clips of other species)")
    axes.set_ylabel("true positive rate (clips of the species)")
    axes.set_title("ROC curve of each species against all others")
    few = any(curve.name in noisy for curve in curves)
    note = "; dashed: few clips or groups, a rough estimate" if few else ""
    figure.legend(
        loc="outside lower center",
        ncols=COLUMNS,
        title=f"AUC, species (test clips{note})",
        title_fontsize=9,
        alignment="left",
    )
    return figure


def curves_of(truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> list[Curve]:
    """Of class ids (N,) and probabilities (N, K), the best species first; none where there is only one."""
    curves = []
    for k in np.unique(truth):
        own = truth == k
        if not own.all():
            false_rate, true_rate, _ = roc_curve(own, probabilities[:, k], drop_intermediate=True)
            area = float(auc(false_rate, true_rate))
            curves.append(Curve(names[k], false_rate, true_rate, area, int(own.sum())))
    return sorted(curves, key=lambda curve: (-curve.area, curve.name))


def _draw(axes: Axes, curve: Curve, i: int, few: bool) -> None:
    axes.plot(
        curve.false_rate,
        curve.true_rate,
        color=CYCLE[i % len(CYCLE)],
        marker=MARKERS[(i // len(CYCLE)) % len(MARKERS)],
        markevery=0.13,
        ms=4.5,
        lw=1.0 if few else 1.7,
        ls=(0, (3, 2)) if few else "-",
        alpha=0.75 if few else 1.0,
        label=f"{curve.area:.2f}  {short(curve.name)} ({curve.n_clips}{', few' if few else ''})",
    )


def _draw_mean(axes: Axes, curves: Sequence[Curve]) -> None:
    """The mean of the curves at each false rate, drawn behind them."""
    grid = np.linspace(0, 1, 201)
    mean = np.mean([np.interp(grid, c.false_rate, c.true_rate) for c in curves], axis=0)
    mean[0] = 0.0
    area = float(np.mean([c.area for c in curves]))
    label = f"{area:.2f}  mean of the {len(curves)} species"
    axes.plot(grid, mean, color=BLACK, lw=3.2, label=label, zorder=1.9, alpha=0.55)
