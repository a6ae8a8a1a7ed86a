"""Pictures of a VAE: the grid's rows share a scale, the interpolation runs from end to end."""

from __future__ import annotations

import numpy as np

from finback.report.plots.style import render
from finback.report.plots.vae import SPAN, grid, interpolation

BANDS = np.linspace(100.0, 4000.0, 12)


def pictures(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(-50, 10, (n, 12, 20)))


def test_grid_brings_a_row_to_the_level_and_scale_of_its_first() -> None:
    first, other, third = pictures(3)
    figure = grid(
        [("Orca", [first, other + 30.0]), ("Beluga", [third, first])], ("original", "vae"), BANDS, 0.02
    )
    cells = figure.axes
    assert [cell.get_title(loc="left") for cell in cells] == ["original", "vae", "", ""]
    assert {text.get_text() for cell in cells for text in cell.texts} == {"Orca", "Beluga"}
    shown = [np.asarray(cell.images[0].get_array()) for cell in cells]
    np.testing.assert_allclose(shown[1].mean(), first.mean())
    for cell, top in zip(cells, (first, first, third, third), strict=True):
        assert cell.images[0].get_clim() == (top.max() - SPAN, top.max())
    assert render(figure, "png").startswith(b"\x89PNG")


def test_strip_names_its_ends_and_keeps_one_scale() -> None:
    own = pictures(3)
    figure = interpolation(own, ("Orca", "a.wav"), BANDS, 0.001)
    assert [cell.get_title(loc="left") for cell in figure.axes] == ["Orca", "50 %", "a.wav"]
    assert len({cell.images[0].get_clim() for cell in figure.axes}) == 1
    assert figure.axes[0].get_xlabel() == "ms"
