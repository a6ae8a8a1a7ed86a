"""What can go wrong with a request, sorted by what helps: trying again, nothing, or stopping altogether."""

from __future__ import annotations

from finback.core.errors import FinbackError


class Passing(FinbackError):
    """May be over at the next try: no answer, a cut line, a server that is busy (`wait_s`: as it asked)."""

    def __init__(self, problem: str, repair: str = "", wait_s: float | None = None) -> None:
        super().__init__(problem, repair or "run the same command again later; what is there stays")
        self.wait_s = wait_s


class Lasting(FinbackError):
    """Another try gives the same: not there, not allowed, not what it should be."""


class Halt(FinbackError):
    """No further file can be fetched: the site is down or has moved, the disk is full."""


class Stopped(FinbackError):
    """The work was called off, by Ctrl-C or by a `Halt` elsewhere."""

    def __init__(self) -> None:
        super().__init__("called off", "the same command goes on")


def halt(fault: FinbackError, homepage: str, instead: tuple[str, ...]) -> Halt:
    """The same fault as a reason to stop, with what a person can do about it."""
    other = f", or try finback fetch {instead[0]}" if instead else ""
    return Halt(fault.problem, f"{fault.repair}{other}; if the site has moved (see {homepage}), give --url")
