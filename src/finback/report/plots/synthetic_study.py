"""Dots with intervals: the difference of each arm from the baseline without synthetic clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from finback.report.plots.style import BLUE, GREY, ORANGE, message, new_figure, short, styled


@styled
def differences(result: Mapping[str, Any]) -> Figure:
    """Results of a synthetic study: macro-F1 and recall over the low-data species, then F1 of each."""
    arms = {name: row for name, row in result["arms"].items() if row["versus"]}
    if not arms:
        return message("No arm has finished a fold that the baseline has finished too.")
    species = list(result["low_data_species"])
    rows = [
        ("all species below, macro-F1", None, "low_data_f1"),
        ("all species below, recall", None, "low_data_recall"),
    ]
    rows += [(short(name, 30), name, "f1_difference") for name in species]
    figure = new_figure(3.2 + 3.1 * len(arms), 1.9 + 0.34 * len(rows))
    panels = figure.subplots(1, len(arms), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (name, row) in zip(panels, arms.items(), strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        for y, (_, one, key) in enumerate(rows):
            versus = row["versus"][key] if one is None else row["per_species"][one][key]
            if not versus or versus["difference"] is None:
                continue
            color = BLUE if one is None else ORANGE
            if versus["ci"]:
                axes.plot(versus["ci"], [y, y], color=color, linewidth=2.5, alpha=0.55, solid_capstyle="butt")
            axes.plot(versus["difference"], y, "o" if one is None else "s", color=color, markersize=6)
        axes.set_title(name.replace(" + ", " +\n"), fontsize=10)
        axes.set_xlabel("difference on held-out groups")
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(rows)), [label for label, _, _ in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    below, base = result["low_data_below"], result["baseline"]
    figure.suptitle(
        f"Difference from {base}; species with fewer than {below} training clips (95 % intervals)",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return figure
