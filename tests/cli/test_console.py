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


LONG = "/data/recordings/2024/site-{}/a-recording-with-a-long-name.wav"
ROWS = [(LONG.format(i // 2), "Fin whale", 0.5) for i in range(4)]


def in_terminal(monkeypatch: pytest.MonkeyPatch, width: int, *table: object) -> list[str]:
    """The lines of a table on a terminal of that width."""
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    console.out_table(*table)  # type: ignore[arg-type]
    return screen.getvalue().splitlines()


def test_a_long_path_stands_above_its_rows_and_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = in_terminal(monkeypatch, 80, ("file", "species", "probability"), ROWS)
    assert lines[:4] == ["file", "  species    probability", ROWS[0][0], "  Fin whale        0.500"]
    assert len(lines) == 8, "a path is written once"
    assert all(len(line) <= 80 for line in lines)
    wide = in_terminal(monkeypatch, 120, ("file", "species", "probability"), ROWS)
    assert wide[1].split() == [ROWS[0][0], "Fin", "whale", "0.500"]


def test_a_table_with_long_texts_has_a_line_for_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "words of a licence that go on and on, " * 5
    lines = in_terminal(monkeypatch, 80, ("source", "licence", "kind"), [("right-whale-kaggle", long, "zip")])
    assert lines[:2] == ["source", "right-whale-kaggle"]
    assert lines[2].startswith("  licence: words of a licence")
    assert lines[-1] == "  kind: zip"
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines[2:-1]) == f"licence: {long.strip()}"


def test_wide_letters_are_counted_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("p" * 70, "シャチ", 0.5), ("q" * 70, "Orca", 0.25)]
    lines = in_terminal(monkeypatch, 80, ("file", "species", "score"), rows)
    assert lines[3] == "  シャチ   0.500"
    assert lines[5] == "  Orca     0.250"
