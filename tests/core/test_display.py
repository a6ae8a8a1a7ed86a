"""What a notebook shows: text is escaped, numbers are aligned, files are embedded or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.display import PLAYED_BYTES, Page, Picture, Shown, Table, player
from finback.core.errors import FinbackError


def test_a_table_is_aligned_text_and_escaped_html() -> None:
    table = Table(("species", "F1"), [("Fin <whale>", 0.5), ("Walrus", None)], "test & set")
    assert repr(table).splitlines() == [
        "test & set",
        "species         F1",
        "Fin <whale>  0.500",
        "Walrus           -",
    ]
    shown = table._repr_html_()
    assert "<caption>test &amp; set</caption>" in shown
    assert "<td>Fin &lt;whale&gt;</td><td>0.500</td>" in shown


def test_a_long_sound_is_named_and_not_embedded(tmp_path: Path) -> None:
    short, long = tmp_path / "short.wav", tmp_path / "long&.wav"
    short.write_bytes(b"RIFF")
    with open(long, "wb") as file:
        file.truncate(PLAYED_BYTES + 1)
    assert "data:audio/wav;base64,UklGRg==" in player(short)
    assert player(long) == "<div>long&amp;.wav</div>"


def test_pictures_and_pages_are_files(tmp_path: Path) -> None:
    path = tmp_path / "a'b.png"
    path.write_bytes(b"png")
    assert Picture(path)._repr_png_() == b"png"
    assert "a&#x27;b.png" in Page(path)._repr_html_()
    with open(Picture(path), "rb") as file:
        assert file.read() == b"png"


def test_a_result_of_parts_shows_all_of_them(tmp_path: Path) -> None:
    figure, sound = tmp_path / "map.png", tmp_path / "call.wav"
    figure.write_bytes(b"png")
    sound.write_bytes(b"RIFF")
    shown = Shown(("a < b",), (Table(("n",), [(1,)]),), (figure,), (sound,))
    assert repr(shown).splitlines() == ["n", "1", "a < b", str(figure), str(sound)]
    page = shown._repr_html_()
    for part in ("<table>", "a &lt; b", "image/png;base64", "<audio"):
        assert part in page


def test_a_picture_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Picture(tmp_path / "none.png")._repr_png_()


def test_names_of_others_are_text_in_every_form() -> None:
    hostile = "<b>\x1b[31m\u202e</b>"
    shown = Shown(lines=(hostile,), tables=(Table([hostile], [[hostile]], hostile),))
    for text in (repr(shown), shown._repr_html_()):
        assert not set("\x1b\u202e") & set(text)
    assert "<b>" not in shown._repr_html_()
    assert str(FinbackError(f"{hostile}: bad")) == r"<b>\x1b[31m\u202e</b>: bad"
