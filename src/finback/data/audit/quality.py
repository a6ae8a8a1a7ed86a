"""What can be wrong with a recording before anybody listens: silence, clipping, offset, gaps, a false rate.

`measure` gives numbers, `flags` says in plain words which of them a person should look at. Levels are in dB
re full scale (0 dB: a square wave that fills the format), the only level an uncalibrated recording has.

The effective bandwidth answers whether the rate is honest. A file that was resampled upwards, or came through
an MP3 encoder, has an empty band on top with a cliff below it; a spectrum that merely falls has no cliff.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.fft import rfft

from finback.audio.level import db

FRAME_S = 0.02
SILENT_DBFS = -90.0  # below the last bit of 16
LOUD_DBFS = -70.0  # a gap of zeros counts when the sound around it is above this
FLAT_SAMPLES = 3  # as many equal samples at the very top are a clipped peak, fewer are chance
CLIFF_DB = 20.0  # a fall this steep within a few per cent of the band is a filter, not a sea
EMPTY_DB = -80.0  # mean power per sample; rounding to 16 bits leaves -101 dB, and gain after it some more
SPECTRUM_BINS, SPECTRA = 1024, 256  # samples per window; windows at most


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers of one clip; shares are of its samples or its 20 ms frames, 0 to 1."""

    level_dbfs: float  # RMS after the offset is removed
    noise_floor_dbfs: float  # the frame that 10 % of frames are quieter than
    peak: float  # largest magnitude, full scale is 1
    dc: float  # mean
    clipped_share: float  # samples in flat tops
    silent_share: float  # frames below -90 dB
    dropouts: int  # gaps of exact zeros inside sound
    bandwidth_hz: float  # up to the cliff of the spectrum, or half the rate where there is none
    sample_rate: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def measure(samples: np.ndarray, sample_rate: int) -> Quality:
    """Quality of samples (n,) float, n >= 1."""
    x = np.asarray(samples, dtype=np.float32)
    dc = float(x.mean(dtype=np.float64))
    level = _rms_db(x - np.float32(dc))
    frame = max(int(FRAME_S * sample_rate), 16)
    whole = len(x) // frame * frame
    cut = (x[:whole] - np.float32(dc)).reshape(-1, frame)
    frames = _rms_db(cut) if whole else np.array([level])
    still = db(np.var(cut, axis=1)) if whole else frames  # about its own mean: a gap in an offset is silent
    return Quality(
        level_dbfs=round(float(level), 3),
        noise_floor_dbfs=round(float(np.quantile(frames, 0.1)), 3),
        peak=float(np.abs(x).max()),
        dc=dc,
        clipped_share=_clipped_share(x),
        silent_share=float(np.mean(still < SILENT_DBFS)),
        dropouts=_dropouts(x, sample_rate),
        bandwidth_hz=round(bandwidth(x, sample_rate), 1),
        sample_rate=sample_rate,
    )


def _rms_db(x: np.ndarray) -> np.ndarray:
    """RMS along the last axis, dB re full scale."""
    return db(np.mean(np.square(x, dtype=np.float64), axis=-1))


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and past-the-end index of each stretch of True in (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _clipped_share(x: np.ndarray) -> float:
    """Share of samples in flat tops: three and more in a row at the largest or the smallest value."""
    top, bottom = float(x.max()), float(x.min())
    if max(top, -bottom) < 0.05:  # a few bits of noise are often equal
        return 0.0
    flat = 0
    for value in (top, bottom):
        if abs(value) > 0.5 * max(top, -bottom):
            first, stop = _runs(x == np.float32(value))
            lengths = stop - first
            flat += int(lengths[lengths >= FLAT_SAMPLES].sum())
    return flat / len(x)


def _dropouts(x: np.ndarray, sample_rate: int) -> int:
    """Gaps of 5 ms and more of exact zeros with sound on both sides."""
    shortest = max(int(0.005 * sample_rate), 32)
    near = max(int(FRAME_S * sample_rate), 32)
    count = 0
    for first, stop in zip(*_runs(x == 0), strict=True):
        if stop - first >= shortest and first > 0 and stop < len(x):
            before, after = x[max(first - near, 0) : first], x[stop : stop + near]
            count += bool(_rms_db(before) > LOUD_DBFS and _rms_db(after) > LOUD_DBFS)
    return count


def _mean_spectrum(x: np.ndarray) -> np.ndarray:
    """Mean power (bins,) over at most 256 Hann windows spread over samples (n,): enough for its shape."""
    size = min(SPECTRUM_BINS, len(x) // 4)
    frames = np.lib.stride_tricks.sliding_window_view(x, size)
    frames = frames[:: max(size // 2, len(frames) // SPECTRA)]
    window = np.hanning(size).astype(np.float32)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    return np.mean(np.square(np.abs(rfft(frames, axis=1)), dtype=np.float64), axis=0) / np.sum(window**2)


def bandwidth(x: np.ndarray, sample_rate: int) -> float:
    """Frequency (Hz) of the spectrum's cliff: where it falls by 20 dB at once and nothing stands above.

    Half the sample rate where there is none, or where the clip is too short (256 samples) or silent to tell.
    """
    nyquist = sample_rate / 2
    if len(x) < 256 or not np.any(x):
        return nyquist
    power = db(_mean_spectrum(x))
    n = len(power)
    # Down to -200 dB: what lies below 24-bit rounding is empty, and its shape means nothing.
    power = np.maximum(power, power.max() - 140)
    gap, width = max(n // 50, 2), max(n // 12, 4)
    # The highest of all that lies above each bin: one line up there and the band is not empty.
    above = np.maximum.accumulate(power[::-1])[::-1]
    sums = np.concatenate([[0.0], np.cumsum(power)])
    edges = np.arange(width + gap, n - gap)
    below = (sums[edges - gap] - sums[edges - gap - width]) / width
    empty = above[edges + gap] < np.maximum(EMPTY_DB, power.max() - 90)
    drop = np.where(empty, below - above[edges + gap], 0.0)
    if not len(edges) or drop.max() < CLIFF_DB:
        return nyquist
    return float(edges[int(np.argmax(drop))] / (n - 1) * nyquist)


def flags(quality: Quality) -> dict[str, str]:
    """What to look at, as {name: sentence}; empty for a sound recording."""
    q, found = quality, {}
    if q.peak == 0 or q.level_dbfs < SILENT_DBFS:
        return {"silent": "silent: nothing above the last bit; remove it, or record again with more gain"}
    if q.silent_share > 0.5:
        found["mostly_silent"] = f"{q.silent_share:.0%} of it is digital silence; cut it to the sound"
    if q.clipped_share > 0.001:
        found["clipped"] = f"clipped: {q.clipped_share:.1%} of samples lie in flat tops; lower the gain"
    if abs(q.dc) > 0.01:
        found["offset"] = f"offset of {q.dc:+.3f} of full scale; it is removed before analysis"
    if q.dropouts:
        found["dropouts"] = (
            f"{q.dropouts} gap{'s' if q.dropouts > 1 else ''} of exact zeros: the recorder lost data"
        )
    if q.bandwidth_hz < 0.4 * q.sample_rate:
        found["narrow_band"] = (
            f"nothing above {q.bandwidth_hz:,.0f} Hz although its rate reaches {q.sample_rate / 2:,.0f} Hz: "
            "resampled upwards, compressed or filtered; species must not be told apart by that empty band"
        )
    if q.level_dbfs < -60:
        found["quiet"] = f"very quiet ({q.level_dbfs:.0f} dB re full scale): few bits carry the sound"
    return found
