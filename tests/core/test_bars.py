"""Progress is shown in the form that suits the output, and never changes the items."""

from __future__ import annotations

import ast
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from finback.core import bars


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that moves ten seconds at every look."""
    now = [0.0]

    def look() -> float:
        now[0] += 10
        return now[0]

    monkeypatch.setattr("finback.core.bars.time.monotonic", look)
    return now


def test_a_log_gets_a_line_now_and_then(clock: list[float]) -> None:
    lines: list[str] = []
    assert list(bars.in_lines("abcd", "reading", 4, lines.append)) == list("abcd")
    assert lines == [
        "reading: 2 of 4 clips, 20 s elapsed, 20 s left",
        "reading: 4 of 4 clips, 40 s elapsed, 0 s left",
        "reading: 4 clips in 50.0 s",
    ]


def test_a_short_loop_is_not_worth_a_line() -> None:
    lines: list[str] = []
    assert list(bars.in_lines(range(3), "reading", 3, lines.append, brief=True)) == [0, 1, 2]
    assert lines == []


def test_a_terminal_gets_a_bar() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    assert list(bars.terminal_bars(console)(range(3), "reading", 3)) == [0, 1, 2]
    assert "reading" in text.getvalue()
    assert "3 of 3 clips" in text.getvalue()
    assert "elapsed" in text.getvalue()


def test_a_bar_fits_80_columns() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=80, color_system=None)
    name = "fold 2 of 5: training"
    assert len(list(bars.terminal_bars(console)(range(1250), name, 1250))) == 1250
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()))
    last = [line.strip() for line in lines if line.strip()][-1]
    assert last.startswith(name)
    assert last.endswith("left")
    assert len(last) <= 80
    assert "1,250 of 1,250 steps" in last


def test_units_and_times_in_words() -> None:
    assert bars.count("fold 1 of 2: training", 1, 125) == "1 of 125 steps"
    assert bars.count("refit: reading audio", 1, 1) == "1 of 1 file"
    assert bars.count("generating 7 clips", 2, None) == "2 batches"
    assert bars.count("something else", 2, 4) == "2 of 4"
    assert [bars.duration(s) for s in (0.4, 99, 100, 3599, 7500)] == [
        "0 s",
        "99 s",
        "1 min 40 s",
        "59 min 59 s",
        "2 h 5 min",
    ]


def _literal(call: ast.Call) -> list[str]:
    """The name of the loop as it is written; what is filled in is left out."""
    if len(call.args) < 2:
        return []
    parts = getattr(call.args[1], "values", [call.args[1]])
    text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
    return [text.strip()] if text.strip(" :()") and "MiB" not in text else []


def test_every_loop_says_what_it_counts() -> None:
    """The names of loops, in the source: `progress(items, "reading audio", n)`."""
    source = Path(bars.__file__).parents[1]
    names = {
        name
        for path in source.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and "progress" in (getattr(call.func, key, "") for key in ("id", "attr"))
        for name in _literal(call)
    }
    assert len(names) > 30
    assert sorted(name for name in names if not bars.unit(name, 2)) == []


class Kernel:
    """The part of IPython that a progress line needs."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.updates: list[str] = []
        self.kernel = object()
        self.execution_count = 1

    def get_ipython(self) -> Kernel:
        return self

    def HTML(self, text: str) -> str:
        return text

    def display(self, line: str, display_id: bool) -> Kernel:
        assert display_id
        self.shown.append(line)
        return self

    def update(self, line: str) -> None:
        self.updates.append(line)


def test_a_notebook_gets_one_output_for_all_calls_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Any = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", kernel)
    monkeypatch.setattr(bars.NotebookLine, "_last", None)
    progress = bars.bars()
    assert list(progress(range(3), "reading <all>", 3)) == [0, 1, 2]
    assert list(progress(iter("ab"), "scoring", None)) == ["a", "b"]
    assert len(kernel.shown) == 1
    assert "reading &lt;all&gt;" in kernel.shown[0]
    assert kernel.updates[-1].endswith("s")
    assert "scoring: 2 clips in" in kernel.updates[-1]
    assert list(bars.bars()(range(2), "another call", 2)) == [0, 1]
    assert len(kernel.shown) == 1
    kernel.execution_count = 2
    assert list(bars.bars()(range(2), "the next cell", 2)) == [0, 1]
    assert len(kernel.shown) == 2


def test_a_script_without_a_terminal_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(bars.bars()(range(5), "reading", 5)) == list(range(5))
    assert capsys.readouterr() == ("", "")
