"""Model families compared: a leaderboard with intervals, and the F1 of each species by each family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from finback.report.plots.confusion import BLUES
from finback.report.plots.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PALE,
    SKY,
    message,
    new_figure,
    percent_axis,
    short,
    styled,
)

# Of the lines of each baseline, on a split by group and on a random split.
BASELINE_DASHES: tuple[tuple[Any, Any], ...] = ((":", (0, (1, 3))), ((0, (4, 2, 1, 2)), (0, (7, 2))))
BASELINE_COLOURS = (ORANGE, "#8C8C8C")


@dataclass(frozen=True, slots=True)
class Row:
    """One family: shares 0..1 with 95 % intervals; None where a value is not defined."""

    family: str
    macro_f1: float | None  # over species with at least two groups
    macro_f1_ci: Sequence[float] | None
    accuracy: float
    accuracy_ci: Sequence[float] | None
    random: float | None = None  # accuracy on a random split of the same clips


@dataclass(frozen=True, slots=True)
class NoAudioBaseline:
    """A baseline that uses no audio: its accuracy on a split by group and on a random split."""

    name: str
    grouped: float | None
    random: float | None


@styled
def leaderboard(rows: Sequence[Row], baselines: Sequence[NoAudioBaseline] = ()) -> Figure:
    """Families, the best first: macro-F1 on the left; accuracy, also on a random split, on the right."""
    if not rows:
        return message("No family has finished.")
    figure = new_figure(10.4, 1.9 + 0.42 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    for y, row in enumerate(rows):
        first = y == 0
        _bar(left, y, row.macro_f1, row.macro_f1_ci, BLUE if first else SKY)
        _bar(right, y, row.accuracy, row.accuracy_ci, BLUE if first else SKY)
        if row.random is not None:
            diamond = {"marker": "D", "ms": 7, "mfc": "#BBBBBB", "mec": GREY, "ls": "none"}
            right.plot(row.random, y, clip_on=False, zorder=5, **diamond)  # above the number next to it
    for baseline, styles in zip(baselines, BASELINE_DASHES, strict=False):
        for value, style, colour in zip(
            (baseline.grouped, baseline.random), styles, BASELINE_COLOURS, strict=True
        ):
            if value is not None:
                right.axvline(value, ls=style, lw=1.6, color=colour, zorder=3)
    for axes, title in ((left, "Macro-F1, species with at least two groups"), (right, "Accuracy")):
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.45, -0.55))
        axes.set_title(title)
        percent_axis(axes)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.tick_params(axis="y", length=0)
    left.set_yticks(np.arange(len(rows)), [short(row.family, 28) for row in rows])
    handles, names = _legend(rows, baselines)
    figure.legend(handles, names, loc="outside lower center", ncols=2, handlelength=2.6)
    return figure


def _bar(axes: Axes, y: int, value: float | None, interval: Sequence[float] | None, colour: str) -> None:
    if value is None:
        axes.text(0.01, y, "not defined", va="center", color=GREY, fontsize=9)
        return
    axes.barh(y, value, color=colour, height=0.62)
    end = value
    if interval is not None:
        axes.plot(interval, [y, y], color="black", lw=1.4, marker="|", ms=8)
        end = max(value, interval[1])
    # White behind the number: the line of a baseline may be there.
    box = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"}
    text = f"{100 * value:.1f}"
    axes.text(end + 0.015, y, text, va="center", fontsize=9, fontweight="bold", bbox=box, zorder=4)


def _legend(rows: Sequence[Row], baselines: Sequence[NoAudioBaseline]) -> tuple[list[Line2D], list[str]]:
    handles = [Line2D([], [], color="black", lw=1.4, marker="|", ms=8)]
    names = ["95 % interval over groups (no test group is in the training set)"]
    if any(row.random is not None for row in rows):
        handles.append(Line2D([], [], ls="none", marker="D", ms=7, mfc="#BBBBBB", mec=GREY))
        names.append("the same family on a random split of clips")
    for baseline, styles in zip(baselines, BASELINE_DASHES, strict=False):
        measured = ((baseline.grouped, "split by group"), (baseline.random, "random split"))
        for (value, where), style, colour in zip(measured, styles, BASELINE_COLOURS, strict=True):
            if value is not None:
                handles.append(Line2D([], [], ls=style, lw=1.6, color=colour))
                names.append(f"no audio, {where}: {baseline.name} ({100 * value:.0f} %)")
    return handles, names


@dataclass(frozen=True, slots=True)
class SpeciesF1:
    """One species of the heat map: its test clips and groups, its F1 by each family (None: not tested)."""

    name: str
    n_clips: int
    n_groups: int
    noisy: bool
    f1: Sequence[float | None]


@styled
def heat_map(families: Sequence[str], species: Sequence[SpeciesF1]) -> Figure:
    """F1 of each species (rows) by each family (columns); species with few clips or groups have a star."""
    tested = [s for s in species if s.n_clips]
    if not families or not tested:
        return message("No species was tested.")
    tested.sort(key=lambda s: (-np.mean([f or 0 for f in s.f1]), s.name))
    values = np.array([[np.nan if f is None else f for f in s.f1] for s in tested], dtype=float)  # (S, F)
    figure = new_figure(max(6.6, 4.4 + 0.62 * len(families)), 2.3 + 0.28 * len(tested))
    axes = figure.subplots()
    axes.set_facecolor(PALE)
    image = axes.imshow(np.ma.masked_invalid(values), vmin=0, vmax=1, cmap=BLUES, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{100 * value:.0f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=8.5, color="white" if value > 0.5 else BLACK)
    axes.set_xticks(np.arange(len(families)), [short(f, 24) for f in families], rotation=40, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(np.arange(len(tested)), [_label(s) for s in tested])
    for tick, one in zip(axes.get_yticklabels(), tested, strict=True):
        tick.set_color(GREY if one.noisy else BLACK)
    axes.set_xticks(np.arange(len(families) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(tested) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(False)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 4 / figure.get_figheight()), pad=0.02)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    bar.set_label("F1")
    bar.outline.set_visible(False)
    note = (
        "\n* fewer than 10 test clips or 3 test groups: a rough estimate"
        if any(s.noisy for s in tested)
        else ""
    )
    # On the figure, not the axes: these are narrow when families are few.
    title = f"F1 of each species (row) by each family (column), in %{note}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


def _label(species: SpeciesF1) -> str:
    clips = f"{species.n_clips} clip{'' if species.n_clips == 1 else 's'}"
    groups = f"{species.n_groups} group{'' if species.n_groups == 1 else 's'}"
    return f"{short(species.name, 32)}{' *' if species.noisy else ''}  ({clips}, {groups})"
