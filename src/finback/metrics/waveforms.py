"""Distances between a real waveform and a waveform that was computed from its spectrogram.

Phase is not compared, because two waveforms that sound alike may differ in every sample. Each measure is one
value for each clip, from waveforms (N, T) of one sample rate or from their log-mels (N, M, F) in dB. Equal
waveforms have the value 0, except that their correlation is 1. Sound more than 80 dB below the maximum of the
real clip counts as silence, as in the default spectrogram: there a recording contains dither, which would
otherwise dominate the logarithmic distances. The same is true of power below -100 dB re full scale, the floor
of every log-mel: without that floor, windows without sound would decide the mean.

Only the band of the spectrogram is compared. Sound outside it is in no log-mel, so no vocoder can make it.

Noise is random, and a log-mel spectrogram does not determine its samples. Two realisations of the same noise
have a distance of 7.9 dB (root mean square over the bins); one realisation and its smooth spectrum have a
distance of 6.1 dB, or 5.6 dB if the smooth spectrum is 2.5 dB lower (the logarithm of an exponential variable
has a mean of -2.5 dB and a standard deviation of 5.6 dB).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

MEASURES = ("lsd_db", "mr_stft", "mel_l1_db", "mel_correlation", "envelope_db", "onset_error")
# What each measure compares, and its value for equal sounds.
MEANINGS = {
    "lsd_db": ("log-spectral distance, dB", 0),
    "mr_stft": ("spectra at three window lengths, relative", 0),
    "mel_l1_db": ("log-mels, mean difference in dB", 0),
    "mel_correlation": ("log-mels, correlation", 1),
    "envelope_db": ("level over time, mean difference in dB", 0),
    "onset_error": ("rises of the log-mels, relative", 0),
}
RANGE = 1e-8  # power: 80 dB
SILENT = 1e-10  # mean square of a waveform: -100 dB re full scale
# (n_fft, hop): short windows resolve clicks, long ones resolve pitch.
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
ENVELOPE = 256  # samples for each value of the envelope: 12 ms at 22,050 Hz


@dataclass(frozen=True)
class Transform:
    """The spectra that are compared: window and hop in samples, and the band."""

    n_fft: int
    hop: int
    sample_rate: int
    low_hz: float
    high_hz: float

    @property
    def band(self) -> tuple[float, float]:
        """The edges of the band as shares of the sample rate."""
        return self.low_hz / self.sample_rate, self.high_hz / self.sample_rate


WHOLE = (0.0, 0.5)  # band as shares of the sample rate: all that there is


def measures(
    real: np.ndarray, made: np.ndarray, real_db: np.ndarray, made_db: np.ndarray, transform: Transform
) -> dict[str, NDArray[np.float64]]:
    """All of `MEASURES`, (N,) each, of waveforms (N, T) and their log-mels (N, M, F) in dB."""
    n_fft, hop, band = transform.n_fft, transform.hop, transform.band
    real, made = within(real, band), within(made, band)
    values = (
        log_spectral_distance(real, made, n_fft, hop, band),
        multi_resolution(real, made, band),
        mel_l1(real_db, made_db),
        mel_correlation(real_db, made_db),
        envelope_error(real, made),
        onset_error(real_db, made_db),
    )
    return dict(zip(MEASURES, values, strict=True))


def within(waves: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """Waveforms (N, T) without the sound outside a band, whose edges are shares of the sample rate."""
    if band[0] <= 0 and band[1] >= WHOLE[1]:
        return waves
    spectra = scipy.fft.rfft(waves.astype(np.float64), axis=1)
    share = np.arange(spectra.shape[1]) / waves.shape[1]
    spectra[:, (share < band[0]) | (share > band[1])] = 0
    return np.asarray(scipy.fft.irfft(spectra, waves.shape[1], axis=1), dtype=waves.dtype)


def log_spectral_distance(
    real: np.ndarray, made: np.ndarray, n_fft: int, hop: int, band: tuple[float, float] = WHOLE
) -> NDArray[np.float64]:
    """Log-spectral distance (N,) in dB of waveforms (N, T): root mean square over bins, mean over frames.

    Source: Gray & Markel 1976, "Distance measures for speech processing", IEEE Trans. ASSP 24(5), p = 2.
    """
    rows = []
    for a, b in _powers(real, made, n_fft, hop, band):
        difference = 10 * (np.log10(a) - np.log10(b))  # (F, bins)
        rows.append(np.sqrt(np.mean(difference**2, axis=1)).mean())
    return np.array(rows)


def multi_resolution(
    real: np.ndarray, made: np.ndarray, band: tuple[float, float] = WHOLE
) -> NDArray[np.float64]:
    """Multi-resolution STFT distance (N,) of waveforms (N, T): spectral convergence plus mean absolute
    difference of log magnitudes, averaged over `RESOLUTIONS`.

    Source: Yamamoto, Song & Kim 2020, "Parallel WaveGAN", ICASSP, equations 4 to 6.
    """
    total = np.zeros(len(real))
    # A sound that is shorter than the shortest window is compared with that window.
    fitting = [pair for pair in RESOLUTIONS if pair[0] <= 2 * real.shape[1]] or [RESOLUTIONS[0]]
    for n_fft, hop in fitting:
        for i, (a, b) in enumerate(_powers(real, made, n_fft, hop, band)):
            x, y = np.sqrt(a), np.sqrt(b)
            total[i] += np.linalg.norm(x - y) / np.linalg.norm(x) + np.abs(np.log(x) - np.log(y)).mean()
    return total / len(fitting)


def mel_l1(real_db: np.ndarray, made_db: np.ndarray) -> NDArray[np.float64]:
    """Mean absolute difference (N,) in dB of log-mels (N, M, F) in dB."""
    return np.abs(real_db - made_db).mean(axis=(1, 2))


def mel_correlation(real_db: np.ndarray, made_db: np.ndarray) -> NDArray[np.float64]:
    """Pearson correlation (N,) of the values of log-mels (N, M, F) in dB; 0 where one of them is constant."""
    x, y = (v.reshape(len(v), -1).astype(np.float64) for v in (real_db, made_db))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    flat = norm < 1e-6 * x.shape[1]
    return np.where(flat, 0.0, (x * y).sum(axis=1) / np.where(flat, 1.0, norm))


def envelope_error(real: np.ndarray, made: np.ndarray) -> NDArray[np.float64]:
    """Mean absolute difference (N,) in dB of the levels of waveforms (N, T), in windows of `ENVELOPE`
    samples."""
    size = max(1, min(ENVELOPE, real.shape[1] // 16))
    n = real.shape[1] // size
    cut = (v[:, : n * size].astype(np.float64).reshape(-1, n, size) for v in (real, made))
    levels = [(v**2).mean(axis=2) for v in cut]
    floor = np.maximum(levels[0].max(axis=1, keepdims=True) * RANGE, SILENT)
    a, b = (10 * np.log10(np.maximum(level, floor)) for level in levels)
    return np.abs(a - b).mean(axis=1)


def onset_error(real_db: np.ndarray, made_db: np.ndarray) -> NDArray[np.float64]:
    """Difference of onset strength (N,) of log-mels (N, M, F) in dB, over its sum in both, 0 to 1.

    Onset strength is the increase of the log-mel from frame to frame, averaged over bands (spectral flux:
    Bello et al. 2005, "A tutorial on onset detection in music signals", IEEE Trans. SAP 13(5)).
    """
    a, b = (np.maximum(np.diff(v, axis=2), 0).mean(axis=1) for v in (real_db, made_db))  # (N, F - 1)
    both = (a + b).sum(axis=1)
    return np.where(both > 0, np.abs(a - b).sum(axis=1) / np.where(both > 0, both, 1.0), 0.0)


def _powers(
    real: np.ndarray, made: np.ndarray, n_fft: int, hop: int, band: tuple[float, float]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Power spectra (F, bins) of each pair of clips in a band; the floor is 80 dB below the maximum of the
    real clip."""
    if real.shape != made.shape:
        raise ValueError(f"waveforms of shapes {real.shape} and {made.shape} cannot be compared")
    share = np.arange(n_fft // 2 + 1) / n_fft
    used = (share >= band[0]) & (share <= band[1])
    used = used if used.any() else np.ones_like(used)  # a band between two bins
    silent = SILENT * n_fft * 3 / 8  # power of a bin of noise with this mean square, under a Hann window
    for x, y in zip(real, made, strict=True):
        a, b = _power(x, n_fft, hop)[:, used], _power(y, n_fft, hop)[:, used]
        floor = max(float(a.max()) * RANGE, silent)
        yield np.maximum(a, floor), np.maximum(b, floor)


def _power(wave: np.ndarray, n_fft: int, hop: int) -> NDArray[np.float32]:
    """Power spectrum (F, n_fft // 2 + 1) of a waveform (T,): centred frames, Hann window."""
    x = np.pad(wave.astype(np.float32), n_fft // 2)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, n_fft)[::hop] * window
    spectrum = scipy.fft.rfft(frames)
    return spectrum.real**2 + spectrum.imag**2
