"""Whether two clips have the same sound: do their phases agree over the whole spectrogram, at one delay?

    similarity = | mean over time-frequency cells of exp(i (phase of a - phase of b)) |

Every cell has the same weight, whatever its level (the phase transform: Knapp & Carter 1976, "The generalized
correlation method for estimation of time delay", IEEE Trans. ASSP 24:320-327). So two hums of 60 Hz, two
clicks of one kind or two calls of one animal do not make two recordings similar, because the noise between
the calls differs. A copy has the same noise: its similarity is near 1 at any gain or rate, and lower if noise
was added, because noise changes the phases of the cells that it covers. The similarity of unrelated
recordings is near 1 / sqrt(number of cells).
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

SIZE, STEP = 256, 128
SLACK = 160  # largest error of the lag from the landmarks, in samples
DELAY_SAMPLES = 1 << 14  # the delay is constant, so the middle 2 s are enough to measure it
COMPARED_SAMPLES = 1 << 17
MIN_OVERLAP = 400  # samples, 50 ms at 8 kHz: a shorter overlap has too few cells


def overlap(n_a: int, n_b: int, lag: int) -> tuple[int, int]:
    """Start and stop sample in `a` (n_a,) of the part that `b` (n_b,) covers; `b` begins at sample `lag` of
    `a`."""
    return max(lag, 0), min(n_a, lag + n_b)


def similarity(a: np.ndarray, b: np.ndarray, lag: int, top: float) -> tuple[float, float]:
    """Similarity (0 to 1) of samples `a` (n,) and `b` (m,), and the same in standard deviations of chance.

    `b` begins at sample `lag` of `a`, with an error of at most `SLACK`. `top` is the part of the frequency
    band that both have, 0 to 1. The result is (0, 0) when the overlap is too short or no delay stands out.
    """
    first, stop = overlap(len(a), len(b), lag)
    stop = min(stop, first + COMPARED_SAMPLES)
    if stop - first < MIN_OVERLAP:
        return 0.0, 0.0
    x = np.asarray(a[first:stop], dtype=np.float32)
    y = np.asarray(b[first - lag : stop - lag], dtype=np.float32)
    delay, clear = _delay(x, y, top)
    if not clear:
        return 0.0, 0.0
    return _agreement(x, _delayed(y, delay), top)


def _band(n_bins: int, top: float) -> slice:
    """Bins without the lowest hundredth (offset, rumble) and without the band that one of the clips does not
    have."""
    return slice(max(n_bins // 100, 1), max(int(top * n_bins), 3))


def _delay(x: np.ndarray, y: np.ndarray, top: float) -> tuple[float, bool]:
    """Delay of x (n,) relative to y (n,) in samples, with a fraction, and whether the peak of the correlation
    stands out."""
    middle = slice(max(len(x) - DELAY_SAMPLES, 0) // 2, max(len(x) - DELAY_SAMPLES, 0) // 2 + DELAY_SAMPLES)
    x, y = x[middle], y[middle]
    n = next_fast_len(len(x) + SLACK, real=True)
    cross = rfft(x, n) * np.conj(rfft(y, n))
    band = _band(len(cross), top)
    phases = np.zeros(n + 1, dtype=np.complex64)  # at twice the rate, so that a parabola fits the peak
    phases[band] = cross[band] / (np.abs(cross[band]) + 1e-20)
    curve = irfft(phases, 2 * n) * n / max(band.stop - band.start, 1)
    slack = min(2 * SLACK, n // 2)
    near = np.abs(np.concatenate([curve[-slack:], curve[: slack + 1]]))
    peak = int(np.clip(np.argmax(near), 1, len(near) - 2))
    left, top_value, right = near[peak - 1 : peak + 2]
    bend = left - 2 * top_value + right
    part = 0.5 * (left - right) / bend if bend < 0 else 0.0
    # The maximum of 2 * SLACK values of chance is about 3.5 standard deviations.
    return (peak - slack + part) / 2, bool(top_value * np.sqrt(band.stop - band.start) > 5)


def _delayed(y: np.ndarray, delay: float) -> np.ndarray:
    n = next_fast_len(len(y) + SLACK, real=True)
    spectrum = rfft(y, n) * np.exp(-2j * np.pi * np.arange(n // 2 + 1) * delay / n)
    return irfft(spectrum, n)[: len(y)]


def _agreement(x: np.ndarray, y: np.ndarray, top: float) -> tuple[float, float]:
    window = np.hanning(SIZE).astype(np.float32)
    cells = [rfft(np.lib.stride_tricks.sliding_window_view(z, SIZE)[::STEP] * window, axis=1) for z in (x, y)]
    band = _band(SIZE // 2 + 1, top)
    cross = cells[0][:, band] * np.conj(cells[1][:, band])
    value = float(np.abs(np.mean(cross / (np.abs(cross) + 1e-20))))
    # Frames overlap by one half and the window widens each bin, so about half of the cells are independent.
    return value, value * float(np.sqrt(cross.size / 2))
