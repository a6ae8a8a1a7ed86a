"""How far a scan is: hours of audio, the rate in multiples of real time, the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finback.scan.work import Tally


class Pace:
    """The progress of a scan that began when this object was made; see `work.Tally` for the terms."""

    def __init__(self, tally: Tally) -> None:
        self.tally, self._began = tally, time.monotonic()

    @property
    def done_h(self) -> float:
        """Hours that are finished, from now and before."""
        return (self.tally.finished_s + self.tally.done_s) / 3600

    @property
    def known_h(self) -> float:
        """Hours of all files that were opened so far."""
        return self.tally.known_s / 3600

    @property
    def realtime(self) -> float:
        """Seconds of audio that this process analyses in a second."""
        return self.tally.done_s / max(time.monotonic() - self._began, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds of work left; None while not all files are opened."""
        if not self.tally.are_all_known or not self.tally.done_s:
            return None
        rest = self.tally.known_s - self.tally.finished_s - self.tally.done_s
        return max(0.0, rest) / self.realtime

    def text(self) -> str:
        """`3.2 of 24.0 h, 812 times real time, 1 min 32 s left`."""
        more = "" if self.tally.are_all_known else " or more"
        left = f", {clock(self.left_s)} left" if self.left_s else ""
        return f"{self.done_h:.1f} of {self.known_h:.1f}{more} h, {self.realtime:,.0f} times real time{left}"


def clock(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
