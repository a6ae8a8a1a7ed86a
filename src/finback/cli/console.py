"""What the terminal sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

ERR = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A line for people, on stderr: never mixed into results."""
    ERR.print(text, markup=False, soft_wrap=True)


def out(text: str) -> None:
    """A line of the result, on stdout, as it is."""
    print(text)


def out_prose(text: str) -> None:
    """A paragraph on stdout, wrapped for reading; what is laid out in columns stays as it is."""
    print(text if "  " in text else textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False))


def out_json(value: Any) -> None:
    """The whole result as one JSON object on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def out_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table on stdout; numbers to the right, three decimals."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    listed = [list(row) for row in rows]
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], int | float) or row[i] is None for row in listed)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(_cell(value) for value in row))
    # A pipe has no width: names stay whole, so that grep finds them.
    Console(highlight=False, width=None if sys.stdout.isatty() else 1000).print(table, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def progress(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
    """A bar with rate and time left on a terminal; elsewhere a line at the end of each piece of work."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    if not ERR.is_terminal:
        yield from _in_lines(items, what, total)
        return
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=ERR, transient=False) as bar:
        task = bar.add_task(what, total=total, rate="")
        for done, item in enumerate(items, 1):
            yield item
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")


def _in_lines(items: Iterable[Any], what: str, total: int | None) -> Iterable[Any]:
    """For logs: a line when a tenth more is done, at most every few seconds."""
    import time

    started = said = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - said >= 15:
            rate = done / (now - started)
            left = f" of {total}, {(total - done) / rate:.0f} s left" if total else ""
            say(f"{what}: {done}{left}, {rate:.1f}/s")
            said = now
    if total != 0:
        say(f"{what}: {done} done in {time.monotonic() - started:.1f} s")
