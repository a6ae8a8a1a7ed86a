"""The figure of differences: a dot at the value, a bar for its interval, nothing where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest

from finback.report.plots.synthetic_study import differences


def gained(by: float | None, ci: list[float] | None) -> dict[str, Any]:
    return {"difference": by, "ci": ci, "ahead": None}


@pytest.fixture
def found() -> dict[str, Any]:
    species = {
        "Narwhal": {"f1_difference": gained(0.1, None)},
        "Walrus": {"f1_difference": gained(None, None)},
    }
    versus = {"low_data_f1": gained(0.05, [-0.01, 0.11]), "low_data_recall": gained(-0.2, [-0.3, -0.1])}
    arms = {
        "classic": {"versus": None, "per_species": {}},
        "classic + vae x 1": {"versus": versus, "per_species": species},
    }
    return {
        "arms": arms,
        "low_data_species": {"Narwhal": {}, "Walrus": {}},
        "low_data_below": 25,
        "baseline": "classic",
    }


def test_every_difference_is_where_it_belongs(found: dict[str, Any]) -> None:
    (axes,) = differences(found).axes
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"}
    assert dots == {0: 0.05, 1: -0.2, 2: 0.1}  # the walrus has none
    bars = {line.get_ydata()[0]: list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
    assert bars[1] == [-0.3, -0.1]
    assert 2 not in bars
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels == ["all species below, macro-F1", "all species below, recall", "Narwhal", "Walrus"]


def test_without_any_difference_it_says_so(found: dict[str, Any]) -> None:
    del found["arms"]["classic + vae x 1"]
    figure = differences(found)
    assert "No arm has finished" in figure.texts[0].get_text()
