"""New processes: how they start, and that they end with the process that started them.

with plain_start():
    process.start()

def runs_in_the_process() -> None:
    end_with_the_first_process()
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from finback.core.signals import ENDING

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def quick_context(preload: Sequence[str]) -> Any:
    """Processes that are forks of a server with these modules, where the system has forks.

    They start at once and share its pages. A server that runs already keeps the modules that it has.
    """
    if os.name == "nt":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def start_server(preload: Sequence[str]) -> None:
    """Let the server of `quick_context` import the modules while this process does other things."""
    if os.name != "nt":
        from multiprocessing import forkserver  # there is none on Windows

        quick_context(preload)
        with plain_start():
            forkserver.ensure_running()


@contextmanager
def plain_start() -> Iterator[None]:
    """In the block a new process does not run the program's main file, and its libraries take one thread.

    Else a script without `if __name__ == "__main__"` would start again in every worker. Ctrl-C does not reach
    the process, also while it imports its modules: the first process ends it.
    """
    main = sys.modules["__main__"]
    before = {name: os.environ.get(name) for name in THREADS}
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with _ctrl_c_later():
            yield
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """In the block Ctrl-C waits. A new process inherits that, for good."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker  # on Windows it has no signals to work with

    resource_tracker.ensure_running()  # by its start it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_the_first_process() -> None:
    """Runs in the new process: it leaves signals to the one that started it, and ends when that one ends."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
