"""The reliability diagram: accuracy against predicted probability, in bins of test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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

MANY_CLIPS = 100  # in a bin: its number has three digits
FEW_CLIPS = 10  # the bar of a bin with fewer clips is a rough estimate


@styled
def reliability(table: Sequence[Mapping[str, float | int | None]], ece: float | None) -> Figure:
    """Rows {low, high, confidence, accuracy, n} of `calibration.reliability_table`, and the ECE.

    Above: accuracy of each bin against the predicted probability. Below: the number of clips in each bin.
    """
    rows = [row for row in table if row["n"]]
    if not rows:
        return message("There are no test clips, so calibration cannot be measured.")
    low, high, confidence, accuracy, n = (
        np.array([float(row[key] or 0) for row in rows])
        for key in ("low", "high", "confidence", "accuracy", "n")
    )
    figure = new_figure(6.2, 6.8)
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1.2))
    axes.plot([0, 1], [0, 1], color=GREY, lw=1.2, ls="--", label="perfect calibration")
    few = n < FEW_CLIPS
    for which, look, text in (
        (~few, {"color": BLUE}, "accuracy"),
        (few, {"color": SKY, "hatch": "////"}, f"accuracy, fewer than {FEW_CLIPS} clips"),
    ):
        if which.any():
            axes.bar(
                low[which], accuracy[which], (high - low)[which], align="edge", label=text, ec="white", **look
            )
    over = confidence > accuracy
    for which, colour, line, text in (
        (over, RED, "-", "probability too high"),
        (~over, ORANGE, (0, (1.5, 0.8)), "probability too low"),
    ):
        if which.any():
            axes.vlines(
                confidence[which],
                accuracy[which],
                confidence[which],
                color=colour,
                ls=line,
                lw=2.4,
                label=text,
            )
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    percent_axis(axes, "y")
    axes.set_ylabel("accuracy of the clips in each bin")
    error = "" if ece is None else f"\nCalibration error: {100 * ece:.1f} percentage points"
    axes.set_title(f"Accuracy against predicted probability{error}")
    figure.legend(loc="outside lower center", ncols=2)  # any place inside can be under a bar
    counts.bar(low, n, width=high - low, align="edge", color=GREY, edgecolor="white")
    upright = {"rotation": 90} if n.max() >= MANY_CLIPS else {}  # long numbers side by side touch each other
    place: dict[str, Any] = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    for x, count in zip((low + high) / 2, n, strict=True):
        counts.annotate(f"{count:.0f}", (x, count), **place, **upright, fontsize=8)
    counts.margins(y=0.5 if upright else 0.22)
    counts.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    percent_axis(counts, "x")
    counts.grid(visible=False)
    counts.set_ylabel("test clips")
    counts.set_xlabel("predicted probability of the first choice")
    return figure
