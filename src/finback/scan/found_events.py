"""An event as it was found: positions in native samples, scores, and perhaps a measured box.

event.to_event()        # core.types.Event, in seconds and UTC
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from finback.core.types import Event
from finback.scan.spans import ScannedFile


@dataclass(frozen=True, slots=True)
class Box:
    """Where the energy of an event is, measured in its own spectrogram; samples are native.

    A box without a band (None) was looked for and not found: nothing rises above the sound around it.
    """

    start: int
    stop: int
    low_hz: float | None = None
    high_hz: float | None = None
    snr_db: float | None = None


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One event of one class on one channel of a file, from sample `start` to `stop`."""

    file: ScannedFile
    channel: int | None
    label: str
    start: int
    stop: int
    score: float  # the highest score of the windows whose middle is in the event
    mean_score: float  # the mean of these
    reach: tuple[int, int]  # first sample and the sample after the last that its box may have
    stretch: tuple[int, int]  # of sound without a break that it is in
    others: tuple[tuple[int, int], ...] = ()  # (start, stop) of events of its class near it
    box: Box | None = None  # None: not measured

    @property
    def extent(self) -> tuple[int, int]:
        """First sample and the sample after the last: of the measured box, else from the scores."""
        return (self.start, self.stop) if self.box is None else (self.box.start, self.box.stop)

    @property
    def duration_s(self) -> float:
        start, stop = self.extent
        return (stop - start) / self.file.sample_rate

    def to_event(self, file: str | None = None) -> Event:
        """The event as tables have it; `file` is the name of the recording there."""
        start, stop = self.extent
        rate, box = self.file.sample_rate, self.box
        return Event(
            file=self.file.path if file is None else file,
            start_s=start / rate,
            stop_s=stop / rate,
            label=self.label,
            low_hz=None if box is None else box.low_hz,
            high_hz=None if box is None else box.high_hz,
            channel=self.channel,
            score=self.score,
            mean_score=self.mean_score,
            snr_db=None if box is None else box.snr_db,
            start_time=time_at(self.file, start),
            stop_time=time_at(self.file, stop, is_end=True),
        )


def time_at(file: ScannedFile, sample: int, is_end: bool = False) -> datetime | None:
    """UTC time of a sample, through the schedule of a recorder that sleeps; None when unknown.

    The end of an event that ends where a duty cycle ends has the time before the sleep, not after it.
    """
    first, start = 0, file.start_time
    for segment_first, segment_start in file.schedule:
        if segment_first < sample or (segment_first == sample and not is_end):
            first, start = segment_first, segment_start
    return None if start is None else start + timedelta(seconds=(sample - first) / file.sample_rate)
