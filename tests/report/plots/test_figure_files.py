"""Formats, resolution and width of figures: read back from the files, at the width of a column too."""

from __future__ import annotations

import re
import struct
import warnings
import xml.etree.ElementTree as ET
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import NotDrawn, SettingsError
from finback.report.plots import figure_files, roc, species
from finback.report.plots.confusion import confusion
from finback.report.plots.figure_files import FigureFiles, written_as
from finback.report.plots.leaderboard import SpeciesF1, heat_map
from finback.report.plots.narrow import LEAST_PT, fit, text_boxes
from finback.report.plots.reliability import reliability
from finback.report.plots.species import Bar, headline
from finback.report.plots.style import new_figure, save, save_as

MM = 25.4
SPECIES = ["Short-Finned (Pacific) Pilot Whale", "Косатка", "Grampus, Risso's Dolphin"]
SPECIES += [f"Species {i}" for i in range(9)]


def bars(n: int = 12):
    row = {"n_clips": 120, "n_groups": 13}
    return species.species_bars(
        {name: {**row, "f1": 1 - i / n, "noisy": i % 2 == 0} for i, name in enumerate(SPECIES[:n])}
    )


def reliability_of_many():
    table = [
        {"low": i / 15, "high": (i + 1) / 15, "confidence": i / 15, "accuracy": 0.5, "n": 990 + i}
        for i in range(15)
    ]
    return reliability(table, 0.1)


def roc_of(n: int):
    rng = np.random.default_rng(0)
    truth = np.arange(240) % n
    p = rng.random((240, n)) + np.eye(n)[truth]
    return roc.roc(truth, p / p.sum(axis=1, keepdims=True), SPECIES[:n], SPECIES[:2])


def three_panels():
    """Each panel has a label below that is wider than the panel in a narrow column."""
    figure = new_figure(10, 3)
    for axes in figure.subplots(1, 3):
        axes.set_xlabel("difference on held-out recording groups")
    return figure


def pdf_objects(data: bytes) -> str:
    """The PDF with its streams unpacked, as text."""

    def unpacked(match: re.Match[bytes]) -> bytes:
        try:
            return zlib.decompress(match[1])
        except zlib.error:
            return b""

    return re.sub(rb"stream\r?\n(.*?)endstream", unpacked, data, flags=re.S).decode("latin-1")


def test_a_figure_has_its_width_in_every_format_and_live_text(tmp_path: Path) -> None:
    with written_as(FigureFiles.of("png,svg,pdf", 300, "85mm")):
        png, svg, pdf = save(bars(), tmp_path, "species")
    data = png.read_bytes()
    assert struct.unpack(">I", data[16:20])[0] == pytest.approx(85 / MM * 300, abs=1)
    dots_per_m = struct.unpack(">I", data[data.index(b"pHYs") + 4 :][:4])[0]
    assert dots_per_m == pytest.approx(300 / 0.0254, rel=1e-3)
    root = ET.parse(svg).getroot()
    assert float(root.get("width").removesuffix("pt")) * MM / 72 == pytest.approx(85, abs=0.1)
    written = "".join(e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "Косатка" in written
    text = pdf_objects(pdf.read_bytes())
    box = [float(x) for x in re.search(r"/MediaBox \[([^\]]*)\]", text)[1].split()]
    assert (box[2] - box[0]) * MM / 72 == pytest.approx(85, abs=0.1)
    assert "/FontFile2" in text  # embedded, as TrueType
    assert "/Type3" not in text


def test_sizes_of_text_in_the_svg_are_at_least_six_points(tmp_path: Path) -> None:
    with written_as(FigureFiles.of("svg", None, "8.5cm")):
        (svg,) = save(roc_of(12), tmp_path, "roc")
    sizes = [
        float(size) for size in re.findall(r"font(?:-size)?: (?:[a-z0-9]+ )*?([\d.]+)px", svg.read_text())
    ]
    assert sizes
    assert min(sizes) >= LEAST_PT


@pytest.mark.parametrize("width_mm", [85, 180])
@pytest.mark.parametrize(
    "draw", [bars, reliability_of_many, three_panels, lambda: roc_of(12), lambda: roc_of(5)]
)
def test_no_texts_overlap_at_the_width_of_a_column(draw, width_mm: int) -> None:
    figure = draw()
    assert fit(figure, width_mm / MM) is None
    figure.draw_without_rendering()
    boxes = list(text_boxes(figure))
    assert all(box.x0 > -1 and box.x1 < figure.bbox.width + 1 for box in boxes)
    for a, b in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        up = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert not (across > 1 and up > 0.3 * min(a.height, b.height, a.width, b.width)), (a, b)


def test_a_figure_without_room_says_which_width_it_needs(tmp_path: Path) -> None:
    families = [f"family-with-a-long-name-{i}" for i in range(20)]
    wide = heat_map(families, [SpeciesF1("Narwhal", 12, 3, False, [0.5] * 20)])
    with (
        written_as(FigureFiles.of("png", None, "45mm")),
        pytest.warns(NotDrawn, match=r"figures/species: texts overlap at 45 mm; --width \d+mm"),
    ):
        save(wide, tmp_path / "figures", "species")


def test_a_matrix_of_26_species_fits_into_a_column_with_numbers_in_place_of_names(tmp_path: Path) -> None:
    names = [*SPECIES, *(f"A species of dolphin {i}" for i in range(14))]
    with written_as(FigureFiles.of("svg", None, "85mm")), warnings.catch_warnings():
        warnings.simplefilter("error")
        (svg,) = save(confusion(np.eye(26, dtype=int) * 20, names), tmp_path, "confusion")
        (few,) = save(confusion(np.eye(3, dtype=int) * 20, ["a", "b", "c"]), tmp_path, "few")
    texts = [e.text or "" for e in ET.parse(svg).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert [t for t in texts if t.startswith("2  ")] == ["2  Косатка (20)"]  # a row
    assert {"1", "5", "25"} <= set(texts)  # the columns
    assert "20" not in texts  # no count in a cell
    assert few.read_text(encoding="utf-8").count(">20<") == 3  # with room, the counts stay


def test_a_panel_grows_where_its_text_needs_the_height(tmp_path: Path) -> None:
    with written_as(FigureFiles.of("png", None, "85mm")), warnings.catch_warnings():
        warnings.simplefilter("error")
        save(
            headline({"Split by recording group": [Bar("this model", 0.5, (0.4, 0.6))]}), tmp_path, "headline"
        )


def test_without_options_the_usual_files_are_written(tmp_path: Path) -> None:
    assert [path.suffix for path in save(bars(2), tmp_path, "species")] == [".png", ".svg"]
    assert figure_files.current() == FigureFiles()


def test_a_named_file_has_its_own_format_unless_others_are_asked_for(tmp_path: Path) -> None:
    assert save_as(bars(2), tmp_path / "a.pdf") == [tmp_path / "a.pdf"]
    with written_as(FigureFiles.of("svg,png")):
        assert save_as(bars(2), tmp_path / "b.pdf") == [tmp_path / "b.svg", tmp_path / "b.png"]
    with pytest.raises(SettingsError, match="not the name of a figure"):
        save_as(bars(2), tmp_path / "c.jpg")


def test_the_same_pdf_twice_is_the_same_file(tmp_path: Path) -> None:
    paths = [save_as(bars(2), tmp_path / f"{i}.pdf")[0] for i in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("jpg", None, None), "'jpg' is not a format"),
        (("png,", None, None), "'' is not a format"),
        ((None, 10, None), "--dpi 10"),
        ((None, None, "85"), "give a number and a unit"),
        ((None, None, "85 px"), "give a number and a unit"),
        ((None, None, "1in"), "give 40mm to 500mm"),
    ],
)
def test_what_cannot_be_written_is_refused(given, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        FigureFiles.of(*given)


def test_widths_are_read_in_three_units() -> None:
    widths = [FigureFiles.of(None, None, text).width_in for text in ("85mm", "8.5 cm", "3.34645669in")]
    assert widths == pytest.approx([85 / MM] * 3)
