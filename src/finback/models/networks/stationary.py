"""`stationary-gaussian`: each species is a Gaussian that is stationary in time, fitted in closed form.

Good for: the baseline that a trained generator must beat. The samples have the mean spectrum of the species,
the variance of each band, the correlations between bands and their speed of change. They have no calls: a
Gaussian process that is stationary has no beginning, no end and no contour. A generator whose samples are no
better than these has learned the colour of the tapes.

A log-mel is the sum of two independent parts. The first is the mean over time of each band, a Gaussian over
M numbers. The second is the change over time. Its discrete Fourier transform has, at each temporal frequency
k = 1 .. F/2, a complex Gaussian over the M bands with mean 0 and a covariance of its own; the transforms at
two frequencies are independent, which is what stationary means (Brillinger 1981, Time Series, theorem 4.4.1).
A sample is a complex normal draw for each frequency and an inverse FFT.

Edges: the change over time is tapered by a Hann window before its transform, so that the jump from the end
of a clip to its beginning adds no power at other frequencies (Welch 1967). A sample is circular: its end
continues in its beginning, as in every draw by FFT. Of a clip that is shorter than the window only its own
frames are used, padded with zeros after the taper, and the clip has the weight of its length.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.features.spec import FeatureSpec
from finback.models.networks.gaussian import SMALLEST, SpeciesGaussians
from finback.models.networks.generator import Generator

SHORTEST = 8  # frames; a shorter clip counts for the mean spectrum only


class StationaryGaussian(Generator):
    """A Gaussian over the bands for the mean over time, and one for each temporal frequency."""

    factors: Tensor

    def __init__(self, spec: FeatureSpec, n_classes: int, shrinkage: float = 2.0) -> None:
        """`shrinkage`: the number of windows that the covariance of all species has the weight of.

        With 20, 5 and 2 windows the baseline became stronger (docs/decisions/0060).
        """
        super().__init__(spec, n_classes, noise_shape=(spec.n_mels, 1 + spec.n_frames))
        self.shrinkage = shrinkage
        self.gaussians = SpeciesGaussians(n_classes, spec.n_mels, shrinkage)
        # (K, F / 2, L, 2): lower triangles of Cholesky factors, row by row; real and imaginary parts
        n_values = spec.n_mels * (spec.n_mels + 1) // 2
        self.register_buffer("factors", torch.zeros(n_classes, spec.n_frames // 2, n_values, 2))

    @property
    def n_parameters(self) -> int:
        """Number of fitted values. They are buffers, because no gradient changes them."""
        return sum(buffer.numel() for buffer in self.buffers())

    @torch.no_grad()
    def fit(self, x: Tensor, labels: Tensor, frames: Tensor | None = None) -> None:
        """From training log-mels (N, 1, M, F) in dB and their class ids (N,); `scale` must be fitted.

        `frames` (N,) is the number of frames of each that are not padding; None: all.
        """
        n_frames = self.spec.n_frames
        units = self.scale.to_units(x)[:, 0].double().cpu()  # (N, M, F)
        labels = labels.cpu()
        lengths = torch.full((len(units),), n_frames) if frames is None else frames.cpu()
        inside = (torch.arange(n_frames) < lengths[:, None]).double()[:, None]  # (N, 1, F)
        means = (units * inside).sum(dim=2) / inside.sum(dim=2)  # (N, M)
        self.gaussians.fit(means, labels)
        weights = torch.where(lengths >= SHORTEST, lengths / n_frames, 0.0).double()  # (N,)
        spectra = changes_spectra((units - means[:, :, None]) * inside, lengths)
        sums = torch.stack(
            [_covariance_sum(spectra[labels == k], weights[labels == k]) for k in range(self.n_classes)]
        )  # (K, F / 2, M, M)
        n = torch.stack([weights[labels == k].sum() for k in range(self.n_classes)])  # (K,) windows
        pooled = sums.sum(dim=0) / n.sum().clamp_min(SMALLEST)
        rows, columns = torch.tril_indices(self.spec.n_mels, self.spec.n_mels)
        for k in range(self.n_classes):
            m = self.shrinkage if n[k] else 1.0  # a species without windows is like all
            covariance = (sums[k] + m * pooled) / (n[k] + m).clamp_min(SMALLEST)
            factor = torch.linalg.cholesky(covariance + SMALLEST * torch.eye(self.spec.n_mels))
            self.factors[k] = torch.view_as_real(factor[:, rows, columns])

    def decode(self, noise: Tensor, labels: Tensor) -> Tensor:
        """(B, M, 1 + F) standard normal, (B,) class ids -> (B, 1, M, F) in the units of `scale`."""
        n_mels, n_frames = self.spec.n_mels, self.spec.n_frames
        means = self.gaussians.draw(noise[:, :, 0], labels)  # (B, M)
        # The transform of white noise is complex normal, independent between frequencies, of variance F.
        white = torch.fft.rfft(noise[:, :, 1:], dim=2)[:, :, 1 : n_frames // 2 + 1]  # (B, M, F / 2)
        rows, columns = torch.tril_indices(n_mels, n_mels)
        factors = white.new_zeros(len(labels), n_frames // 2, n_mels, n_mels)
        factors[:, :, rows, columns] = torch.view_as_complex(self.factors[labels])
        drawn = torch.einsum("bkij,bjk->bik", factors, white)
        spectrum = torch.cat([torch.zeros_like(drawn[:, :, :1]), drawn], dim=2)  # no change at frequency 0
        changes = torch.fft.irfft(spectrum, n=n_frames, dim=2)
        return (means[:, :, None] + changes)[:, None]


def changes_spectra(changes: Tensor, lengths: Tensor) -> Tensor:
    """(N, M, F) changes over time, 0 after each length -> (N, F / 2, M) complex, frequencies 1 to F / 2.

    The mean square of the change is kept: the power at each frequency is divided by that of the taper,
    and the power that the taper moved to frequency 0 is shared by the others.
    """
    n_frames = changes.shape[2]
    place = torch.arange(n_frames) + 0.5
    taper = torch.sin(torch.pi * place / lengths[:, None]).square().double()[:, None]  # (N, 1, F), Hann
    transform = torch.fft.rfft(changes * taper, dim=2)[:, :, 1 : n_frames // 2 + 1]
    double = torch.full((n_frames // 2,), 2.0).double()  # a frequency and its negative
    if n_frames % 2 == 0:
        double[-1] = 1.0
    power = (transform.abs().square() * double).sum(dim=(1, 2)) / n_frames**2
    wanted = changes.square().sum(dim=(1, 2)) / lengths
    scale = (wanted / power.clamp_min(1e-12)).sqrt()
    return (transform * scale[:, None, None]).transpose(1, 2) / n_frames**0.5


def _covariance_sum(spectra: Tensor, weights: Tensor) -> Tensor:
    """(n, F / 2, M) complex, (n,) -> (F / 2, M, M) complex: the weighted sum of outer products."""
    return torch.einsum("n,nki,nkj->kij", weights.to(spectra.dtype), spectra, spectra.conj())
