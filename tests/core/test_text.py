"""Text from outside: visible on a terminal, harmless in a spreadsheet, and the same again when read."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finback.core.text import cell, counted, from_cell, markdown, markdown_code, printable

ANY = st.text(st.characters(codec=None, exclude_categories=()))  # every code point, lone surrogates too
TRICKY = st.text(st.sampled_from("'=+-@ \t\r\n;\u00a0\ufeff\uff1d3.e"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07.wav", r"\x1b]0;owned\x07.wav"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202egnp.wav", r"\u202egnp.wav"),
        ("\udcff.wav", r"\udcff.wav"),
        ("\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["Balænoptera", "シャチ", "e\u0301", "נהמה", "👩‍🔬", r"C:\new\table", "[red]x[/red]"]
)
def test_letters_of_every_script_stay(text: str) -> None:
    assert printable(text) == text


@given(ANY)
def test_nothing_unseen_is_left(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        c for c in shown if unicodedata.bidirectional(c) in ("LRO", "RLO", "LRE", "RLE", "PDF", "RLI")
    ]
    assert printable(shown) == shown
    shown.encode()


def test_line_breaks_of_our_own_can_be_kept() -> None:
    assert printable("a\n\x1bb", keep="\n") == "a\n\\x1bb"


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "+1+cmd",
        "-2+3",
        " =1",
        "\ufeff=1",
        "\uff1d1+1",
        "'=1",
        "''=1",
        "\t",
        "--",
    ],
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert cell(text) == "'" + text
    assert from_cell(cell(text)) == text


@pytest.mark.parametrize(
    "text", ["", "Fin", "-", "-3", "+3.5", "-1e-05", "-inf", "Fin's", "'Fin'", "a=b", "x -3"]
)
def test_plain_cells_stay(text: str) -> None:
    assert cell(text) == text == from_cell(text)


def test_a_tab_or_a_line_break_before_a_formula_does_not_help() -> None:
    assert cell("\t=1") == "'\t'=1"
    assert cell("\r=1") == "'\r'=1"


def test_a_spreadsheet_with_another_separator_runs_nothing_either() -> None:
    assert cell("Fin;=cmd|x") == "Fin;'=cmd|x"
    assert cell("Fin\n@x; -1;-1") == "Fin\n'@x;' -1;-1"


@given(st.one_of(ANY, TRICKY))
@example("'\t'=")
@example("\t")
def test_every_text_comes_back(text: str) -> None:
    assert from_cell(cell(text)) == text


@given(st.one_of(ANY, TRICKY))
def test_no_part_of_a_cell_starts_a_formula(text: str) -> None:
    assert not cell(text).startswith(("\t", "\r", "\n"))
    for part in re.split("[;\t\r\n]", cell(text)):
        if part.strip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")):
            assert re.fullmatch(r"-|[+-]?[0-9.]+(e[+-]?[0-9]+)?|[+-](inf|nan)", part, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Killer whale (type B)", "Killer whale (type B)"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("](javascript:x)", r"\]\(javascript:x)"),
        ("a *b* `c` _d_", r"a \*b\* \`c\` \_d\_"),
        ("x\n\n# y", r"x\\n\\n\# y"),
    ],
)
def test_markdown_shows_the_text(text: str, written: str) -> None:
    assert markdown(text) == written


@pytest.mark.parametrize(("text", "code"), [("a b", "`a b`"), ("a `b`", "`` a `b` ``"), ("a\nb", r"`a\nb`")])
def test_code_in_markdown_ends_where_it_should(text: str, code: str) -> None:
    assert markdown_code(text) == code


def test_one_and_many() -> None:
    assert [counted(n, "file") for n in (0, 1, 2, 12000)] == ["0 files", "1 file", "2 files", "12,000 files"]
