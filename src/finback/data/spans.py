"""From a label row and its recording to a clip in native samples, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace

from finback.core.types import Clip, Recording
from finback.data.clock_times import seconds_into
from finback.data.problems import Problem
from finback.data.sources.base import LabelRow

# Times in tables are rounded, so the end of a span may be this much after the end of its file.
ROUNDING_S = 0.01
SHORT_S = 0.01  # a shorter sound is reported ...
FEWEST_SAMPLES = 16  # ... and dropped below the length of the shortest window that a FeatureSpec allows


def clip_of(row: LabelRow, recording: Recording, channel: int | None) -> tuple[Clip | None, list[Problem]]:
    """The span of the row in native samples, or None, and the problems of the row."""
    channel = row.channel if channel is None else channel
    if channel is not None and channel >= recording.n_channels:
        message = f"has no channel {channel}"
        repair = f"the recording has {recording.n_channels}, counted from 0"
        return None, [row.problem("bad_channel", message, repair)]
    if recording.n_channels == 1:
        channel = None  # the only channel is the mean of all
    rate, lasts = recording.sample_rate, recording.duration_s
    row = row.in_seconds(rate)
    if row.start_at is not None or row.end_at is not None:
        placed = _by_clock(row, recording)
        if isinstance(placed, Problem):
            return None, [placed]
        row = placed
    start = 0 if row.start_s is None else round(row.start_s * rate)
    stop = recording.n_samples if row.end_s is None else round(row.end_s * rate)
    problems = []
    repair = f"give times within its {lasts:.3f} s"
    slack = round(ROUNDING_S * rate)
    if start < -slack:
        return None, [row.problem("bad_span", f"starts at {row.start_s} s, before the file", repair)]
    if stop <= max(start, 0) and row.end_s is not None:
        message = f"ends at {row.end_s} s, not after its start at {row.start_s or 0} s"
        return None, [row.problem("bad_span", message, "give an end after the start")]
    if start >= recording.n_samples or (stop > recording.n_samples + slack and not row.cut):
        which = f"starts at {row.start_s}" if start >= recording.n_samples else f"ends at {row.end_s}"
        return None, [row.problem("bad_span", f"{which} s, but the file lasts {lasts:.3f} s", repair)]
    if stop > recording.n_samples + slack:
        message = f"the selection ends {(row.end_s or 0) - lasts:.3f} s beyond the file and was cut there"
        harmless = "no repair is needed if the sound goes on in the next file"
        problems.append(row.problem("cut_at_end", message, harmless))
    stop = min(stop, recording.n_samples)
    clip = Clip(recording, max(start, 0), stop, row.species, channel, row.synthetic)
    if clip.duration_s < SHORT_S or clip.n_samples < FEWEST_SAMPLES:
        message = f"lasts {1000 * clip.duration_s:.2f} ms ({clip.n_samples} samples)"
        problems.append(row.problem("short", message, "give a longer span, or leave out the row"))
    return (clip if clip.n_samples >= FEWEST_SAMPLES else None), problems


def _by_clock(row: LabelRow, recording: Recording) -> LabelRow | Problem:
    """The row with seconds in place of times of day, or why there are none."""
    if recording.start_time is None:
        message = "the table gives times of day, but the start time of the recording is unknown"
        return row.problem("bad_span", message, "give its form with --time-pattern, or seconds in start_s")
    spans = [None if when is None else seconds_into(recording, when) for when in (row.start_at, row.end_at)]
    for when, seconds in zip((row.start_at, row.end_at), spans, strict=True):
        if when is not None and seconds is None:
            message = f"the recorder slept at {when.isoformat()}"
            return row.problem("bad_span", message, "give a time that was recorded")
    return replace(row, start_s=spans[0], end_s=spans[1], start_at=None, end_at=None)
