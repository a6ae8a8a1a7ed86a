"""Output on the terminal: results on stdout, everything else on stderr.

Every text is made visible first (`finback.core.text.printable`): a species may have any name, and no name
reaches the terminal as an escape sequence, as markup of rich or as an emoji code.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from finback.core import bars
from finback.core.text import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

ERR = Console(stderr=True, highlight=False, markup=False, emoji=False)
WIDTH_OF_A_PIPE = 100_000  # a pipe has no width: names are not broken, so that grep finds them


def say(text: str) -> None:
    """Print a message on stderr, so that it is never part of the results."""
    ERR.print(Text(printable(text, keep="\n")), soft_wrap=True)


def out(text: str) -> None:
    """Print a line of the result on stdout."""
    print(printable(text, keep="\n"))


def out_prose(text: str) -> None:
    """Print a paragraph on stdout, wrapped to 110 columns; a line with two spaces is a table row and stays as
    it is."""
    out(text if "  " in text else textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False))


def out_json(value: Any) -> None:
    """Print the result as one JSON object on stdout; what a terminal obeys is escaped, as JSON allows."""
    # Where stdout has not all letters, all but ASCII is escaped.
    to_ascii = (sys.stdout.encoding or "utf-8").lower().replace("-", "") not in ("utf8", "utf16", "utf32")
    print(printable_json(json.dumps(value, indent=1, ensure_ascii=to_ascii, allow_nan=False)))


def out_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table on stdout; numbers are right-aligned, with three decimals. No line ends in blanks.

    Where a terminal is too narrow, the first column stands above its rows; where that is still too wide, each
    cell has a line of its own. So no name and no path is broken. Elsewhere every row is one line.
    """
    listed = [list(row) for row in rows]
    table = table_of(columns, listed, title)
    if sys.stdout.isatty():
        terminal = Console(highlight=False)
        if (
            listed
            and terminal.measure(table, options=terminal.options.update(width=10_000)).maximum
            > terminal.width
        ):
            out("\n".join([*([title] if title else []), *_narrow(columns, listed, terminal.width)]))
        else:
            terminal.print(table)
        return
    console = Console(highlight=False, width=WIDTH_OF_A_PIPE)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _narrow(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> list[str]:
    """The lines of a table that is too wide: below the values of its first column, or cell by cell."""
    texts = [list(map(printable, columns)), *([_cell(value).plain for value in row] for row in rows)]
    numeric = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(columns))]
    widths = [max(cell_len(row[i]) for row in texts) for i in range(len(columns))]
    together = len(columns) > 1 and sum(widths[1:]) + 2 * len(widths[1:]) <= width
    lines: list[str] = []
    for i, row in enumerate(texts):
        if i < 2 or not together or row[0] != texts[i - 1][0]:
            lines.append(row[0])
        if together:
            blanks = [" " * (widths[c] - cell_len(row[c])) for c in range(len(row))]
            cells = [blanks[c] + row[c] if numeric[c] else row[c] + blanks[c] for c in range(1, len(row))]
            lines.append("".join("  " + cell for cell in cells).rstrip())
        elif i:
            named = zip(columns[1:], row[1:], strict=True)
            lines += [_below(f"{printable(name)}: {text}", width) for name, text in named if text]
    return lines


def _below(text: str, width: int) -> str:
    """A text below a name, wrapped between words only."""
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    ", **whole)  # type: ignore[arg-type]


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """The table of `out_table`, to be printed elsewhere."""
    caption = Text(printable(title)) if title else None
    table = Table(title=caption, title_justify="left", box=None, pad_edge=False, header_style="bold")
    listed = [list(row) for row in rows]
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], int | float) or row[i] is None for row in listed)
        table.add_column(Text(printable(column)), justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> Text:
    if value is None:
        return Text("-")
    return Text(f"{value:.3f}" if isinstance(value, float) else printable(str(value)))


def progress(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
    """A bar with the times elapsed and left on a terminal; elsewhere a line at the end of each loop."""
    if ERR.is_terminal:
        return bars.terminal_bars(ERR)(items, what, total)
    return bars.in_lines(items, what, total, say)


class LiveTable:
    """A table that is updated while work is in progress, above a progress bar.

    A context manager; its method `progress` is a `Progress` whose bars disappear at the end of a loop.
    Outside a terminal there is no table, and only long loops print a line, because a comparison has hundreds
    of short ones.
    """

    def __init__(self) -> None:
        self._table: Table | str = ""
        self._bar = bars.bar(ERR) if ERR.is_terminal else None
        self._live: Live | None = None

    def __enter__(self) -> LiveTable:
        if self._bar is not None:
            from rich.live import Live

            self._live = Live(get_renderable=self._drawn, console=ERR, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Show these rows from now on; the cells are as in `out_table`."""
        self._table = table_of(columns, rows, title)

    def progress(self, items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        """The items, with a progress bar below the table."""
        if self._bar is None:
            yield from bars.in_lines(items, what, total, say, brief=True)
            return
        try:
            yield from bars.advance(self._bar, items, what, total)
        finally:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)

    def _drawn(self) -> Group:
        from rich.console import Group

        return Group(self._table, *([self._bar] if self._bar is not None else []))
