"""Signals that ask a program to end: Ctrl-C, a scheduler's SIGTERM, SIGHUP of a terminal that was closed.

Work that can be saved between two steps holds them back until it is saved, then lets them act as before. A
signal that is ignored stays ignored: `nohup` ignores SIGHUP, a shell script ignores Ctrl-C in the background.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

# Windows has no SIGHUP; its SIGBREAK is Ctrl-Break and the closing of a window.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers


def acting() -> dict[int, Handler]:
    """The signals that would end this process now, with their handlers; none outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in ENDING}
    return {n: handler for n, handler in found.items() if handler not in (signal.SIG_IGN, None)}


@dataclass(slots=True)
class HeldSignal:
    """The first signal that came while signals were held back; `number` is 0 before that."""

    number: int = 0
    handlers: dict[int, Handler] = field(default_factory=acting)
    is_holding: bool = False

    def hold(self) -> None:
        """From now on the first signal is only noted. A second one acts at once."""

        def note(number: int, frame: FrameType | None) -> None:
            self.release()
            self.number = number

        self.is_holding = True
        for number in self.handlers:
            signal.signal(number, note)

    def release(self) -> None:
        """From now on signals act as they did before."""
        if not self.is_holding:  # a handler that has acted since may have changed what a second signal does
            return
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.is_holding = False

    def deliver(self) -> None:
        """Let the noted signal act: usually this raises `KeyboardInterrupt` or ends the process."""
        number, self.number = self.number, 0
        if number:
            self.release()
            signal.raise_signal(number)

    def released(self) -> Released:
        """A block in which signals act."""
        return Released(self)


@dataclass(frozen=True, slots=True)
class Released:
    """In the block signals act, and they are held again after it, unless one has acted."""

    held: HeldSignal

    def __enter__(self) -> None:
        self.held.release()
        self.held.deliver()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, KeyboardInterrupt):
            self.held.hold()


@contextmanager
def held_signals() -> Iterator[HeldSignal]:
    """Hold back the signals that end a program. What was not delivered in the block is delivered after it."""
    held = HeldSignal()
    try:
        held.hold()
        yield held
    except KeyboardInterrupt:  # of a second signal
        held.number = 0
        raise
    finally:
        held.release()
        held.deliver()
