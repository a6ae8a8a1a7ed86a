"""The command line: each command parses, makes one library call, prints.

Exit codes: 0 done, 1 the work failed, 2 wrong usage or bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `finback` script."""
    from finback.cli.app import app
    from finback.cli.console import say
    from finback.errors import FinbackError

    debug = "--debug" in sys.argv[1:]
    try:
        app(args=[a for a in sys.argv[1:] if a != "--debug"], prog_name="finback", standalone_mode=True)
    except FinbackError as error:
        if debug:
            raise
        say(f"finback: {error}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        say("finback: interrupted; the same command goes on where it stopped")
        raise SystemExit(130) from None
    except BrokenPipeError:  # `finback ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except MemoryError:
        say("finback: out of memory; try --set training.batch_size=8, or close other programs")
        raise SystemExit(1) from None
