"""Progress of long work, in a form that suits the output.

A terminal shows a bar with the rate and the time left. A notebook shows one line that changes in place. A log
gets a line every few seconds. `bars()` chooses one of these.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from finback.core.progress import Log, Progress
from finback.core.text import printable

if TYPE_CHECKING:
    from rich import progress as rich_progress
    from rich.console import Console

LOG_EVERY_S = 15.0  # time between two lines of a log
DRAW_EVERY_S = 0.2  # time between two updates of the line of a notebook


def bars() -> Progress:
    """The `Progress` for a call from Python: bars in a notebook or on a terminal, few lines in a log."""
    if in_notebook():
        return NotebookLine()
    if sys.stderr.isatty():
        return terminal_bars()

    def lines(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        return in_lines(items, what, total, _to_stderr, brief=True)

    return lines


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell else None
    return hasattr(running, "kernel")


def terminal_bars(console: Console | None = None) -> Progress:
    """A `Progress` that draws a bar on the terminal for every loop."""

    def on_terminal(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        with bar(console) as drawn:
            yield from advance(drawn, items, what, total)

    return on_terminal


def bar(console: Console | None = None) -> rich_progress.Progress:
    """A bar with count, rate, elapsed time and time left; on stderr unless a console is given."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    return progress.Progress(*columns, console=console or Console(stderr=True))


def hours_bar(console: Console | None = None) -> rich_progress.Progress:
    """A bar whose tasks carry their own `text` behind it; on stderr unless a console is given."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[text]}", markup=False),
    )
    return progress.Progress(*columns, console=console or Console(stderr=True))


def advance(
    drawn: rich_progress.Progress, items: Iterable[Any], what: str, total: int | None
) -> Iterator[Any]:
    """The items; the bar counts each finished item."""
    task = drawn.add_task(printable(what), total=total, rate="")
    for done, item in enumerate(items, 1):
        yield item
        speed = next(t.speed for t in drawn.tasks if t.id == task)
        drawn.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")


def in_lines(
    items: Iterable[Any], what: str, total: int | None, log: Log, brief: bool = False
) -> Iterator[Any]:
    """The items, with a line every `LOG_EVERY_S` seconds, and a line at the end unless `brief`."""
    started = logged = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - logged >= LOG_EVERY_S:
            log(f"{what}: {state(done, total, now - started)}")
            logged = now
    if total != 0 and not brief:
        log(f"{what}: {done} done in {time.monotonic() - started:.1f} s")


def state(done: int, total: int | None, passed_s: float) -> str:
    """The progress of a loop: `12 of 40, 9 s left, 3.1/s`."""
    rate = done / max(passed_s, 1e-9)
    left = f" of {total}, {(total - done) / rate:.0f} s left" if total and done else ""
    return f"{done}{left}, {rate:.1f}/s"


class NotebookLine:
    """A `Progress` that draws all loops into one output of a notebook cell, one after the other."""

    def __init__(self) -> None:
        self._output: Any = None

    def __call__(self, items: Iterable[Any], what: str, total: int | None = None) -> Iterator[Any]:
        started = time.monotonic()
        drawn = 0.0
        done = 0
        for item in items:
            if time.monotonic() - drawn >= DRAW_EVERY_S:
                self._draw(what, done, total, time.monotonic() - started)
                drawn = time.monotonic()
            yield item
            done += 1
        self._draw(what, done, total or done, time.monotonic() - started)

    def _draw(self, what: str, done: int, total: int | None, passed_s: float) -> None:
        from IPython.display import HTML, display

        share = f' value="{done}" max="{total}"' if total else ""
        text = f"{done} done in {passed_s:.1f} s" if done == total else state(done, total, passed_s)
        line = HTML(f"<progress{share}></progress> {html.escape(printable(what))}: {text}")
        if self._output is None:
            self._output = display(line, display_id=True)
        else:
            self._output.update(line)


def note(text: str) -> None:
    """Print a line in a notebook or on a terminal; a script without a terminal prints nothing."""
    if in_notebook() or sys.stderr.isatty():
        _to_stderr(text)


def _to_stderr(text: str) -> None:
    sys.stderr.write(printable(text, keep="\n") + "\n")
