"""Names in figures are written in letters that a font has, never as boxes, and no other library warns."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from finback.core.errors import NotDrawn
from finback.report.plots import fonts
from finback.report.plots.confusion import confusion
from finback.report.plots.fonts import drawable, families, latin
from finback.report.plots.style import message, render, save_as

NAMES = ("🐋 whale", "シャチ", "Ballena jorobada", "Косатка", "座头鲸")


@pytest.fixture
def only_own_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fonts that come with matplotlib, and none of the machine."""
    own = [entry for entry in fontManager.ttflist if "mpl-data" in str(entry.fname)]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "EXTRA", "no_such_package")
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [])
    fonts._font_of.cache_clear()
    fonts._say_that_letters_are_missing.cache_clear()
    yield
    fonts._font_of.cache_clear()


def new_font(path: Path, letters: str) -> Path:
    """A TrueType font with a square for each of these letters."""
    pen = TTGlyphPen(None)
    for i, place in enumerate(((0, 0), (0, 800), (800, 800), (800, 0))):
        (pen.lineTo if i else pen.moveTo)(place)
    pen.closePath()
    names = {ord(c): f"g{ord(c):x}" for c in letters}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: pen.glyph() for name in (".notdef", *names.values())})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", *names.values()), (900, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Whale Sans", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.mark.usefixtures("only_own_fonts")
def test_a_letter_of_the_font_stays() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = "Ballena, baleine à bosse, Косатка, φάλαινα\n5 × 10 – 20 …"
        assert drawable(text) == text
        assert families(text) == ["DejaVu Sans"]


@pytest.mark.usefixtures("only_own_fonts")
def test_a_letter_of_no_font_is_written_in_latin_and_this_is_said() -> None:
    with pytest.warns(NotDrawn, match=r"no font of this machine has them; pip install 'noto-cjk"):
        assert drawable("シャチ (座头鲸)") == "siyati (u5ea7u5934u9cb8)"
    assert [latin(c) for c in "고🐋"] == ["go", "(whale)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        shown = render(message(NAMES[1]), "png")
    assert shown == render(message("siyati"), "png")


@pytest.mark.usefixtures("only_own_fonts")
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_names_at_ticks_are_drawn_without_a_warning_of_matplotlib(kind: str) -> None:
    with pytest.warns(NotDrawn) as said:
        render(confusion(np.eye(5, dtype=int), NAMES), kind)
    assert {warning.category for warning in said} == {NotDrawn}
    assert len({str(warning.message) for warning in said}) == 1


@pytest.mark.usefixtures("only_own_fonts")
def test_a_font_of_the_machine_is_found_and_used_in_every_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = new_font(tmp_path / "whale.ttf", "シャチ座头鲸")
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(path)])  # installed after matplotlib's list
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawable("Косатка シャチ 座头鲸") == "Косатка シャチ 座头鲸"
        assert families("シャチ") == ["DejaVu Sans", "Whale Sans"]
        (drawn,) = save_as(confusion(np.eye(5, dtype=int), ("a", *NAMES[1:])), tmp_path / "figure.svg")
    text = drawn.read_text("utf-8")
    assert "シャチ" in text
    assert "Whale Sans" in text
    assert not [record for record in caplog.records if "findfont" in record.getMessage()]


@pytest.mark.skipif(importlib.util.find_spec(fonts.EXTRA) is None, reason="finback[fonts] is not installed")
def test_the_extra_has_the_names_of_whales_in_chinese_japanese_and_korean() -> None:
    fonts._font_of.cache_clear()
    assert drawable("シャチ 座头鲸 범고래") == "シャチ 座头鲸 범고래"
