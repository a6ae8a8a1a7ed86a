"""Samples of a generator in one figure: the caption fits, also below a single clip."""

from __future__ import annotations

import numpy as np
import pytest

from finback.report.plots.sample_grid import sample_grid


@pytest.mark.parametrize("n", [1, 2, 8])
def test_all_text_is_inside_the_figure(n: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, 20, 30))
    figure = sample_grid({"A species with a long name": x}, np.geomspace(50, 10_000, 20), 0.02)
    figure.canvas.draw()
    for text in [*figure.texts, figure.axes[0].title]:
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.width, text.get_text()
        assert box.y0 >= 0
    caption = figure.texts[0].get_text().replace("\n", " ")
    assert caption.endswith("of each spectrogram" if n > 1 else "of the spectrogram")
