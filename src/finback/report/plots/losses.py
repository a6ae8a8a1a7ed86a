"""Training losses of a generator or a vocoder, on its training clips and on clips of other groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from finback.report.plots.style import BLUE, ORANGE, message, new_figure, styled

NOT_LOSSES = ("step", "epoch", "loss", "lr", "seconds")
COLUMNS = 3


@styled
def losses(log: Sequence[Mapping[str, Any]]) -> Figure:
    """One panel for each loss in the lines of `metrics.jsonl`: `x` (training) and `val_x` (other groups)."""
    names = list(dict.fromkeys(k.removeprefix("val_") for line in log for k in line))
    names = [n for n in names if n not in NOT_LOSSES and not n.startswith("best")]
    panels = [n for n in names if sum(n in line or f"val_{n}" in line for line in log) > 1]
    if not panels:
        return message(
            "There is no training log: this model was fitted in one step, or metrics.jsonl is missing."
        )
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.6 * columns + 0.6, 2.5 * rows + 0.4)
    for i, name in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        values: list[float] = []
        for key, colour, label in ((name, BLUE, "training"), (f"val_{name}", ORANGE, "other groups")):
            points = [
                (line["step"], line[key]) for line in log if line.get(key) is not None and "step" in line
            ]
            if points:
                steps, points_y = zip(*points, strict=True)
                axes.plot(
                    steps,
                    points_y,
                    color=colour,
                    lw=1.6,
                    ls="-" if key == name else (0, (4, 1.5)),
                    label=label,
                )
                values += points_y
        if min(values) > 0 and max(values) > 20 * min(values):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(numticks=4))
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel("training step")
        axes.grid(axis="y")
        if i == 0:
            axes.legend(loc="best")
    return figure
