"""Front ends as graphs: from waves of the length of one window to the input of a network.

The results are those of `finback.features`; settings and weights are taken from its classes. The computation
differs for two reasons: a graph cannot write into slices, and the Fourier transform of onnxruntime is slower
than matrix products. So the transform of N samples is written as matrix products (Cooley & Tukey
1965) with N = A x B, n = B n1 + n2 and k = k1 + A k2:

    X[k1 + A k2] = sum_n2 w(n2 k2 / B) w(n2 k1 / N) sum_n1 x[B n1 + n2] w(n1 k1 / A),  w(r) = exp(-2 pi i r)

For real x the other half of the bins mirrors the first: k1 need only go to A / 2.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor, nn

from finback.features.logmel import LogMel
from finback.features.mfcc import N_COEFFICIENTS
from finback.features.pcen import pcen
from finback.features.scales import AMIN, with_floor
from finback.features.spec import FeatureSpec


class MelPower(nn.Module):
    """(B, T) waves of `spec.clip_samples` -> (B, M, F) power per band, as `LogMel.mel_power`."""

    window: Tensor
    first: Tensor
    turn: Tensor
    second: Tensor
    bands: Tensor

    def __init__(self, logmel: LogMel) -> None:
        super().__init__()
        spec = logmel.spec
        self.spec = spec
        self.a, self.b = factors(spec.n_fft)
        self.kept = self.a // 2 + 1  # k1
        n1, n2 = torch.arange(self.a).double(), torch.arange(self.b).double()
        k1 = torch.arange(self.kept).double()
        stage = torch.outer(k1, n1) * (-2 * math.pi / self.a)
        turn = torch.outer(k1, n2) * (-2 * math.pi / spec.n_fft)
        last = torch.outer(n2, n2) * (-2 * math.pi / self.b)  # n2 to k2
        second = torch.cat(
            [torch.cat([last.cos(), last.sin()], dim=1), torch.cat([-last.sin(), last.cos()], dim=1)]
        )
        bands = _bands(logmel.weights.double().numpy(), self.a, self.b, self.kept)
        constants = {
            "window": logmel.window,  # (N,)
            "first": torch.cat([stage.cos(), stage.sin()]),  # (2 K1, A): real parts, then imaginary ones
            "turn": torch.stack([turn.cos(), turn.sin()]),  # (2, K1, B)
            "second": second,  # (2 B, 2 B)
            "bands": torch.from_numpy(bands),  # (K1 x 2 B, M)
        }
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        n_fft, hop, n_frames = self.spec.n_fft, self.spec.hop, self.spec.n_frames
        left, needed = n_fft // 2, (n_frames - 1) * hop + n_fft
        used = min(self.spec.clip_samples, needed - left)
        x = nn.functional.pad(waves[:, :used], (left, needed - left - used))  # (B, needed)
        frames = framed(x, n_fft, hop, n_frames) * self.window  # (B, F, N)
        z = self.first @ torch.unflatten(frames, 2, (self.a, self.b))  # (B, F, 2 K1, B)
        real, imaginary = z[:, :, : self.kept], z[:, :, self.kept :]
        turned = [
            real * self.turn[0] - imaginary * self.turn[1],
            real * self.turn[1] + imaginary * self.turn[0],
        ]
        spectrum = torch.cat(turned, dim=3) @ self.second  # (B, F, K1, 2 B)
        return (spectrum.square().flatten(2) @ self.bands).transpose(1, 2)  # (B, M, F)


def framed(x: Tensor, n_fft: int, hop: int, n_frames: int) -> Tensor:
    """(B, (F - 1) hop + N) -> (B, F, N); by slices where a frame is whole hops: an index has its own size."""
    if n_fft % hop:
        return x.unfold(1, n_fft, hop)
    blocks = torch.unflatten(x, 1, (-1, hop))  # (B, F + N / hop - 1, hop)
    return torch.cat([blocks[:, i : i + n_frames] for i in range(n_fft // hop)], dim=2)


def factors(n: int) -> tuple[int, int]:
    """A >= B with A x B = n, as close to each other as possible."""
    b = max(i for i in range(1, math.isqrt(n) + 1) if n % i == 0)
    return n // b, b


def _bands(bank: np.ndarray, a: int, b: int, kept: int) -> np.ndarray:
    """The filterbank (M, n_bins) for spectra laid out by (k1, real and imaginary, k2): (K1 x 2 B, M).

    If a bin occurs twice, as itself and as its mirror image, the weight of the mirror image is 0.
    """
    n = a * b
    bands = np.zeros((kept, 2, b, len(bank)))
    seen = set()
    for k in range(n):
        k1, k2 = k % a, k // a
        if k1 < kept and min(k, n - k) not in seen:
            seen.add(min(k, n - k))
            bands[k1, :, k2] = bank[:, min(k, n - k)]
    return bands.reshape(-1, len(bank))


class LogMelGraph(nn.Module):
    """(B, T) -> (B, 1, M, F), as `LogMel` without a background."""

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        self.spec = spec
        self.power = MelPower(LogMel(spec))

    def forward(self, waves: Tensor) -> Tensor:
        return scaled(self.power(waves), self.spec)[:, None]


def scaled(mel: Tensor, spec: FeatureSpec) -> Tensor:
    """Power (B, M, F) -> dB, power with the floor of the spec, or PCEN, by the scale of the spec."""
    if spec.scale == "pcen":
        return pcen(mel, spec.sample_rate / spec.hop)
    if spec.scale == "power":
        return with_floor(mel, spec.top_db)
    db = 10.0 * torch.log10(mel.clamp_min(AMIN))
    if spec.top_db is not None:
        db = torch.maximum(db, db.amax(dim=(1, 2), keepdim=True) - spec.top_db)
    return db


class MfccGraph(nn.Module):
    """(B, T) -> (B, 4 C), as `mfcc_statistics` of the log-mel."""

    rows: Tensor

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        self.logmel = LogMelGraph(spec.in_db)
        rows = dct(np.eye(spec.n_mels), axis=0, type=2, norm="ortho")[:N_COEFFICIENTS]  # (C, M)
        self.register_buffer("rows", torch.from_numpy(rows).float(), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        values = self.rows @ self.logmel(waves)[:, 0]  # (B, C, F)
        change = values[..., 1:] - values[..., :-1]
        parts = [part for v in (values, change) for part in (v.mean(-1), v.std(-1, correction=0))]
        return torch.cat(parts, dim=-1)


class WaveGraph(nn.Module):
    """(B, T) -> (B, T)."""

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()

    def forward(self, waves: Tensor) -> Tensor:
        return waves


GRAPHS: dict[str, type[nn.Module]] = {"logmel": LogMelGraph, "wave": WaveGraph, "mfcc": MfccGraph}
