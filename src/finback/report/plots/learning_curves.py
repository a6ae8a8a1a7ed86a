"""Learning curves: loss, accuracy and macro-F1 against the training step, to see overfitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finback.report.plots.style import (
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    RED,
    message,
    new_figure,
    percent_axis,
    styled,
)

TRAINING, VALIDATION = "-", (0, (4, 1.5))
FOLD_MARKERS = 6  # markers of a fold on each of its lines, about

Series = tuple[np.ndarray, np.ndarray]  # steps (n,) and values (n,)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The log of one training: each quantity with the steps at which it was measured, (n,) float64 each."""

    loss: Series
    val_loss: Series
    accuracy: Series  # of the drawn training clips; empty in logs of version 0.2.0 and before
    val_accuracy: Series
    val_macro_f1: Series

    @classmethod
    def of(cls, log: Sequence[Mapping[str, Any]]) -> History:
        """From the lines of `metrics.jsonl`; a line need not hold every key."""

        def column(key: str) -> Series:
            rows = [(line["step"], line[key]) for line in log if "step" in line and line.get(key) is not None]
            steps, values = zip(*rows, strict=True) if rows else ((), ())
            return np.array(steps, dtype=float), np.array(values, dtype=float)

        return cls(*map(column, ("loss", "val_loss", "accuracy", "val_accuracy", "val_macro_f1")))

    @property
    def best(self) -> tuple[float, float] | None:
        """The step with the best validation macro-F1, and this macro-F1."""
        steps, values = self.val_macro_f1
        if not np.isfinite(values).any():
            return None
        best = int(np.nanargmax(values))
        return float(steps[best]), float(values[best])


@styled
def learning(histories: Sequence[History]) -> Figure:
    """Loss above, accuracy and validation macro-F1 below, by training step; a line per training (fold)."""
    drawn = [h for h in histories if len(h.loss[0])]
    if not drawn:
        return message("There is no training log: metrics.jsonl is empty or missing.")
    figure = new_figure(8.2, 6.4)
    losses, shares = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2.6))
    one = len(drawn) == 1
    for i, history in enumerate(drawn):
        own = None if one else i
        _line(losses, history.loss, own, BLUE, TRAINING)
        _line(losses, history.val_loss, own, ORANGE, VALIDATION)
        _line(shares, history.accuracy, own, BLUE, TRAINING)
        _line(shares, history.val_accuracy, own, ORANGE, VALIDATION)
        if one:
            _line(shares, history.val_macro_f1, None, GREEN, ":")
            _mark_best((losses, shares), history)
    losses.set_ylabel("loss (lower is better)")
    losses.set_title(
        "Loss and accuracy of training and validation\n"
        "A validation loss that rises while the training loss falls: overfitting"
    )
    losses.grid(axis="y")
    percent_axis(shares, "y")
    shares.set_ylabel("accuracy")
    shares.set_xlabel(_step_label(drawn))
    values = [one for h in drawn for one in (h.accuracy[1], h.val_accuracy[1], h.val_macro_f1[1])]
    top = max(float(np.nanmax(one, initial=0.0)) for one in values)
    shares.set_ylim(0, min(1.05, 1.25 * top) or 1.0)
    _legend(figure, drawn)
    return figure


def _step_label(drawn: Sequence[History]) -> str:
    if any(len(h.accuracy[0]) for h in drawn):
        return "training step"
    return "training step (the log of this run has no accuracy of training)"


def _line(axes: Axes, series: Series, fold: int | None, colour: str, dash: Any) -> None:
    look: dict[str, Any] = {"color": colour, "ls": dash, "lw": 1.8}
    if fold is not None:
        look |= {
            "color": CYCLE[fold % len(CYCLE)],
            "lw": 1.1,
            "ms": 4,
            "marker": MARKERS[fold % len(MARKERS)],
        }
        look["markevery"] = max(1, len(series[0]) // FOLD_MARKERS)
    axes.plot(*series, **look)


def _mark_best(panels: Sequence[Axes], history: History) -> None:
    if history.best is None:
        return
    step, value = history.best
    for axes in panels:
        axes.axvline(step, color=GREY, lw=0.9, ls=":")
    panels[1].plot([step], [value], "*", color=RED, ms=13, mec="white", mew=0.7, zorder=5)
    late = step > np.median(history.loss[0])
    panels[0].annotate(
        f"kept: step {step:.0f}",
        (step, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if late else 6, -4),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
        fontsize=9,
        bbox={
            "boxstyle": "square,pad=0.1",
            "fc": "white",
            "ec": "none",
            "alpha": 0.8,
        },  # a curve may be there
    )


def _legend(figure: Figure, drawn: Sequence[History]) -> None:
    one = len(drawn) == 1
    axes = figure.axes[1]
    axes.plot([], [], color=BLUE if one else GREY, lw=1.8, ls=TRAINING, label="training")
    axes.plot([], [], color=ORANGE if one else GREY, lw=1.8, ls=VALIDATION, label="validation")
    if one and len(drawn[0].val_macro_f1[0]):
        axes.plot([], [], color=GREEN, lw=1.8, ls=":", label="validation macro-F1")
        if drawn[0].best:
            text = f"best macro-F1: {100 * drawn[0].best[1]:.1f} %"
            axes.plot([], [], "*", color=RED, ms=11, mec="white", mew=0.7, label=text)
    for i in range(0 if one else len(drawn)):
        look: dict[str, Any] = {
            "color": CYCLE[i % len(CYCLE)],
            "marker": MARKERS[i % len(MARKERS)],
            "ms": 4.5,
        }
        best = drawn[i].best
        axes.plot(
            [],
            [],
            lw=2,
            **look,
            label=f"fold {i}" + (f", best macro-F1 {100 * best[1]:.1f} %" if best else ""),
        )
    figure.legend(loc="outside lower center", ncols=2 if one else 3)
