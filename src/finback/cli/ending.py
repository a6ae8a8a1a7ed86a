"""SIGTERM and SIGHUP end a command as Ctrl-C does: what is finished is saved, and the exit code tells why."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from finback.core.signals import acting

# Commands that go on where they stopped, as their pages in docs/commands say.
GO_ON = frozenset({"compare", "demo", "fetch", "generate", "run", "scan", "synthesize", "train"})


@dataclass(slots=True)
class Ending:
    """The signal that ended the command; Ctrl-C unless another one came."""

    number: int = signal.SIGINT

    @property
    def code(self) -> int:
        """The exit code of shells: 128 + the signal's number."""
        return 128 + self.number

    @property
    def what(self) -> str:
        """What ended the command, in words."""
        return (
            "interrupted" if self.number == signal.SIGINT else f"ended by {signal.Signals(self.number).name}"
        )


def what_now(arguments: Sequence[str]) -> str:
    """What the user can do after an interruption; only some commands keep what they did."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    if command in GO_ON:
        return "run the same command again to continue"
    return "the same command starts from the beginning"


@contextmanager
def signals_end_the_command() -> Iterator[Ending]:
    """In the block SIGTERM and SIGHUP raise `KeyboardInterrupt`; a second one ends the process at once."""
    ending = Ending()
    before = {n: handler for n, handler in acting().items() if n != signal.SIGINT}

    def end(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        ending.number = number
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, end)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
