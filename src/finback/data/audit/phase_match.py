"""Whether two clips hold the same sound: do their phases agree, all over the spectrogram, at one delay?

    similarity = | mean over time-frequency cells of exp(i (phase of a - phase of b)) |

Every cell counts alike, whatever its level (the phase transform: Knapp & Carter 1976, "The generalized
correlation method for estimation of time delay", IEEE Trans. ASSP 24:320-327). So two hums of 60 Hz, two
clicks of one kind or two calls of one animal do not make two recordings alike: the noise between them
differs. A copy keeps its noise: at another gain or rate its similarity is near 1, and it falls with the
cells that added noise covers. Recordings of different sounds stay near 1 / sqrt(cells).
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

SIZE, STEP = 256, 128
SLACK = 160  # samples by which the landmarks may have missed the true delay
DELAY_SAMPLES = 1 << 14  # the delay is measured on the middle 2 s: it is the same all over
COMPARED_SAMPLES = 1 << 17
MIN_OVERLAP = 400  # samples, 50 ms at 8 kHz: too few cells to tell below


def overlap(n_a: int, n_b: int, lag: int) -> tuple[int, int]:
    """Samples of `a` (n_a,) that `b` (n_b,), `lag` samples into it, covers: first, past the end."""
    return max(lag, 0), min(n_a, lag + n_b)


def similarity(a: np.ndarray, b: np.ndarray, lag: int, top: float) -> tuple[float, float]:
    """(similarity 0 to 1, the same in standard deviations of chance), `b` beginning `lag` samples into `a`.

    `lag` may be off by `SLACK`. `top` is the part of the band that both hold, 0 to 1. Gives (0, 0) when they
    share too little.
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
    """Bins above the lowest hundredth (offset, rumble) and below the edge of what both clips hold."""
    return slice(max(n_bins // 100, 1), max(int(top * n_bins), 3))


def _delay(x: np.ndarray, y: np.ndarray, top: float) -> tuple[float, bool]:
    """Samples by which x is later than y, to a small part of a sample, and whether the peak stands out."""
    middle = slice(max(len(x) - DELAY_SAMPLES, 0) // 2, max(len(x) - DELAY_SAMPLES, 0) // 2 + DELAY_SAMPLES)
    x, y = x[middle], y[middle]
    n = next_fast_len(len(x) + SLACK, real=True)
    cross = rfft(x, n) * np.conj(rfft(y, n))
    band = _band(len(cross), top)
    phases = np.zeros(n + 1, dtype=np.complex64)  # twice the rate, so that a parabola fits the peak
    phases[band] = cross[band] / (np.abs(cross[band]) + 1e-20)
    curve = irfft(phases, 2 * n) * n / max(band.stop - band.start, 1)
    slack = min(2 * SLACK, n // 2)
    near = np.abs(np.concatenate([curve[-slack:], curve[: slack + 1]]))
    peak = int(np.clip(np.argmax(near), 1, len(near) - 2))
    left, top_value, right = near[peak - 1 : peak + 2]
    bend = left - 2 * top_value + right
    part = 0.5 * (left - right) / bend if bend < 0 else 0.0
    # The largest of 2 * SLACK chance values is about 3.5 standard deviations.
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
    # Frames overlap by half and the window widens each bin: about half of the cells are independent.
    return value, value * float(np.sqrt(cross.size / 2))
