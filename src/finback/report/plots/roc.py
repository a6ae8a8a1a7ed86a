"""ROC curves, one per species against all others, with the AUC of each.

Up to `TOGETHER` species share one plot, with the AUCs in the legend. With more, each species has a small plot
of its own, in which the other species are pale: 16 lines in one plot cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import auc, roc_curve

from finback.report.plots.style import (
    BLACK,
    BLUE,
    GREY,
    line_look,
    message,
    new_figure,
    percent_axis,
    short,
    styled,
)

TOGETHER = 8
LEGEND_COLUMNS, PANEL_COLUMNS = 2, 4
PANEL = (2.05, 2.0)  # inches
OTHERS = "#D4D4D4"
NAME = 48  # letters at most above a small plot
TITLE = "ROC curve of each species against all others"
X_LABEL, Y_LABEL = "false positive rate (clips of other species)", "true positive rate (clips of the species)"


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

    Species in `noisy` (few clips or groups) have thin lines: other clips would change their curves a lot.
    """
    curves = curves_of(np.asarray(truth), probabilities, names)
    if not curves:
        return message("There is no ROC curve: that needs test clips of at least two species.")
    return _together(curves, noisy) if len(curves) <= TOGETHER else _small_multiples(curves, noisy)


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


def _together(curves: Sequence[Curve], noisy: Collection[str]) -> Figure:
    rows = -(-(len(curves) + 2) // LEGEND_COLUMNS)
    figure = new_figure(8.6, 5.6 + 0.215 * rows)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="chance, AUC 0.50")
    for i, curve in enumerate(curves):
        few = curve.name in noisy
        label = f"{curve.area:.2f}  {short(curve.name)} ({curve.n_clips}{', few' if few else ''})"
        look = {**line_look(i), "lw": 1.0 if few else 1.8, "alpha": 0.8 if few else 1.0}
        axes.plot(curve.false_rate, curve.true_rate, markevery=0.13, label=label, **look)
    grid, mean = mean_curve(curves)
    area = float(np.mean([c.area for c in curves]))
    label = f"{area:.2f}  mean of the {len(curves)} species"
    axes.plot(grid, mean, color=BLACK, lw=3.6, label=label, zorder=1.9, alpha=0.4)
    _unit_square(axes)
    axes.set_aspect("equal")
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)
    axes.set_title(TITLE)
    note = "; thin: few clips or groups, a rough estimate" if any(c.name in noisy for c in curves) else ""
    figure.legend(
        loc="outside lower center",
        ncols=LEGEND_COLUMNS,
        title=f"AUC, species (test clips{note})",
        title_fontsize=9,
        alignment="left",
        handlelength=4.5,
    )
    return figure


def _small_multiples(curves: Sequence[Curve], noisy: Collection[str]) -> Figure:
    n_rows = -(-(len(curves) + 1) // PANEL_COLUMNS)
    figure = new_figure(PANEL_COLUMNS * PANEL[0] + 0.4, n_rows * PANEL[1] + 0.9)
    panels = figure.subplots(n_rows, PANEL_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes, curve in zip(panels.flat, curves, strict=False):
        few = curve.name in noisy
        for other in curves:
            axes.plot(other.false_rate, other.true_rate, color=OTHERS, lw=0.6)
        look = {"color": BLUE, "lw": 1.2 if few else 2.2, "ls": (0, (3, 1.5)) if few else "-"}
        axes.plot(curve.false_rate, curve.true_rate, **look)
        clips = f"{curve.n_clips} clip{'' if curve.n_clips == 1 else 's'}{', few' if few else ''}"
        _entitle(axes, f"{short(curve.name, NAME)}\nAUC {curve.area:.2f}\n{clips}")
    last = panels.flat[len(curves)]
    grid, mean = mean_curve(curves)
    last.plot(grid, mean, color=BLACK, lw=2.2)
    _entitle(last, f"mean of the {len(curves)} species\nAUC {float(np.mean([c.area for c in curves])):.2f}")
    for axes in panels.flat[len(curves) + 1 :]:
        axes.set_visible(False)
    for axes in panels.flat[: len(curves) + 1]:
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        _unit_square(axes)
        axes.set_xticks([0, 0.5, 1])
        axes.set_yticks([0, 0.5, 1])
    note = "pale: all species; dotted: chance"
    if any(curve.name in noisy for curve in curves):
        note += "; dashed: few clips or groups, a rough estimate"
    figure.suptitle(f"{TITLE}\n{note}", x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    figure.supxlabel(X_LABEL, fontsize=10)
    figure.supylabel(Y_LABEL, fontsize=10)
    return figure


def _entitle(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=8, fontweight="normal", color=BLACK, pad=4)


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(-0.005, 1), ylim=(0, 1.01))
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.grid(axis="both")


def mean_curve(curves: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray]:
    """False rates (201,) and the mean over the curves (201,) of the true rate at each."""
    grid = np.linspace(0, 1, 201)
    mean = np.mean([np.interp(grid, c.false_rate, c.true_rate) for c in curves], axis=0)
    mean[0] = 0.0
    return grid, mean
