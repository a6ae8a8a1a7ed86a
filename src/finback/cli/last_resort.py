"""An error that nobody foresaw: one line for the user, and the whole traceback in a file."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from types import TracebackType

from finback.core.text import printable

LONGEST = 300  # characters of the error that are shown


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`: say in one line what happened and where the traceback is."""
    if debugging() or not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, trace)
        return
    text = printable("".join(traceback.format_exception(kind, error, trace)), keep="\n")
    what = printable(f"{kind.__name__}: {error}")[:LONGEST]
    try:
        number, path = tempfile.mkstemp(prefix="finback-traceback-", suffix=".txt")
        with open(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:  # no folder takes a file
        sys.stderr.write(text)
        path = "the lines above"
    sys.stderr.write(f"finback: unforeseen error ({what}); please report it together with {path}\n")


def debugging() -> bool:
    """Whether tracebacks are wanted: `--debug`, or `FINBACK_DEBUG=1`."""
    return "--debug" in sys.argv[1:] or os.environ.get("FINBACK_DEBUG", "") not in ("", "0")
