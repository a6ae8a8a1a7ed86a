"""What is printed: names of other people are text, never markup, emoji codes or escape sequences."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from finback.cli import console
from finback.core.bars import terminal_bars

HOSTILE = "[red]x[/red] :whale: \x1b]0;owned\x07 \x9b31m \u202e \udcff"
SHOWN = r"[red]x[/red] :whale: \x1b]0;owned\x07 \x9b31m \u202e \udcff"


def test_lines_and_tables_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console.out(HOSTILE)
    console.say(HOSTILE)
    console.out_prose(HOSTILE)
    console.out_table([HOSTILE], [[HOSTILE]], title=HOSTILE)
    shown = capsys.readouterr()
    assert shown.out.count(SHOWN) == 5
    assert shown.err.count(SHOWN) == 1
    assert "\x1b" not in shown.out + shown.err


def test_a_live_table_and_its_bar_show_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr(console, "ERR", terminal)
    with console.LiveTable() as live:
        live.show(["species"], [[HOSTILE]], title=HOSTILE)
        list(live.progress([1], HOSTILE))
    list(terminal_bars(terminal)([1], HOSTILE))
    assert screen.getvalue().count(SHOWN) >= 3
    for raw in ("\x1b]0", "\x07", "\x9b", "\u202e", "\N{WHALE}", "\N{SPOUTING WHALE}"):
        assert raw not in screen.getvalue()


def test_json_is_the_same_value_without_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    value = {HOSTILE: [HOSTILE, "Балена \N{WHALE}", "\U000e0041", "a\nb"]}
    console.out_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert "Балена" in text
    assert not set("\x1b\x07\x9b\u202e\udcff\U000e0041") & set(text)


def test_long_names_are_not_broken_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    console.out_table(["file"], [["a" * 5000]])
    assert "a" * 5000 in capsys.readouterr().out


def test_no_line_of_a_table_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    console.out_table(("class", "note"), [("a", "long"), ("b", "")], "title")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 4
    assert all(line == line.rstrip() for line in lines)
