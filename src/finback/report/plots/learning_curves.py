"""Learning curves: losses and validation macro-F1 against the training step, to see overfitting."""

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
    GREY,
    ORANGE,
    RED,
    message,
    new_figure,
    percent_axis,
    styled,
)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The log of one training: each quantity with the steps at which it was measured, (n,) float64."""

    step: np.ndarray
    loss: np.ndarray
    val_step: np.ndarray
    val_loss: np.ndarray
    val_macro_f1: np.ndarray

    @classmethod
    def of(cls, log: Sequence[Mapping[str, Any]]) -> History:
        """From the lines of `metrics.jsonl`; a line need not hold every key."""

        def column(key: str) -> tuple[np.ndarray, np.ndarray]:
            rows = [(line["step"], line[key]) for line in log if "step" in line and line.get(key) is not None]
            steps, values = zip(*rows, strict=True) if rows else ((), ())
            return np.array(steps, dtype=float), np.array(values, dtype=float)

        (step, loss), (val_step, f1), (loss_step, val_loss) = map(
            column, ("loss", "val_macro_f1", "val_loss")
        )
        # The two validation figures are measured together; keep the steps that have both.
        f1, val_loss = f1[np.isin(val_step, loss_step)], val_loss[np.isin(loss_step, val_step)]
        return cls(step, loss, val_step[np.isin(val_step, loss_step)], val_loss, f1)


@styled
def learning(histories: Sequence[History]) -> Figure:
    """Losses above, validation macro-F1 below, against the training step; one line per training (fold)."""
    drawn = [h for h in histories if len(h.step)]
    if not drawn:
        return message("There is no training log: metrics.jsonl is empty or missing.")
    figure = new_figure(8.2, 5.6)
    losses, f1 = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    one = len(drawn) == 1
    for i, history in enumerate(drawn):
        colour = CYCLE[i % len(CYCLE)]
        losses.plot(history.step, history.loss, color=BLUE if one else colour, lw=1.6 if one else 1.0)
        losses.plot(
            history.val_step, history.val_loss, color=ORANGE if one else colour, lw=1.8, ls=(0, (4, 1.5))
        )
        f1.plot(history.val_step, history.val_macro_f1, color=ORANGE if one else colour, lw=1.6)
        _mark_best(losses, f1, history, RED if one else colour, one)
    _legend(losses, drawn)
    losses.set_ylabel("loss (lower is better)")
    losses.set_title(
        "Training and validation loss\n"
        "A validation loss that rises while the training loss falls: overfitting"
    )
    losses.grid(axis="y")
    percent_axis(f1, "y")
    f1.set_ylabel("validation\nmacro-F1")
    f1.set_xlabel("training step")
    top = max((np.nanmax(h.val_macro_f1, initial=0.0) for h in drawn), default=0.0)
    f1.set_ylim(0, 1.3 * top or 1.0)
    return figure


def _mark_best(losses: Axes, f1: Axes, history: History, colour: str, one: bool) -> None:
    if not np.isfinite(history.val_macro_f1).any():
        return
    best = int(np.nanargmax(history.val_macro_f1))
    step, value = history.val_step[best], history.val_macro_f1[best]
    f1.plot([step], [value], "*", color=colour, ms=13, mec="white" if one else "black", mew=0.7, zorder=5)
    if one:
        for axes in (losses, f1):
            axes.axvline(step, color=GREY, lw=0.9, ls=":")
        late = step > np.median(history.step)
        f1.annotate(
            f"best: {100 * value:.1f} % at step {step:.0f}",
            (step, value),
            xytext=(-9 if late else 9, 7),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize=9,
        )


def _legend(axes: Axes, drawn: Sequence[History]) -> None:
    one = len(drawn) == 1
    axes.plot([], [], color=BLUE if one else GREY, lw=1.6, label="training")
    axes.plot([], [], color=ORANGE if one else GREY, lw=1.8, ls=(0, (4, 1.5)), label="validation")
    for i in range(0 if one else len(drawn)):
        axes.plot([], [], color=CYCLE[i % len(CYCLE)], lw=4, label=f"fold {i}")
    axes.legend(ncols=2 if one else 4, loc="upper right")
