"""Progress of long work, in a form that suits the output.

A terminal shows a bar with the times elapsed and left. A notebook shows one line that changes in place. A log
gets a line every few seconds: `training: 40 of 125 steps, 4 s elapsed, 9 s left`. `bars()` chooses one of
these. What a loop counts is in `UNITS`, by the name of the loop; a test finds loops that are not there.
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

# What is counted, by the name of the loop, or by its first words: ("one", "several").
UNITS = {
    "analysing the calls": ("clip", "clips"),
    "combining": ("split", "splits"),
    "comparing sounds": ("clip", "clips"),
    "computing augmented copies": ("clip", "clips"),
    "computing features": ("clip", "clips"),
    "differences": ("model", "models"),
    "embedding calls": ("clip", "clips"),
    "embedding noises": ("noise", "noises"),
    "embedding with": ("batch", "batches"),
    "encoding": ("clip", "clips"),
    "events": ("event", "events"),
    "figures": ("figure", "figures"),
    "filling up": ("clip", "clips"),
    "finding the nearest training clips": ("batch", "batches"),
    "fitting events": ("class", "classes"),
    "generating": ("batch", "batches"),
    "guidance x steps": ("sample", "samples"),
    "intervals": ("model", "models"),
    "layout": ("layout", "layouts"),
    "looking for copies": ("clip", "clips"),
    "looking for recordings": ("file", "files"),
    "making": ("clip", "clips"),
    "measuring boxes": ("file", "files"),
    "measuring clips": ("clip", "clips"),
    "measuring models": ("model", "models"),
    "measuring noise": ("file", "files"),
    "measuring training clips": ("clip", "clips"),
    "no-audio baselines": ("split", "splits"),
    "predicting": ("file", "files"),
    "reading audio": ("file", "files"),
    "reading lists": ("page", "pages"),
    "reading": ("clip", "clips"),
    "reconstructing": ("method", "methods"),
    "scoring": ("clip", "clips"),
    "simulating background": ("tape", "tapes"),
    "simulating recording": ("block", "blocks"),
    "simulating tapes": ("tape", "tapes"),
    "sounds": ("clip", "clips"),
    "species": ("species", "species"),
    "tables": ("file", "files"),
    "training": ("step", "steps"),
    "vocoding": ("batch", "batches"),
    "worst confusions": ("clip", "clips"),
    "writing tapes": ("tape", "tapes"),
}
LOG_EVERY_S = 15.0  # time between two lines of a log
DRAW_EVERY_S = 0.2  # time between two updates of the line of a notebook


def bars() -> Progress:
    """The `Progress` for a call from Python: bars in a notebook or on a terminal, few lines in a log."""
    if in_notebook():
        return NotebookLine.of_cell()
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
    """A bar with the count, the time elapsed and the time left; on stderr unless a console is given.

    It fits 80 columns with a name of 24 letters.
    """
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=10),
        progress.TextColumn("{task.fields[count]}", markup=False),
        progress.TimeElapsedColumn(),
        progress.TextColumn("elapsed,"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("left"),
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
    task = drawn.add_task(printable(what), total=total, count=count(what, 0, total))
    for done, item in enumerate(items, 1):
        yield item
        drawn.update(task, completed=done, count=count(what, done, total))


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
            log(f"{what}: {state(what, done, total, now - started)}")
            logged = now
    if total != 0 and not brief:
        log(f"{what}: {finished(what, done, time.monotonic() - started)}")


def count(what: str, done: int, total: int | None) -> str:
    """How far a loop is: `12 of 40 files`."""
    of = f" of {total:,}" if total else ""
    return f"{done:,}{of} {unit(what, total or done)}".rstrip()


def state(what: str, done: int, total: int | None, passed_s: float) -> str:
    """The progress of a loop: `12 of 40 files, 4 s elapsed, 9 s left`."""
    left = f", {duration((total - done) * passed_s / done)} left" if total and done else ""
    return f"{count(what, done, total)}, {duration(passed_s)} elapsed{left}"


def finished(what: str, done: int, passed_s: float) -> str:
    """The end of a loop: `40 files in 13.2 s`."""
    return f"{count(what, done, None)} in {duration(passed_s, tenths=True)}"


def unit(what: str, n: int) -> str:
    """What a loop of that name counts, for the number `n`; "" where nobody said it."""
    name = what.rpartition(": ")[2]
    one, several = UNITS.get(name) or next(
        (UNITS[key] for key in sorted(UNITS, reverse=True) if name.startswith(key)), ("", "")
    )
    return one if n == 1 else several


def duration(seconds: float, tenths: bool = False) -> str:
    """`9 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 99.5:
        return f"{seconds:.1f} s" if tenths else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class NotebookLine:
    """A `Progress` that draws all loops into one output of a notebook cell, one after the other."""

    _last: tuple[int, NotebookLine] | None = None  # the number of a cell's execution, and its line

    def __init__(self) -> None:
        self._output: Any = None

    @classmethod
    def of_cell(cls) -> NotebookLine:
        """The line of the cell that runs now: several calls in one cell share it."""
        number = int(sys.modules["IPython"].get_ipython().execution_count)
        if cls._last is None or cls._last[0] != number:
            cls._last = (number, cls())
        return cls._last[1]

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
        text = finished(what, done, passed_s) if done == total else state(what, done, total, passed_s)
        line = HTML(f"<progress{share}></progress> {html.escape(printable(what))}: {text}")
        if self._output is None:
            self._output = display(line, display_id=True)
        else:
            self._output.update(line)


def note(text: str) -> None:
    """Print a line in a notebook or on a terminal; a script without a terminal prints nothing."""
    if in_notebook():
        sys.stdout.write(printable(text, keep="\n") + "\n")  # stderr is red there, as an error is
    elif sys.stderr.isatty():
        _to_stderr(text)


def _to_stderr(text: str) -> None:
    sys.stderr.write(printable(text, keep="\n") + "\n")
