"""The phase vocoder: changes the duration of a sound and keeps its pitch.

Source: Laroche & Dolson 1999, "Improved phase vocoder time-scale modification of audio", IEEE Trans. Speech
Audio Process. 7(3), with the identity phase locking of their section III-C: the phase of
each spectral peak continues from frame to frame, and the bins around a peak keep their phases relative to it.
Without phase locking, sweeps are blurred and noise loses 3 dB; with it, noise loses 1 dB.

The hop between output frames is that of the input frames; the times at which the input is read change. So the
phase that is added from frame to frame is the phase difference of two input spectra. It is computed as a
product of unit phasors, without angles or unwrapping.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from finback.training.augment.fft import fast_length, irfft, rfft

FRAMES = 32  # in a clip: 93 ms of 3 s, about a frame of the spectrogram
OVERLAP = 4  # frames over each sample
TINY = 1e-30


def stretch(wave: Tensor, factor: float) -> Tensor:
    """(T,) -> (`fast_length(T * factor)`,): the same pitches, `factor` times as long."""
    n, length = len(wave), fast_length(len(wave) * factor)
    frame = 2 ** max(4, round(np.log2(n / FRAMES)))
    hop = frame // OVERLAP
    window = torch.hann_window(frame, dtype=wave.dtype, device=wave.device)
    n_in, n_out = 1 + -(-n // hop), 1 + -(-length // hop)
    padded = nn.functional.pad(wave, (frame // 2, (n_in - 1) * hop + frame - frame // 2 - n))
    spectra = rfft(padded.unfold(0, frame, hop) * window, frame)  # (n_in, bins)
    spectra = nn.functional.pad(spectra, (0, 0, 0, 2))  # silence after the end
    place = torch.arange(n_out, device=wave.device, dtype=torch.float64).div_(factor).clamp_max_(n_in)
    frames = irfft(_spectra_at(spectra, place), frame) * window  # (n_out, frame)
    return _overlap_add(frames, window, hop)[:length]


def _spectra_at(spectra: Tensor, place: Tensor) -> Tensor:
    """Spectra (F + 2, bins) at fractional frames (G,) -> (G, bins).

    Magnitudes are interpolated; phases continue from each output frame to the next.
    """
    before = place.floor().long()
    share = (place - before).float()[:, None]
    # Not abs(): its guard against overflow costs more than the FFT.
    magnitude = torch.view_as_real(spectra).square().sum(dim=-1).sqrt()
    unit = torch.where(magnitude > TINY, spectra / magnitude.clamp_min(TINY), 1.0)  # phasors of the input
    advance = (unit[1:] * unit[:-1].conj())[before]  # (G, bins), from each frame to the next
    unit, peak = unit[before], _nearest_peak(magnitude)[before]
    out = torch.empty_like(unit)
    out[0] = unit[0]
    for k in range(1, len(place)):
        turned = out[k - 1] * advance[k - 1] * unit[k].conj()  # rotation of each bin
        torch.mul(unit[k], turned[peak[k]], out=out[k])
    return out.mul_(torch.lerp(magnitude[before], magnitude[before + 1], share))


def _nearest_peak(magnitude: Tensor) -> Tensor:
    """(F, bins) -> (F, bins), the nearest bin that is louder than two bins below and above it."""
    n = magnitude.shape[1]
    padded = nn.functional.pad(magnitude, (2, 2))
    lower, higher = ((padded[:, i : i + n], padded[:, i + 1 : i + 1 + n]) for i in (0, 3))
    is_peak = (magnitude > torch.maximum(*lower)) & (magnitude >= torch.maximum(*higher))
    bins = torch.arange(n, device=magnitude.device)
    below = torch.where(is_peak, bins, -n).cummax(dim=1).values
    above = torch.where(is_peak, bins, 2 * n).flip(1).cummin(dim=1).values.flip(1)
    return torch.where(bins - below <= above - bins, below, above).clamp_(0, n - 1)


def _overlap_add(frames: Tensor, window: Tensor, hop: int) -> Tensor:
    """Windowed frames (G, N), a hop apart -> ((G - 1) * hop,), from the centre of the first frame."""
    n_frames, length = frames.shape
    parts = length // hop
    out, weight = frames.new_zeros(2, n_frames + parts - 1, hop)
    for k in range(parts):
        part = slice(k * hop, (k + 1) * hop)
        out[k : k + n_frames] += frames[:, part]
        weight[k : k + n_frames] += window[part] ** 2
    start = length // 2
    return (out / weight.clamp_min(1e-3)).flatten()[start : start + (n_frames - 1) * hop]
