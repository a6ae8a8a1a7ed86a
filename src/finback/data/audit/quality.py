"""Technical quality of a clip: silence, clipping, offset, gaps, and a band narrower than the sample rate
allows.

`measure` gives numbers; `flags` names the numbers that a person should check, each with a sentence. Levels
are in dB re full scale (0 dB: a square wave with the largest amplitude of the format), the only level of an
uncalibrated recording.

The effective bandwidth shows whether the sample rate is used. A file that was resampled upwards, or encoded
as MP3, has an empty band at the top with a steep edge below it; a spectrum that only decreases has no such
edge.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from finback.audio.level import db

FRAME_S = 0.02
SILENT_DBFS = -90.0  # below the last of 16 bits
LOUD_DBFS = -70.0  # a gap of zeros counts when the sound around it is above this
FLAT_SAMPLES = 3  # so many equal samples in a row at the maximum are a clipped peak; fewer occur by chance
CLIFF_DB = 20.0  # sea noise does not decrease this much within a few per cent of the band; a filter does
EMPTY_DB = -80.0  # mean power per sample; rounding to 16 bits leaves -101 dB, and later gain raises it
SPECTRUM_BINS, SPECTRA = 1024, 256  # samples per window; largest number of windows


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers of one clip. A share is of the samples or of the 20 ms frames of the clip, 0 to 1."""

    level_dbfs: float  # RMS without the offset
    noise_floor_dbfs: float  # 10th percentile of the levels of the frames
    peak: float  # largest magnitude; full scale is 1
    dc: float  # mean of the samples
    clipped_share: float  # samples in flat peaks
    silent_share: float  # frames below -90 dB
    dropouts: int  # number of gaps of exact zeros inside sound
    bandwidth_hz: float  # up to the steep edge of the spectrum; half the sample rate where there is none
    sample_rate: int

    def to_json(self) -> dict[str, float]:
        """Plain values by field name."""
        return asdict(self)


def measure(samples: np.ndarray, sample_rate: int) -> Quality:
    """Quality of the samples (n,) of a clip, n >= 1, full scale 1, at `sample_rate` Hz."""
    x = np.asarray(samples, dtype=np.float32)
    dc = float(x.mean(dtype=np.float64))
    level = _rms_db(x - np.float32(dc))
    frame = max(int(FRAME_S * sample_rate), 16)
    whole = len(x) // frame * frame
    cut = (x[:whole] - np.float32(dc)).reshape(-1, frame)
    frames = _rms_db(cut) if whole else np.array([level])
    still = (
        db(np.var(cut, axis=1)) if whole else frames
    )  # around the mean of each frame: a gap in a clip with an offset is silent
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


def _rms_db(x: np.ndarray) -> NDArray[np.float64]:
    """RMS over the last axis, in dB re full scale."""
    return db(np.mean(np.square(x, dtype=np.float64), axis=-1))


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and stop index of each run of True in (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _clipped_share(x: np.ndarray) -> float:
    """Share of samples in flat peaks: at least three in a row at the largest or the smallest value."""
    top, bottom = float(x.max()), float(x.min())
    if max(top, -bottom) < 0.05:  # noise of a few bits often has equal samples
        return 0.0
    flat = 0
    for value in (top, bottom):
        if abs(value) > 0.5 * max(top, -bottom):
            first, stop = _runs(x == np.float32(value))
            lengths = stop - first
            flat += int(lengths[lengths >= FLAT_SAMPLES].sum())
    return flat / len(x)


def _dropouts(x: np.ndarray, sample_rate: int) -> int:
    """Number of gaps of at least 5 ms of exact zeros, with sound before and after."""
    shortest = max(int(0.005 * sample_rate), 32)
    near = max(int(FRAME_S * sample_rate), 32)
    count = 0
    for first, stop in zip(*_runs(x == 0), strict=True):
        if stop - first >= shortest and first > 0 and stop < len(x):
            before, after = x[max(first - near, 0) : first], x[stop : stop + near]
            count += bool(_rms_db(before) > LOUD_DBFS and _rms_db(after) > LOUD_DBFS)
    return count


def _mean_spectrum(x: np.ndarray) -> NDArray[np.float64]:
    """Mean power (bins,) over at most 256 Hann windows, evenly spread over the samples (n,)."""
    size = min(SPECTRUM_BINS, len(x) // 4)
    frames = np.lib.stride_tricks.sliding_window_view(x, size)
    frames = frames[:: max(size // 2, len(frames) // SPECTRA)]
    window = np.hanning(size).astype(np.float32)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    return np.mean(np.square(np.abs(rfft(frames, axis=1)), dtype=np.float64), axis=0) / np.sum(window**2)


def bandwidth(x: np.ndarray, sample_rate: int) -> float:
    """Frequency (Hz) of the steep edge of the spectrum of samples (n,): a decrease of 20 dB with an empty
    band above.

    Half the sample rate where there is no such edge, or where the clip is silent or shorter than 256 samples.
    """
    nyquist = sample_rate / 2
    if len(x) < 256 or not np.any(x):
        return nyquist
    power = db(_mean_spectrum(x))
    n = len(power)
    # Limited to 140 dB below the maximum: power below the rounding of 24 bits is empty and has no meaning.
    power = np.maximum(power, power.max() - 140)
    gap, width = max(n // 50, 2), max(n // 12, 4)
    # The maximum of all bins above each bin: a single line there means that the band is not empty.
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
    """What a person should check, as {flag: sentence}; empty for a clip of good quality."""
    q, found = quality, {}
    if q.peak == 0 or q.level_dbfs < SILENT_DBFS:
        return {"silent": "silent: nothing above the last bit; leave out the clip, or record with more gain"}
    if q.silent_share > 0.5:
        found["mostly_silent"] = f"{q.silent_share:.0%} is digital silence; cut it to the part with sound"
    if q.clipped_share > 0.001:
        found["clipped"] = (
            f"clipped: {q.clipped_share:.1%} of the samples are in flat peaks; record with less gain"
        )
    if abs(q.dc) > 0.01:
        found["offset"] = f"offset of {q.dc:+.3f} of full scale; finback subtracts it before analysis"
    if q.dropouts:
        found["dropouts"] = (
            f"{q.dropouts} gap{'s' if q.dropouts > 1 else ''} of exact zeros: the recorder lost data"
        )
    if q.bandwidth_hz < 0.4 * q.sample_rate:
        found["narrow_band"] = (
            f"no energy above {q.bandwidth_hz:,.0f} Hz although the sample rate allows "
            f"{q.sample_rate / 2:,.0f} Hz: resampled upwards, compressed or filtered; a model could use "
            "the missing frequency band to identify the species"
        )
    if q.level_dbfs < -60:
        found["quiet"] = f"very quiet ({q.level_dbfs:.0f} dB re full scale): few bits carry the sound"
    return found
