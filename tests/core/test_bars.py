"""Progress is shown in the form that suits the output, and never changes the items."""

from __future__ import annotations

import io
import sys
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
    assert lines == ["reading: 2 of 4, 20 s left, 0.1/s", "reading: 4 of 4, 0 s left, 0.1/s", lines[-1]]
    assert lines[-1].startswith("reading: 4 done in ")


def test_a_short_loop_is_not_worth_a_line() -> None:
    lines: list[str] = []
    assert list(bars.in_lines(range(3), "reading", 3, lines.append, brief=True)) == [0, 1, 2]
    assert lines == []


def test_a_terminal_gets_a_bar() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    assert list(bars.terminal_bars(console)(range(3), "reading", 3)) == [0, 1, 2]
    assert "reading" in text.getvalue()
    assert "3/3" in text.getvalue()


class Kernel:
    """The part of IPython that a progress line needs."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.updates: list[str] = []
        self.kernel = object()

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


def test_a_notebook_gets_one_output_for_all_loops_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Any = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", kernel)
    progress = bars.bars()
    assert list(progress(range(3), "reading <all>", 3)) == [0, 1, 2]
    assert list(progress(iter("ab"), "scoring", None)) == ["a", "b"]
    assert len(kernel.shown) == 1
    assert "reading &lt;all&gt;" in kernel.shown[0]
    assert kernel.updates[-1].endswith("s")
    assert "scoring: 2 done in" in kernel.updates[-1]


def test_a_script_without_a_terminal_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(bars.bars()(range(5), "reading", 5)) == list(range(5))
    assert capsys.readouterr() == ("", "")
