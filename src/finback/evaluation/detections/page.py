"""The page of an evaluation: spectrograms and sounds of the misses and of the worst false alarms.

Only the sound around each listed event is read. Where a recording is not there, the event stands without a
picture, and the page says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from finback.audio.io import probe, read
from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.evaluation.detections.audio import Sounds
from finback.evaluation.detections.evaluate import DetectionEvaluation
from finback.evaluation.detections.lists import Listed
from finback.evaluation.detections.results import tables, verdict
from finback.report.pages.common import Picture, embed
from finback.report.pages.detections import DetectionsPage, ShownEvent, render
from finback.report.pages.sound import of_samples
from finback.report.plots.detections import event_spectrogram, precision_recall, recall_by_snr

CONTEXT_S = (1.0, 5.0)  # least and most before and after an event; between: its duration
LONGEST_S = 30.0  # of sound that is shown
FRAMES = 200  # about, in a spectrogram


def page_of(result: DetectionEvaluation, sounds: Sounds, progress: Progress = no_progress) -> str:
    """The page as HTML."""
    listed = result.settings.listed
    misses, false_alarms = result.misses[:listed], result.false_alarms[:listed]
    shown = list(_shown([*misses, *false_alarms], sounds, progress))
    n = len(result.recordings)
    return render(
        DetectionsPage(
            title="Found events against true events",
            verdict=verdict(result),
            summary=f"{result.overall['n_detections']} detections and {result.overall['n_true']} true events "
            f"in {n} recording{'s' * (n != 1)}, matched by {result.settings.rule}.",
            tables=tables(result),
            notes=result.notes,
            misses=shown[: len(misses)],
            false_alarms=shown[len(misses) :],
            n_misses=len(result.misses),
            n_false_alarms=len(result.false_alarms),
            pictures=_pictures(result),
        )
    )


def _pictures(result: DetectionEvaluation) -> dict[str, Picture]:
    pictures = {}
    if result.curves:
        figure = precision_recall(result.curves)
        pictures["precision_recall"] = embed(figure, "Precision against recall of each class")
    by_snr = {name: row["by_snr"] for name, row in result.classes.items() if row["by_snr"]}
    if by_snr:
        pictures["recall_by_snr"] = embed(recall_by_snr(by_snr), "Recall against SNR of each class")
    return pictures


def _shown(listed: Sequence[Listed], sounds: Sounds, progress: Progress) -> Iterable[ShownEvent]:
    for one in progress(listed, "events", len(listed)):
        event = one.event
        title = ""
        if event.score is not None:
            title = f"score {event.score:.3g}"
        elif event.snr_db is not None:
            title = f"SNR {event.snr_db:.1f} dB"
        where = f"{one.recording}, {event.start_s:.2f} to {event.stop_s:.2f} s"
        if event.start_time is not None:
            where += f", {event.start_time:%Y-%m-%d %H:%M:%S} UTC"
        plain = ShownEvent(one.label, title, where, one.remark)
        try:
            yield _with_sound(plain, one, sounds)
        except FinbackError as error:
            yield replace(plain, problem=f"No sound: {error}.")


def _with_sound(plain: ShownEvent, one: Listed, sounds: Sounds) -> ShownEvent:
    """Raises `FinbackError` where the sound cannot be read."""
    event, info = one.event, probe(sounds.find(one.recording))
    rate, n = info.sample_rate, info.n_samples
    context = min(max(event.duration_s, CONTEXT_S[0]), CONTEXT_S[1])
    start = min(max(0, round((event.start_s - context) * rate)), max(0, n - 1))
    stop = min(n, max(start + 1, round((event.stop_s + context) * rate)), start + round(LONGEST_S * rate))
    if event.start_s * rate > n:
        return replace(plain, problem=f"No sound: the file ends at {n / rate:.2f} s, before the event.")
    channel = event.channel if event.channel is not None and event.channel < info.n_channels else None
    x = remove_dc(read(info.path, start, stop, channel))
    top_hz = rate / 2 if not event.high_hz else min(rate / 2, max(2 * event.high_hz, 20.0))
    extent = (start / rate, stop / rate, top_hz)
    box = (event.start_s, min(event.stop_s, stop / rate), event.low_hz, event.high_hz)
    figure = event_spectrogram(power_db(x, rate, top_hz), extent, box)
    alt = f"Spectrogram of {one.label} in {one.recording} from {start / rate:.1f} to {stop / rate:.1f} s"
    return replace(plain, picture=embed(figure, alt), sound=of_samples(x, rate, top_hz, compact=True))


def power_db(x: np.ndarray, rate: int, top_hz: float) -> np.ndarray:
    """Power in dB (F, T) of samples (n,) from 0 Hz to `top_hz`, in about `FRAMES` frames (Hann windows)."""
    wanted = math.ceil(2.2 * top_hz)
    if wanted < rate:  # a low band of a high rate needs its own resolution
        x, rate = resample(x, rate, wanted), wanted
    length = 1 << max(4, round(math.log2(max(16.0, 4 * len(x) / FRAMES))))
    x = np.pad(x, (length // 2, length))
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[:: max(1, length // 4)]
    power = np.abs(np.fft.rfft(frames * np.hanning(length), axis=1)) ** 2
    rows = max(1, min(power.shape[1], math.ceil(top_hz / rate * length)))
    return np.asarray(10 * np.log10(power[:, :rows].T + 1e-20))
