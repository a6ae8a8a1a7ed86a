"""Every figure reads without colour: on a grey print, and for eyes that do not tell red from green."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from finback.report.plots import data_sets, detections, embedding_map, leaderboard, learning_curves, roc
from finback.report.plots.confusion import BLUES
from finback.report.plots.leaderboard import BASELINE_DASHES
from finback.report.plots.style import CYCLE, line_look

# Machado, Oliveira & Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency": deuteranopia, of linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65
LEAST_DIFFERENCE = 15.0  # CIE 1976; about 2.3 can just be seen side by side


def linear(colour) -> np.ndarray:
    c = np.asarray(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB (3,)."""
    ratio = XYZ @ np.clip(rgb, 0, 1) / (XYZ @ np.ones(3))
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def lightness(colour) -> float:
    return float(lab(linear(colour))[0])


def without_colour(line: Line2D) -> tuple[object, ...]:
    """What is left of a line on a grey print, apart from its lightness."""
    return line._dash_pattern, line.get_marker() if line.get_marker() not in ("", "None") else ""


def test_the_colours_differ_for_eyes_without_green() -> None:
    for a, b in combinations(CYCLE, 2):
        seen = [lab(DEUTERANOPIA @ linear(colour)) for colour in (a, b)]
        assert np.linalg.norm(seen[0] - seen[1]) > LEAST_DIFFERENCE, (a, b)


def test_the_first_64_lines_of_a_figure_differ_and_eight_of_them_without_colour() -> None:
    looks = [line_look(i) for i in range(64)]
    assert len({(look["color"], look["ls"], look["marker"]) for look in looks}) == 64
    for i in range(57):
        grey = [(look["ls"], look["marker"]) for look in looks[i : i + 8]]
        assert len(set(grey)) == 8


@pytest.mark.parametrize("colours", [colormaps["magma"], BLUES], ids=["magma", "blues"])
def test_colour_scales_become_steadily_lighter_or_darker(colours) -> None:
    steps = np.diff([lightness(colours(x)[:3]) for x in np.linspace(0, 1, 65)])
    assert (steps > 0).all() or (steps < 0).all()
    assert np.abs(steps).max() < 4 * np.abs(steps).mean()  # no step that the eye takes for an edge


def lines_of_figures():
    rng = np.random.default_rng(0)
    n = roc.TOGETHER
    truth = np.arange(80) % n
    names = [f"species {i}" for i in range(n)]
    yield "roc", roc.roc(truth, rng.random((80, n)), names).axes[0].get_lines()[1:-1]
    values = dict.fromkeys(("loss", "val_loss", "accuracy", "val_accuracy", "val_macro_f1"), 0.5)
    log = [{"step": step, **values} for step in range(9)]
    one = learning_curves.learning([learning_curves.History.of(log)])
    yield "loss", one.axes[0].get_lines()[:2]
    yield "accuracy", one.axes[1].get_lines()[:3]
    folds = learning_curves.learning([learning_curves.History.of(log)] * 5)
    yield "folds", folds.axes[0].get_lines()[:10]
    points = [{"recall": r, "precision": 1 - r} for r in (0.1, 0.5, 0.9)]
    yield "precision_recall", detections.precision_recall(dict.fromkeys(names, points)).axes[0].get_lines()
    found = [data_sets.Difference("cnn2d", name, 0.1, None) for name in names]
    drawn = data_sets.differences(found, "birdnet").axes[0].get_lines()
    yield "data_sets", [line for line in drawn if line.get_label() in names]
    dashes = [dash for pair in BASELINE_DASHES for dash in pair]
    yield "baselines", [Line2D([], [], ls=dash) for dash in dashes]


@pytest.mark.parametrize(
    ("name", "lines"), list(lines_of_figures()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_lines_of_one_plot_differ_by_more_than_colour(name: str, lines) -> None:
    assert len(lines) >= 2
    for a, b in combinations(lines, 2):
        same = without_colour(a) == without_colour(b)
        assert not same, (name, a.get_label(), b.get_label())


def test_bars_of_one_plot_differ_by_lightness_or_hatch() -> None:
    rows = [leaderboard.Row(name, 0.5, (0.4, 0.6), 0.5, None) for name in ("first", "second")]
    bars = leaderboard.leaderboard(rows).axes[0].patches
    lights = [lightness(bar.get_facecolor()[:3]) for bar in bars[:2]]
    assert abs(lights[0] - lights[1]) > 15


def test_named_species_of_a_map_differ_by_shape_or_lightness_and_are_written_beside_their_points() -> None:
    marks = embedding_map.markers([f"species {i}" for i in range(embedding_map.NAMED)])
    assert len(set(marks.values())) == embedding_map.NAMED
