"""Clips in two dimensions by their embeddings, coloured by species and by recording group.

The figure can be read without its colours: a species has a shape and its name is written at its points, a
group has lines from its clips to its middle. Training clips are filled, other clips are rings. For a narrow
column the panels stand one above the other, with names of fewer species.
"""

from __future__ import annotations

import colorsys
import hashlib
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from finback.report.plots import narrow
from finback.report.plots.style import BLACK, CYCLE, GREY, message, new_figure, short, styled

SHAPES = ("o", "s", "^")  # eight colours times three shapes distinguish 24 species
NAMED = 20  # species with their names on the map; more would hide the points
REST = "#B4B4B4"
EDGE = 1.08  # of the axes, where layouts end at 1


@dataclass(frozen=True)
class _Form:
    """Panels side by side, their size in inches; species with names, the letters of a name and their points.

    `marker`, `line`: inches of the marker before a name, and of the height of a line.
    """

    columns: int
    panel: float
    named: int
    letters: int
    points: float
    marker: float
    line: float
    note_letters: int  # of a line below the panels


WIDE = _Form(2, 6.0, NAMED, 30, 8.5, 0.14, 0.155, 165)
NARROW = _Form(1, 3.3, 10, 22, 6.5, 0.11, 0.12, 46)


@styled
def embedding_map(
    layouts: Mapping[str, np.ndarray],
    species: Sequence[str],
    groups: Sequence[str],
    seen: np.ndarray,
    title: str,
    notes: Sequence[str] = (),
) -> Figure:
    """One row for each layout (N, 2) within -1 to 1: on the left coloured by species, on the right by group.

    `groups` (N,): "" where not known. `seen` (N,) bool: in the training set. `notes`: sentences below.
    """
    if not layouts or not len(species):
        return message("There are no clips to show.")
    figure = _drawn(WIDE, layouts, species, groups, seen, title, notes)
    # In a narrow column a sentence takes the place of the legend, which would lie on the title.
    sentence = "Filled: in the training set; rings: not in training."
    narrow.instead(
        figure,
        lambda: _drawn(NARROW, layouts, species, groups, seen, title, (*notes, sentence), legend=False),
    )
    return figure


def _drawn(
    form: _Form,
    layouts: Mapping[str, np.ndarray],
    species: Sequence[str],
    groups: Sequence[str],
    seen: np.ndarray,
    title: str,
    notes: Sequence[str],
    legend: bool = True,
) -> Figure:
    lines = [line for note in notes for line in textwrap.wrap(note, form.note_letters)]
    n_rows = 2 * len(layouts) // form.columns
    height = form.panel * n_rows + 0.95 + 0.19 * len(lines)
    figure = new_figure(form.columns * form.panel + 0.3, height)
    panels = figure.subplots(n_rows, form.columns, squeeze=False).reshape(len(layouts), 2)
    for (left, right), (name, flat) in zip(panels, layouts.items(), strict=True):
        rest = _by_species(left, flat, species, seen, form)
        few = f"; grey: {rest} species with fewer clips" if rest else ""
        left.set_title(f"{name}, coloured by species{few}")
        if any(groups):
            _by_group(right, flat, groups, seen)
            right.set_title(f"{name}, coloured by group; lines join the clips of a group")
        else:
            right.text(0, 0, "the recording groups are not known", ha="center", color=GREY)
            right.set_title(f"{name}, coloured by group")
        for axes in (left, right):
            axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xticks=[], yticks=[])
            axes.spines[:].set_visible(True)
            axes.spines[:].set_color("#DDDDDD")
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold")
    if legend:
        _add_legend(figure, height)
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=10, linespacing=1.4)
    return figure


def _add_legend(figure: Figure, height: float) -> None:
    handles = [
        Line2D([], [], marker="o", ls="", ms=6.5, color=GREY, label="in the training set"),
        Line2D([], [], marker="o", ls="", ms=6.5, color=GREY, mfc="none", mew=1.3, label="not in training"),
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.24 / height), ncols=2, fontsize=10
    )


def colour_of(group: str) -> str:
    """A colour from the name of the group alone, so that it is the same in every figure and on every page."""
    digest = hashlib.blake2b(group.encode(), digest_size=4).digest()
    hue = int.from_bytes(digest[:2], "big") / 65536
    lightness = (0.32, 0.44, 0.56)[digest[2] % 3]
    r, g, b = colorsys.hls_to_rgb(hue, lightness, 0.75)
    return f"#{round(255 * r):02x}{round(255 * g):02x}{round(255 * b):02x}"


def markers(species: Sequence[str], named: int = NAMED) -> dict[str, tuple[str, str]]:
    """Colour and shape of each species that is named on the map: the species with most clips."""
    ranked = sorted(Counter(species).items(), key=lambda item: (-item[1], item[0]))[:named]
    names = sorted(name for name, _ in ranked)
    return {name: (CYCLE[i % len(CYCLE)], SHAPES[i // len(CYCLE)]) for i, name in enumerate(names)}


def _by_species(axes: Axes, flat: np.ndarray, species: Sequence[str], seen: np.ndarray, form: _Form) -> int:
    """Draw; how many species are not named."""
    names, looks = np.asarray(species), markers(species, form.named)
    others = ~np.isin(names, list(looks))
    _points(axes, flat[others], seen[others], REST, "o", 14)
    for name, (colour, shape) in looks.items():
        own = names == name
        _points(axes, flat[own], seen[own], colour, shape, 22)
    _name(axes, [(name, look, _middle(flat[names == name])) for name, look in looks.items()], form)
    return len(set(species)) - len(looks)


def _by_group(axes: Axes, flat: np.ndarray, groups: Sequence[str], seen: np.ndarray) -> None:
    names = np.asarray(groups)
    for group in sorted(set(groups)):
        own, colour = names == group, colour_of(group) if group else REST
        if group and own.sum() > 1:
            middle = _middle(flat[own])
            lines = [(point, middle) for point in flat[own]]
            axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.6, alpha=0.35, zorder=1))
        _points(axes, flat[own], seen[own], colour, "o", 20)


def _points(axes: Axes, flat: np.ndarray, seen: np.ndarray, colour: str, shape: str, size: float) -> None:
    look: Any = {"marker": shape, "s": size, "zorder": 2}
    axes.scatter(*flat[seen].T, color=colour, linewidths=0.3, edgecolors="white", alpha=0.85, **look)
    axes.scatter(*flat[~seen].T, facecolors="none", edgecolors=colour, linewidths=1.1, **look)


def _middle(points: np.ndarray) -> np.ndarray:
    """(n, 2) -> the point (2,) that is nearest to all others. Unlike a mean, it is one of them."""
    far = np.linalg.norm(points[:, None] - points[None], axis=2)
    return points[far.mean(axis=1).argmin()]


def _name(axes: Axes, named: Sequence[tuple[str, tuple[str, str], np.ndarray]], form: _Form) -> None:
    """Write the name of each species near its middle, after its marker, so that no names overlap."""
    halo = [patheffects.withStroke(linewidth=2.6, foreground="white")]
    look: Any = {"ha": "left", "va": "center", "fontsize": form.points, "fontweight": "bold", "color": BLACK}
    texts = [axes.text(0, 0, short(name, form.letters), **look) for name, _, _ in named]
    unit = 2 * EDGE / (form.panel - 0.2)  # of the axes per inch
    widths = [text.get_window_extent(dpi=100).width / 100 for text in texts]
    sizes = np.array([[width + form.marker, form.line] for width in widths]) * unit
    anchors = np.array([point for _, _, point in named])
    places = spread(anchors, sizes)
    for text, (_, (colour, shape), anchor), place, size in zip(texts, named, places, sizes, strict=True):
        if np.any(np.abs(place - anchor) > size):
            edge = np.clip(anchor, place - size / 2, place + size / 2)  # the nearest point of the box
            axes.plot(*np.stack([anchor, edge]).T, color=BLACK, lw=0.8, zorder=3, path_effects=halo)
        left = place[0] - size[0] / 2
        x = left + 0.3 * form.marker * unit
        axes.plot(x, place[1], shape, color=colour, ms=5.5, mec="white", mew=0.6, zorder=4)
        text.set(x=left + form.marker * unit, y=place[1], zorder=4, path_effects=halo)


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
