"""Pairs of sample and closest clip, and the curves of distances: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from finback.report.plots.neighbours import Pair, nearest_distances, neighbours


def pair(species: str, of: str, distance: float = 0.5) -> Pair:
    rng = np.random.default_rng(len(species))
    return Pair(species, rng.normal(size=(8, 12)), rng.normal(size=(8, 12)), of, distance)


def test_each_sample_stands_beside_its_clip() -> None:
    pairs = [pair("fin", "fin"), pair("sei", "minke whale", float("nan")), *(pair(n, n) for n in "abcd")]
    figure = neighbours(pairs)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 12
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in shown]
    assert titles[:4] == ["fin", "x 0.50", "sei", "a minke whale"]
    for axes, wanted in zip(shown[:2], (pairs[0].sample, pairs[0].clip), strict=True):
        assert np.array_equal(axes.images[0].get_array(), wanted)
        assert axes.images[0].get_clim()[1] == wanted.max()  # each on its own scale


def test_curves_are_shares_that_lie_nearer() -> None:
    rows = {"samples": np.array([0.4, 0.1, 0.2]), "held": np.array([0.3]), "none": np.zeros(0)}
    axes = nearest_distances(rows, {"a mark": 0.25}).axes[0]
    curves = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert [line.get_label() for line in curves] == ["samples", "held"]
    assert curves[0].get_xdata().tolist() == [0.1, 0.2, 0.4]
    assert curves[0].get_ydata() == pytest.approx([1 / 3, 2 / 3, 1.0])
    upright = [line for line in axes.get_lines() if line.get_label().startswith("_")]
    assert [line.get_xdata()[0] for line in upright] == [0.25]
    assert "a mark" in axes.texts[0].get_text()


def test_nothing_to_draw_has_a_message() -> None:
    assert "no samples" in neighbours([]).texts[0].get_text()
    assert "no distances" in nearest_distances({"x": np.zeros(0)}, {}).texts[0].get_text()
