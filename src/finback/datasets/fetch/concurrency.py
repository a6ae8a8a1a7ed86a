"""Several files at the same time, in daemon threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], n: int, stop: threading.Event
) -> Iterator[tuple[Item, Result]]:
    """Yield (item, work(item)) when each is finished, `n` at a time; none is started after `stop` is set.

    The threads are daemons: after Ctrl-C the process does not wait for a server that does not answer.
    """
    todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Item, Result]] = queue.SimpleQueue()
    for item in items:
        todo.put(item)

    def run() -> None:
        while not stop.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            done.put((item, work(item)))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(n, len(items)))]
    for thread in threads:
        thread.start()
    for _ in items:
        yield _next(done, threads)


def _next(
    done: queue.SimpleQueue[tuple[Item, Result]], threads: list[threading.Thread]
) -> tuple[Item, Result]:
    while True:
        alive = any(thread.is_alive() for thread in threads)
        try:
            return done.get(timeout=0.5)  # a timeout, because Windows handles Ctrl-C only between waits
        except queue.Empty:
            if not alive:
                raise RuntimeError("a download thread ended early; its error is above") from None
