"""The command line: each command parses, makes one library call, prints.

Exit codes: 0 done, 1 the work failed, 2 wrong usage or bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `finback` script: errors become one line and an exit code."""
    import typer

    from finback.cli.app import app
    from finback.cli.console import say
    from finback.core.errors import FinbackError

    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments or ["--help"], prog_name="finback", standalone_mode=False)
        if code == 130:  # what typer makes of Ctrl-C
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
        say("finback: interrupted; the same command goes on where it stopped")
        code = 130
    except BrokenPipeError:  # `finback ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # a disk that fills or a folder that goes away where no better message is made
        where = error.filename or "file system"
        say(f"finback: {where}: {error.strerror}; mend that and run the same command again")
        code = 1
    except MemoryError:
        say("finback: out of memory; try --set training.batch_size=8, or close other programs")
        code = 1
    raise SystemExit(code if isinstance(code, int) else 0)
