"""Dots with intervals: what each arm gains over the one without synthetic examples, on unseen tapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from finback.report.plots.style import BLUE, GREY, ORANGE, message, new_figure, short, styled


@styled
def gain_bars(found: Mapping[str, Any]) -> Figure:
    """A synthetic study: macro-F1 and recall over the species with few clips, then each species."""
    arms = {name: row for name, row in found["arms"].items() if row["versus"]}
    if not arms:
        return message("No arm has finished a fold that its baseline has finished too.")
    species = list(found["few"])
    rows = [("all of them, macro-F1", None, "few_f1"), ("all of them, recall", None, "few_recall")]
    rows += [(short(name, 30), name, "gain_f1") for name in species]
    figure = new_figure(3.2 + 3.1 * len(arms), 1.9 + 0.34 * len(rows))
    panels = figure.subplots(1, len(arms), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (name, row) in zip(panels, arms.items(), strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        for y, (_, one, key) in enumerate(rows):
            gain = row["versus"][key] if one is None else row["per_species"][one][key]
            if not gain or gain["difference"] is None:
                continue
            color = BLUE if one is None else ORANGE
            if gain["ci"]:
                axes.plot(gain["ci"], [y, y], color=color, linewidth=2.5, alpha=0.55, solid_capstyle="butt")
            axes.plot(gain["difference"], y, "o" if one is None else "s", color=color, markersize=6)
        axes.set_title(name.replace(" + ", " +\n"), fontsize=10)
        axes.set_xlabel("gain on unseen tapes")
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(rows)), [label for label, _, _ in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    below, base = found["below"], found["baseline"]
    figure.suptitle(
        f"Over {base}: species with fewer than {below} clips to learn from (95 % intervals over tapes)",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return figure
