"""What a generator or vocoder lost in training, part by part, on learnt clips and on other tapes."""

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
    """One panel a loss of the lines of `metrics.jsonl`: `x` in training beside `val_x`."""
    names = list(dict.fromkeys(k.removeprefix("val_") for line in log for k in line))
    names = [n for n in names if n not in NOT_LOSSES and not n.startswith("best")]
    panels = [n for n in names if sum(n in line or f"val_{n}" in line for line in log) > 1]
    if not panels:
        return message("No training log: this model was fitted in one go, or metrics.jsonl is missing.")
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.6 * columns + 0.6, 2.5 * rows + 0.4)
    for i, name in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        values: list[float] = []
        for key, colour, label in ((name, BLUE, "training"), (f"val_{name}", ORANGE, "other tapes")):
            points = [
                (line["step"], line[key]) for line in log if line.get(key) is not None and "step" in line
            ]
            if points:
                steps, found = zip(*points, strict=True)
                axes.plot(
                    steps, found, color=colour, lw=1.6, ls="-" if key == name else (0, (4, 1.5)), label=label
                )
                values += found
        if min(values) > 0 and max(values) > 20 * min(values):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(numticks=4))
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel("training step")
        axes.grid(axis="y")
        if i == 0:
            axes.legend(loc="upper right")
    return figure
