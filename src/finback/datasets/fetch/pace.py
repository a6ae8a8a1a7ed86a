"""The slowest that a server may send: in a window of time, and as a whole."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from finback.datasets.fetch.errors import PermanentError, TemporaryError


class Pace:
    """Ends the reading of a body that comes too slowly. `with Pace(raw, ...) as pace: ... pace.add(n)`.

    Fewer than `slowest_bps` bytes per second over `window_s` seconds are a `TemporaryError`; more than
    `longest_s` seconds are a `PermanentError` with `repair`. The connection is shut by a timer, because a
    library can wait for bytes that are none of the body: lines behind the last chunk, without end.
    """

    def __init__(
        self, raw: Any, name: str, slowest_bps: float, window_s: float, longest_s: float, repair: str
    ) -> None:
        self._raw = raw
        self._name = name
        self._slowest_bps = slowest_bps
        self._window_s = window_s
        self._longest_s = longest_s
        self._repair = repair
        self._ends = time.monotonic() + longest_s
        self._n = 0  # bytes in this window
        self._fault: TemporaryError | PermanentError | None = None
        self._over = False
        self._timer: threading.Timer

    def __enter__(self) -> Pace:
        self._wait()
        return self

    def add(self, n: int) -> None:
        """Count `n` bytes."""
        self._n += n
        if self._fault is not None:
            raise self._fault

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._timer.cancel()
        # A shut connection looks like the end of a body, or like an error of the network.
        if self._fault is not None and kind is not GeneratorExit:
            raise self._fault from None

    def _wait(self) -> None:
        seconds = min(self._window_s, max(0.0, self._ends - time.monotonic()))
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        n, self._n = self._n, 0
        if self._over:
            return
        if time.monotonic() >= self._ends:
            problem = f"{self._name}: took more than {_time(self._longest_s)}"
            self._fault = PermanentError(problem, self._repair)
        elif n < self._slowest_bps * self._window_s:
            rate = n / self._window_s
            problem = f"{self._name}: sends {rate:.0f} bytes per second, fewer than {self._slowest_bps:g}"
            self._fault = TemporaryError(problem)
        else:
            self._wait()
            return
        with suppress(OSError, ValueError, RuntimeError):  # it is shut already
            self._raw.shutdown()


def _time(seconds: float) -> str:
    return f"{seconds / 3600:g} hours" if seconds >= 3600 else f"{seconds:.3g} s"
