"""The components of simulated calls: contours, tones, pulses, envelopes.

The functions do not depend on a species. Times are in seconds, frequencies in Hz, amplitudes are linear;
every random number comes from the generator that is passed. There is no aliasing: a partial is silent above
0.49 of the sample rate, as in a recorder with a good filter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Values = Sequence[float] | np.ndarray
# Upper limit of the frequencies after the anti-alias filter of a recorder, as a share of the sample rate.
TOP = 0.49


def n_samples(duration_s: float, sample_rate: int) -> int:
    """Number of samples of a duration, at least 16."""
    return max(16, round(duration_s * sample_rate))


def contour(points_hz: Values, n: int, shares: Values | None = None) -> NDArray[np.float64]:
    """Smooth curve (n,) in Hz through `points_hz`, evenly spaced or at the given shares (0 to 1) of the call.

    Monotone cubic interpolation (PCHIP), so that a contour never exceeds the measured frequencies.
    """
    at = np.linspace(0, 1, len(points_hz)) if shares is None else np.asarray(shares)
    return PchipInterpolator(at, np.asarray(points_hz, dtype=float))(np.linspace(0, 1, n))


def sweep(start_hz: float, stop_hz: float, n: int, bend: float = 1.0) -> NDArray[np.float64]:
    """Glide (n,) in Hz from start to stop; `bend` > 1 stays near the start for longer, < 1 leaves it
    quickly."""
    return start_hz + (stop_hz - start_hz) * np.linspace(0, 1, n) ** bend


def fall(start_hz: float, stop_hz: float, n: int) -> NDArray[np.float64]:
    """Glide (n,) in Hz, linear in the logarithm of frequency: the long descents of seals."""
    return start_hz * (stop_hz / start_hz) ** np.linspace(0, 1, n)


def tone(frequency_hz: np.ndarray, sample_rate: int, partials: Values = (1.0,)) -> NDArray[np.float64]:
    """Harmonic sound (n,) with a contour (n,) in Hz; `partials` are the amplitudes of harmonics 1, 2, 3
    ..."""
    phase = np.cumsum(frequency_hz) * (2 * np.pi / sample_rate)
    lowest, highest, top = frequency_hz.min(), frequency_hz.max(), TOP * sample_rate
    sound = np.zeros(len(frequency_hz))
    for k, amplitude in enumerate(partials, start=1):
        if k * lowest < top:
            # Quadratic phases (Schroeder 1970, IEEE Trans. Inf. Theory 16:85) keep the peaks low.
            partial = amplitude * np.sin(k * phase + np.pi * k * k / len(partials))
            sound += partial if k * highest < top else np.where(k * frequency_hz < top, partial, 0.0)
    return sound


def rise_and_fall(n: int, rise: float, decay: float) -> NDArray[np.float64]:
    """Envelope (n,) with raised-cosine ends; `rise` and `decay` are their shares of the duration."""
    envelope = np.ones(n)
    head, tail = min(n, round(rise * n)), min(n, round(decay * n))
    envelope[:head] = np.sin(np.pi / 2 * np.arange(head) / max(head, 1)) ** 2
    envelope[n - tail :] *= np.sin(np.pi / 2 * np.arange(tail - 1, -1, -1) / max(tail, 1)) ** 2
    return envelope


def wander(
    rng: np.random.Generator, n: int, sample_rate: int, rate_hz: float, depth: float
) -> NDArray[np.float64]:
    """Slow random factor (n,) around 1, which makes a call less regular. `depth` is its standard
    deviation."""
    knots = max(4, int(np.ceil(n / sample_rate * rate_hz)) + 2)
    values = 1 + depth * np.clip(rng.standard_normal(knots), -2, 2)
    return contour(values, n)


def burst(start_hz: float, stop_hz: float, duration_s: float, sample_rate: int) -> NDArray[np.float64]:
    """Tone burst or FM click (n,): a linear sweep with a Gaussian envelope, cut at 2.5 standard deviations.

    The phase is symmetric about the centre, so that clicks of a few samples keep their band.
    """
    n = max(4, round(duration_s * sample_rate))
    t = (np.arange(n) - (n - 1) / 2) / sample_rate
    slope = (stop_hz - start_hz) / duration_s
    phase = 2 * np.pi * ((start_hz + stop_hz) / 2 * t + slope * t**2 / 2)
    return np.sin(phase) * np.exp(-0.5 * (5 * t / duration_s) ** 2)


def ring(frequency_hz: float, decay_s: float, duration_s: float, sample_rate: int) -> NDArray[np.float64]:
    """Damped resonance (n,): a sinusoid that decreases to 1/e in `decay_s`, after a rise of one period."""
    t = np.arange(max(4, round(duration_s * sample_rate))) / sample_rate
    attack = np.minimum(1, t * frequency_hz)
    return attack * np.exp(-t / decay_s) * np.sin(2 * np.pi * frequency_hz * t)


def place(sound: np.ndarray, n: int, at: Values, gains: Values) -> NDArray[np.float64]:
    """n samples of silence with `sound` (m,) added at each position `at` (samples), with its gain."""
    line = np.zeros(n)
    for start, gain in zip(np.asarray(at).astype(int), gains, strict=True):
        stop = min(n, start + len(sound))
        if stop > start >= 0:
            line[start:stop] += gain * sound[: stop - start]
    return line


def finish(sound: np.ndarray) -> NDArray[np.float32]:
    """The sound (n,) with a peak of 1."""
    return (sound / np.abs(sound).max()).astype(np.float32)
