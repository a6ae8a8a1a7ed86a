"""The command line: each command parses its options, calls the library once, and prints the result.

Exit codes: 0 success, 1 the work failed, 2 wrong usage or bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings


def main() -> None:
    """Entry point of the `finback` script: an error becomes one line and an exit code."""
    import typer

    from finback.cli.app import app
    from finback.cli.console import say
    from finback.core.errors import FinbackError, NotKept

    show = warnings.showwarning
    warnings.showwarning = lambda text, category, *where: (
        say(f"finback: {text}") if category is NotKept else show(text, category, *where)
    )
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments or ["--help"], prog_name="finback", standalone_mode=False)
        if code == 130:  # typer's code for Ctrl-C
            raise KeyboardInterrupt
    except FinbackError as error:
        if len(arguments) < len(sys.argv) - 1:
            raise
        say(f"finback: {error}")
        code = error.exit_code
    except typer.exceptions.TyperException as error:  # wrong usage
        context = getattr(error, "ctx", None)
        say(f"finback: {error.format_message()} See: {context.command_path if context else 'finback'} --help")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        say("finback: interrupted; run the same command again to continue")
        code = 130
    except BrokenPipeError:  # `finback ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # for example a full disk, where there is no better message
        where = error.filename or "file system"
        say(f"finback: {where}: {error.strerror}; repair this and run the same command again")
        code = 1
    except MemoryError:
        say("finback: out of memory; add --set training.batch_size=8, or close other programs")
        code = 1
    raise SystemExit(code if isinstance(code, int) else 0)
