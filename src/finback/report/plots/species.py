"""Bars: the F1 of each species with its clips and groups, and the accuracy of the model and of baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from finback.report.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    message,
    new_figure,
    percent_axis,
    short,
    styled,
)


@styled
def species_bars(per_species: Mapping[str, Mapping[str, Any]]) -> Figure:
    """`per_species` of metrics.json: tested species by F1, then the species that could not be tested."""
    if not per_species:
        return message("No species to show.")
    tested = sorted((s for s in per_species.items() if s[1]["n_clips"]), key=lambda s: (-s[1]["f1"], s[0]))
    untested = sorted(s for s in per_species.items() if not s[1]["n_clips"])
    rows = tested + untested
    figure = new_figure(9.0, 1.5 + 0.27 * len(rows))
    axes = figure.subplots()
    for y, (_, row) in enumerate(rows):
        if not row["n_clips"]:
            axes.text(0.008, y, "not tested", color=GREY, va="center", fontsize=8.5)
            continue
        few = row["noisy"]
        axes.barh(y, row["f1"], color=SKY if few else BLUE, hatch="////" if few else None, height=0.72)
        axes.text(row["f1"] + 0.008, y, f"{100 * row['f1']:.0f}", va="center", fontsize=8.5)
        behind = f"{_count(row['n_clips'], 'clip')}, {_count(row['n_groups'], 'group')}"
        axes.text(1.27, y, behind, va="center", fontsize=8.5, color=GREY if few else "black")
    axes.set_yticks(np.arange(len(rows)), [short(name) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.05), ylim=(len(rows) - 0.4, -0.6))
    percent_axis(axes)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("F1 in % (the harmonic mean of precision and recall)")
    handles = [axes.barh(-5, 0, color=BLUE), axes.barh(-5, 0, color=SKY, hatch="////")]
    for handle, name in zip(
        handles, ("at least 10 test clips and 3 groups", "fewer: a rough estimate"), strict=True
    ):
        handle.set_label(name)
    figure.legend(loc="outside lower center", ncols=2)
    axes.set_title("F1 of each species, with its numbers of test clips and groups")
    return figure


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the headline: a share 0..1 with its 95 % interval (None: there is none)."""

    label: str
    value: float
    interval: Sequence[float] | None = None
    uses_audio: bool = True  # False for a baseline without audio


@styled
def headline(sections: Mapping[str, Sequence[Bar]]) -> Figure:
    """Accuracy of the model and of baselines without audio; one panel for each way of splitting (the key)."""
    drawn = [(title, bars) for title, bars in sections.items() if bars]
    if not drawn:
        return message("Nothing has been measured yet.")
    figure = new_figure(8.6, 0.9 + sum(0.45 * len(bars) + 0.55 for _, bars in drawn))
    panels = figure.subplots(
        len(drawn), 1, sharex=True, squeeze=False, height_ratios=[len(b) + 0.3 for _, b in drawn]
    )
    for axes, (title, bars) in zip(panels[:, 0], drawn, strict=True):
        for y, bar in enumerate(bars):
            axes.barh(
                y,
                bar.value,
                color=BLUE if bar.uses_audio else ORANGE,
                height=0.62,
                hatch=None if bar.uses_audio else "//",
            )
            end = bar.value
            if bar.interval is not None:
                low, high = bar.interval
                axes.plot([low, high], [y, y], color="black", lw=1.4, marker="|", ms=8)
                end = max(end, high)
            axes.text(
                end + 0.012, y, f"{100 * bar.value:.1f} %", va="center", fontsize=9.5, fontweight="bold"
            )
        axes.set_yticks(np.arange(len(bars)), [short(bar.label, 48) for bar in bars])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlim(0, 1.1)
        axes.set_title(title, fontsize=10.5)
        percent_axis(axes)
        axes.set_xticks(np.linspace(0, 1, 6))
    all_bars = [bar for _, bars in drawn for bar in bars]
    shown = ["lines: 95 % intervals"] if any(bar.interval is not None for bar in all_bars) else []
    shown += [] if all(bar.uses_audio for bar in all_bars) else ["hatched bars: baselines that use no audio"]
    panels[-1, 0].set_xlabel(f"accuracy ({'; '.join(shown)})" if shown else "accuracy")
    return figure
