"""The command line: each command parses its options, calls the library once, and prints the result.

Exit codes: 0 success, 1 the work failed or its result could not be written, 2 wrong usage or bad input; 130,
143, 129 ended by Ctrl-C, SIGTERM, SIGHUP.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any


def main() -> None:
    """Entry point of the `finback` script: an error becomes one line and an exit code."""
    from finback.cli import last_resort
    from finback.cli.console import say
    from finback.cli.ending import signals_end_the_command, what_now
    from finback.cli.streams import Streams

    streams = Streams.open()
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = last_resort.report
    with signals_end_the_command() as ending:
        code = _run(last_resort.debugging())
    if code == 130:  # also typer's code for a signal
        say(f"finback: {ending.what}; {what_now(sys.argv[1:])}")
        code = ending.code
    if lost := streams.lost():
        say(f"finback: the result could not be written to stdout ({lost.strerror}); the work itself is done")
        code = code or 1
    raise SystemExit(code)


def _takes_names(command: Any) -> bool:
    """Whether a command has arguments, not only options."""
    return any(parameter.param_type_name == "argument" for parameter in command.params)


def _run(debug: bool) -> int:
    """Run the command that the arguments name; its exit code."""
    import typer

    from finback.cli.app import app
    from finback.cli.console import say
    from finback.core.errors import FinbackError, Inexact, LeftOut, NotDrawn, NotKept, Terms
    from finback.core.text import printable

    show = warnings.showwarning
    said = {**dict.fromkeys((Inexact, LeftOut, NotDrawn, NotKept), "finback: "), Terms: ""}
    warnings.showwarning = lambda text, category, *where: (
        say(said[category] + printable(str(text))) if category in said else show(text, category, *where)
    )
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments or ["--help"], prog_name="finback", standalone_mode=False)
    except FinbackError as error:
        if debug:
            raise
        say(f"finback: {printable(str(error))}")
        return error.exit_code
    except typer.exceptions.TyperException as error:  # wrong usage
        context = getattr(error, "ctx", None)
        text = error.format_message()
        if text.startswith("Got unexpected extra arg") and context and _takes_names(context.command):
            text += "; a name with spaces needs quotes."
        say(f"finback: {text} See: {context.command_path if context else 'finback'} --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except RuntimeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Python wraps what comes while a class is made
            return 130
        raise
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except OSError as error:  # for example a full disk, where there is no better message
        if debug:
            raise
        where = printable(str(error.filename or "file system"))
        say(f"finback: {where}: {error.strerror or error}; repair this and run the same command again")
        return 1
    except MemoryError:
        say("finback: out of memory; add --set training.batch_size=8, or close other programs")
        return 1
    return code if isinstance(code, int) else 0
