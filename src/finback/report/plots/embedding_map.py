"""Clips laid out in the plane, coloured by species and by tape side by side: what did the model learn?

Colour alone tells nothing here: a species has a shape and its name stands beside it, a tape has threads from
its clips to its middle. Learnt clips are filled, clips that were never learnt from are rings.
"""

from __future__ import annotations

import colorsys
import hashlib
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from finback.report.plots.style import BLACK, CYCLE, GREY, message, new_figure, short, styled

SHAPES = ("o", "s", "^")  # eight colours times three shapes tell 24 species apart
NAMED = 20  # species with their names on the map; more would hide the points
REST = "#B4B4B4"
PANEL = 6.0  # inches
EDGE = 1.08  # of the axes, where layouts end at 1
MARK, LINE = 0.14, 0.155  # inches: the mark before a name, and the height of a line


@styled
def latents(
    layouts: Mapping[str, np.ndarray],
    species: Sequence[str],
    tapes: Sequence[str],
    heard: np.ndarray,
    title: str,
    notes: Sequence[str] = (),
) -> Figure:
    """One row a layout (N, 2) within -1 to 1: to the left coloured by species, to the right by tape.

    `tapes` (N,) "" where not known; `heard` (N,) bool: learnt from. `notes` stand below, one a line.
    """
    if not layouts or not len(species):
        return message("There are no clips to map.")
    lines = [line for note in notes for line in textwrap.wrap(note, 165)]
    height = PANEL * len(layouts) + 0.95 + 0.19 * len(lines)
    figure = new_figure(2 * PANEL + 0.3, height)
    panels = figure.subplots(len(layouts), 2, squeeze=False)
    for (left, right), (name, flat) in zip(panels, layouts.items(), strict=True):
        rest = _by_species(left, flat, species, heard)
        few = f"; grey: {rest} species with fewer clips" if rest else ""
        left.set_title(f"{name}, coloured by species{few}")
        if any(tapes):
            _by_tape(right, flat, tapes, heard)
            right.set_title(f"{name}, coloured by tape; threads join the clips of a tape")
        else:
            right.text(0, 0, "which clips share a tape is not known", ha="center", color=GREY)
            right.set_title(f"{name}, coloured by tape")
        for axes in (left, right):
            axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_visible(True)
            axes.spines[:].set_color("#DDDDDD")
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold")
    handles = [
        Line2D([], [], marker="o", ls="", ms=6.5, color=GREY, label="learnt from"),
        Line2D([], [], marker="o", ls="", ms=6.5, color=GREY, mfc="none", mew=1.3, label="never learnt from"),
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.24 / height), ncols=2, fontsize=10
    )
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=10, linespacing=1.4)
    return figure


def colour_of(tape: str) -> str:
    """A colour from the tape's name alone: the same on every figure and page, its lightness varied too."""
    digest = hashlib.blake2b(tape.encode(), digest_size=4).digest()
    hue = int.from_bytes(digest[:2], "big") / 65536
    lightness = (0.32, 0.44, 0.56)[digest[2] % 3]
    r, g, b = colorsys.hls_to_rgb(hue, lightness, 0.75)
    return f"#{round(255 * r):02x}{round(255 * g):02x}{round(255 * b):02x}"


def marks(species: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and shape of each species that is named on the map, those with most clips."""
    ranked = sorted(Counter(species).items(), key=lambda item: (-item[1], item[0]))[:NAMED]
    names = sorted(name for name, _ in ranked)
    return {name: (CYCLE[i % len(CYCLE)], SHAPES[i // len(CYCLE)]) for i, name in enumerate(names)}


def _by_species(axes: Axes, flat: np.ndarray, species: Sequence[str], heard: np.ndarray) -> int:
    """Draw; how many species are not named."""
    names, looks = np.asarray(species), marks(species)
    others = ~np.isin(names, list(looks))
    _points(axes, flat[others], heard[others], REST, "o", 14)
    for name, (colour, shape) in looks.items():
        own = names == name
        _points(axes, flat[own], heard[own], colour, shape, 22)
    _name(axes, [(name, look, _middle(flat[names == name])) for name, look in looks.items()])
    return len(set(species)) - len(looks)


def _by_tape(axes: Axes, flat: np.ndarray, tapes: Sequence[str], heard: np.ndarray) -> None:
    names = np.asarray(tapes)
    for tape in sorted(set(tapes)):
        own, colour = names == tape, colour_of(tape) if tape else REST
        if tape and own.sum() > 1:
            middle = _middle(flat[own])
            threads = [(point, middle) for point in flat[own]]
            axes.add_collection(LineCollection(threads, colors=colour, linewidths=0.6, alpha=0.35, zorder=1))
        _points(axes, flat[own], heard[own], colour, "o", 20)


def _points(axes: Axes, flat: np.ndarray, heard: np.ndarray, colour: str, shape: str, size: float) -> None:
    look: Any = {"marker": shape, "s": size, "zorder": 2}
    axes.scatter(*flat[heard].T, color=colour, linewidths=0.3, edgecolors="white", alpha=0.85, **look)
    axes.scatter(*flat[~heard].T, facecolors="none", edgecolors=colour, linewidths=1.1, **look)


def _middle(points: np.ndarray) -> np.ndarray:
    """(n, 2) -> the point that is nearest to all the others: unlike a mean, it is where some of them are."""
    far = np.linalg.norm(points[:, None] - points[None], axis=2)
    middle: np.ndarray = points[far.mean(axis=1).argmin()]
    return middle


def _name(axes: Axes, named: Sequence[tuple[str, tuple[str, str], np.ndarray]]) -> None:
    """Write each species' name near its middle, its mark before it, apart from the other names."""
    halo = [patheffects.withStroke(linewidth=2.6, foreground="white")]
    texts = [
        axes.text(0, 0, short(name, 30), ha="left", va="center", fontsize=8.5, fontweight="bold", color=BLACK)
        for name, _, _ in named
    ]
    unit = 2 * EDGE / (PANEL - 0.2)  # of the axes per inch
    widths = [text.get_window_extent(dpi=100).width / 100 for text in texts]
    sizes = np.array([[width + MARK, LINE] for width in widths]) * unit
    anchors = np.array([point for _, _, point in named])
    places = spread(anchors, sizes)
    for text, (_, (colour, shape), anchor), place, size in zip(texts, named, places, sizes, strict=True):
        if np.any(np.abs(place - anchor) > size):
            edge = np.clip(anchor, place - size / 2, place + size / 2)  # the nearest point of the box
            axes.plot(*np.stack([anchor, edge]).T, color=BLACK, lw=0.8, zorder=3, path_effects=halo)
        left = place[0] - size[0] / 2
        axes.plot(
            left + 0.3 * MARK * unit, place[1], shape, color=colour, ms=5.5, mec="white", mew=0.6, zorder=4
        )
        text.set(x=left + MARK * unit, y=place[1], zorder=4, path_effects=halo)


def spread(anchors: np.ndarray, sizes: np.ndarray, rounds: int = 400) -> np.ndarray:
    """Middles (n, 2) of boxes of `sizes` (n, 2) near their anchors, within -1 to 1, that do not overlap.

    Overlapping boxes push each other apart along the axis on which less is needed; each is pulled back.
    """
    places = anchors + np.array([0.0, 1.1]) * sizes
    room = 1.04 - sizes / 2
    for step in range(rounds):
        pull = 0.03 * (1 - step / rounds)  # at the end only apart
        places += pull * (anchors + np.array([0.0, 1.1]) * sizes - places)
        for i in range(len(places)):
            for j in range(i):
                gap = places[i] - places[j]
                overlap = (sizes[i] + sizes[j]) / 2 - np.abs(gap)
                if np.all(overlap > 0):
                    axis = int(np.argmin(overlap))
                    push = overlap[axis] / 2 * (1 if gap[axis] >= 0 else -1)
                    places[i, axis] += push
                    places[j, axis] -= push
        places = np.clip(places, -room, room)
    return places
