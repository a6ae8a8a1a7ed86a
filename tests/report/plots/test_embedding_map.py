"""The static map: names next to their points without overlap, constant colours."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from finback.report.plots.embedding_map import NAMED, colour_of, embedding_map, markers, spread
from finback.report.plots.figure_files import FigureFiles, written_as
from finback.report.plots.narrow import other_form
from finback.report.plots.style import render, save_as


def clips(n_species: int = 3, each: int = 6) -> tuple[np.ndarray, list[str], list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    species = [f"species {k:02d}" for k in range(n_species) for _ in range(each)]
    tapes = [f"tape {i % 2}{s}" for i, s in enumerate(species)]
    return rng.uniform(-1, 1, (len(species), 2)), species, tapes, np.arange(len(species)) % 3 > 0


def test_two_panels_a_layout_species_named_and_tapes_threaded() -> None:
    flat, species, tapes, seen = clips()
    figure = embedding_map({"t-SNE": flat, "UMAP": flat}, species, tapes, seen, "A heading", ["look here"])
    assert len(figure.axes) == 4
    left, right = figure.axes[:2]
    assert {t.get_text() for t in left.texts} == set(species)
    assert not right.texts
    assert len(right.collections) > len(set(tapes))  # lines and points
    drawn = sum(len(c.get_offsets()) for c in left.collections)
    assert drawn == len(species)
    assert "look here" in figure.get_supxlabel()
    assert len(render(figure, "png")) > 10_000


def test_the_rarest_species_are_grey_and_counted() -> None:
    flat, species, tapes, seen = clips(NAMED + 2, 3)
    left = embedding_map({"t-SNE": flat}, [*species, "species 00"][1:], tapes, seen, "x").axes[0]
    assert len(left.texts) == NAMED
    assert "grey: 2 species" in left.get_title(loc="left")


def test_looks_differ_between_named_species() -> None:
    looks = markers([f"s{k}" for k in range(40)])
    assert len(looks) == len(set(looks.values())) == NAMED


def test_unknown_groups_have_a_message() -> None:
    flat, species, _, seen = clips()
    right = embedding_map({"t-SNE": flat}, species, [""] * len(species), seen, "x").axes[1]
    assert "not known" in right.texts[0].get_text()


def test_nothing_to_map() -> None:
    assert "no clips" in embedding_map({}, [], [], np.zeros(0, dtype=bool), "x").texts[0].get_text()


def test_a_tape_has_one_colour_everywhere() -> None:
    assert colour_of("62031") == colour_of("62031") != colour_of("62032")
    assert colour_of("").startswith("#")


def test_names_do_not_overlap() -> None:
    anchors = np.random.default_rng(1).normal(0, 0.05, (12, 2))  # all but on one spot
    sizes = np.tile([0.4, 0.06], (12, 1))
    places = spread(anchors, sizes)
    gaps = np.abs(places[:, None] - places[None]) - sizes[None] + 9 * np.eye(12)[..., None]
    assert gaps.max(axis=2).min() > -0.005  # a tenth of a letter
    assert np.abs(places).max() <= 1.04


@pytest.mark.parametrize("n", [1, 2])
def test_a_single_clip_is_no_special_case(n: int) -> None:
    figure = embedding_map({"t-SNE": np.zeros((n, 2))}, ["a"] * n, ["t"] * n, np.ones(n, dtype=bool), "x")
    assert figure.axes[0].texts[0].get_text() == "a"


def test_a_narrow_column_has_the_panels_one_above_the_other(tmp_path: Path) -> None:
    flat, species, tapes, seen = clips(14)
    figure = embedding_map({"t-SNE": flat, "UMAP": flat}, species, tapes, seen, "A heading", ["look here"])
    narrow = other_form(figure)
    assert narrow is not None
    places = [axes.get_position() for axes in narrow.axes]
    assert len(places) == 4
    assert len({round(place.x0, 2) for place in places}) == 1
    with warnings.catch_warnings(), written_as(FigureFiles.of("png", 72, "85mm")):
        warnings.simplefilter("error")  # texts that overlap
        save_as(figure, tmp_path / "map.png")
