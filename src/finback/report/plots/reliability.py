"""The reliability diagram: of the clips the model is 80 % sure of, are 80 % right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from finback.report.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    message,
    new_figure,
    percent_axis,
    styled,
)

FEW_CLIPS = 10  # a bar of fewer is a rough guess


@styled
def reliability(table: Sequence[Mapping[str, float | int | None]], ece: float | None) -> Figure:
    """Rows {low, high, confidence, accuracy, n} of `calibrate.reliability_table`, and the ECE.

    Above: accuracy per bin against the model's own confidence; below: how many clips each bin has.
    """
    rows = [row for row in table if row["n"]]
    if not rows:
        return message("No test clips: calibration cannot be judged.")
    low, high, confidence, accuracy, n = (
        np.array([float(row[key] or 0) for row in rows])
        for key in ("low", "high", "confidence", "accuracy", "n")
    )
    figure = new_figure(6.2, 6.8)
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1.2))
    axes.plot([0, 1], [0, 1], color=GREY, lw=1.2, ls="--", label="as sure as it is right")
    few = n < FEW_CLIPS
    for which, look, text in (
        (~few, {"color": BLUE}, "share right"),
        (few, {"color": SKY, "hatch": "////"}, f"the same, fewer than {FEW_CLIPS} clips"),
    ):
        if which.any():
            axes.bar(
                low[which], accuracy[which], (high - low)[which], align="edge", label=text, ec="white", **look
            )
    over = confidence > accuracy
    for which, colour, text in ((over, RED, "too sure"), (~over, ORANGE, "not sure enough")):
        if which.any():
            axes.vlines(
                confidence[which], accuracy[which], confidence[which], color=colour, lw=2.2, label=text
            )
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    percent_axis(axes, "y")
    axes.set_ylabel("share of these clips that are right")
    error = "" if ece is None else f"\nCalibration error {100 * ece:.1f} points"
    axes.set_title(f"Bars on the dashed line: the scores can be trusted{error}")
    figure.legend(loc="outside lower center", ncols=2)  # any place inside can be under a bar
    counts.bar(low, n, width=high - low, align="edge", color=GREY, edgecolor="white")
    for x, count in zip((low + high) / 2, n, strict=True):
        counts.annotate(
            f"{count:.0f}", (x, count), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    counts.margins(y=0.22)
    counts.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    percent_axis(counts, "x")
    counts.grid(visible=False)
    counts.set_ylabel("test clips")
    counts.set_xlabel("how sure the model says it is of its first choice")
    return figure
