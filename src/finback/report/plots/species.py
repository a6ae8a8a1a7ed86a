"""Bars: each species' F1 with the clips and tapes behind it, and the model beside what can be had unheard."""

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
    """`per_species` of `classify.evaluate`: tested species by F1, then those that could not be tested."""
    if not per_species:
        return message("No species to show.")
    tested = sorted((s for s in per_species.items() if s[1]["n_clips"]), key=lambda s: (-s[1]["f1"], s[0]))
    untested = sorted(s for s in per_species.items() if not s[1]["n_clips"])
    rows = tested + untested
    figure = new_figure(9.0, 1.5 + 0.27 * len(rows))
    axes = figure.subplots()
    for y, (_, facts) in enumerate(rows):
        if not facts["n_clips"]:
            axes.text(0.008, y, "not tested", color=GREY, va="center", fontsize=8.5)
            continue
        few = facts["noisy"]
        axes.barh(y, facts["f1"], color=SKY if few else BLUE, hatch="////" if few else None, height=0.72)
        axes.text(facts["f1"] + 0.008, y, f"{100 * facts['f1']:.0f}", va="center", fontsize=8.5)
        behind = f"{_count(facts['n_clips'], 'clip')}, {_count(facts['n_groups'], 'tape')}"
        axes.text(1.06, y, behind, va="center", fontsize=8.5, color=GREY if few else "black")
    axes.set_yticks(np.arange(len(rows)), [short(name) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.05), ylim=(len(rows) - 0.4, -0.6))
    percent_axis(axes)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("F1: high only if the species is both found and not cried wrongly")
    handles = [axes.barh(-5, 0, color=BLUE), axes.barh(-5, 0, color=SKY, hatch="////")]
    axes.legend(
        handles,
        ["tested on 10 clips and 3 tapes or more", "fewer: a rough guess"],
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        borderaxespad=0.2,
    )
    axes.set_title("Which species can be told apart, and on how much that rests", pad=30)
    return figure


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the headline: a share 0..1 with its interval, or None where there is none."""

    label: str
    value: float
    interval: Sequence[float] | None = None
    uses_audio: bool = True  # False for a no-audio baseline


@styled
def headline(sections: Mapping[str, Sequence[Bar]]) -> Figure:
    """One panel a section (a way of splitting, named by its key): the model and the no-audio baselines."""
    drawn = [(title, bars) for title, bars in sections.items() if bars]
    if not drawn:
        return message("Nothing measured yet.")
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
    panels[-1, 0].set_xlabel("share right (lines: 95 % interval; hatched: without hearing a sound)")
    return figure
