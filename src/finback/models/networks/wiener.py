"""The best linear denoiser of each species, in closed form: where the denoising network starts.

A species is taken as a Gaussian that is stationary in time: independent at each temporal frequency, with a
covariance over bands. Then the expected clean spectrogram, given a noisy one, is a Wiener filter (Wiener
1949): along each principal axis of the covariance, a coefficient of variance v is multiplied by
`v / (v + sigma²)`. From noise level 3 up this filter was better than a network trained for 84 minutes, so the
network learns only what the filter cannot know: that sound is not Gaussian.

Temporal frequencies are pooled in groups whose width grows with frequency: a species of twenty clips has too
few values for a covariance of each. The mean over time is a frequency of its own, and has two covariances:
within a tape, for a denoiser that is told the tape, and over all tapes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from finback.models.networks.conditions import NO_TAPE, Conditions
from finback.models.networks.recordings import Recordings
from finback.models.networks.stationary import SHORTEST, changes_spectra

SMALLEST = 1e-5  # variance, in units of `Scale`
GROWTH = 1.7  # of the width of the groups of frequencies
TAPE_CLIPS = 1.0  # clips that the mean of the species has the weight of, in the mean of a tape


def frequency_groups(n_frames: int) -> list[tuple[int, int]]:
    """(first, after the last) temporal frequency of each group: 0, 1, 2, 3-4, 5-7, 8-12 ... F / 2."""
    edges, last = [0, 1], n_frames // 2 + 1
    while edges[-1] < last:
        edges.append(min(last, max(edges[-1] + 1, int(GROWTH * edges[-1]))))
    return list(pairwise(edges))


class WienerFilter(nn.Module):
    """Means and principal axes of the log-mels of each species, in units of `Scale`."""

    means: Tensor
    axes: Tensor
    variances: Tensor

    def __init__(self, n_classes: int, n_mels: int, n_frames: int, shrinkage: float) -> None:
        """`shrinkage`: the number of windows that the covariance of all species has the weight of."""
        super().__init__()
        self.n_classes, self.n_frames, self.shrinkage = n_classes, n_frames, shrinkage
        self.groups = frequency_groups(n_frames)
        n_groups = len(self.groups) + 1  # the last one: the mean over time, within a tape
        self.register_buffer("means", torch.zeros(n_classes + 1, n_mels))
        self.register_buffer("axes", torch.eye(n_mels).repeat(n_classes + 1, n_groups, 1, 1))
        self.register_buffer("variances", torch.ones(n_classes + 1, n_groups, n_mels))

    @torch.no_grad()
    def fit(self, units: Tensor, labels: Tensor, frames: Tensor, weights: Tensor, tapes: Tensor) -> Tensor:
        """From windows (N, M, F) in units, with their class ids, true frames, weights and tapes (N,).

        Returns the mean spectra (T, M) of the tapes.
        """
        units, weights = units.double(), weights.double()
        inside = (torch.arange(self.n_frames) < frames[:, None]).double()[:, None]  # (N, 1, F)
        means = (units * inside).sum(dim=2) / inside.sum(dim=2)  # (N, M)
        spectra = changes_spectra((units - means[:, :, None]) * inside, frames)  # (N, F / 2, M)
        long_enough = torch.where(frames >= SHORTEST, frames / self.n_frames, 0.0).double() * weights
        of_all = _average(means, weights)
        self.means[-1] = of_all
        by_tape = torch.stack([of_all] * (int(tapes.max()) + 1))
        n_classes, n_mels, n_groups = self.n_classes, units.shape[1], len(self.groups) + 1
        sums = torch.zeros(n_classes, n_groups, n_mels, n_mels, dtype=torch.float64)
        counts = torch.zeros(n_classes, n_groups, dtype=torch.float64)
        for k in range(n_classes):
            own = (labels == k).nonzero().flatten()
            if not len(own):
                self.means[k] = of_all
                continue
            mean = _shrunk(means[own], weights[own], of_all)
            self.means[k] = mean
            within = means[own] - mean
            for tape in tapes[own].unique():
                rows = own[tapes[own] == tape]
                by_tape[tape] = _shrunk(means[rows], weights[rows], mean)
                within[tapes[own] == tape] = means[rows] - by_tape[tape]
            for group, change in ((0, means[own] - mean), (n_groups - 1, within)):
                sums[k, group] = self.n_frames * _products(change[:, None], weights[own])
                counts[k, group] = weights[own].sum()
            for group, (first, end) in enumerate(self.groups[1:], start=1):
                sums[k, group] = _products(spectra[own, first - 1 : end - 1], long_enough[own])
                counts[k, group] = long_enough[own].sum() * (end - first)
        self._decompose(sums, counts)
        return by_tape.float()

    def _decompose(self, sums: Tensor, counts: Tensor) -> None:
        """Shrink the covariances (K, G, M, M) towards that of all species, and keep their axes."""
        pooled = sums.sum(dim=0) / counts.sum(dim=0).clamp_min(1e-9)[:, None, None]  # (G, M, M)
        widths = torch.tensor([end - first for first, end in self.groups] + [1], dtype=torch.float64)
        prior = (self.shrinkage * widths).clamp_min(1e-3)[None, :, None, None]
        covariances = (sums + prior * pooled) / (counts[:, :, None, None] + prior)
        without = pooled.clone()  # the species is not known: its mean varies too
        between = (self.means[:-1] - self.means[-1]).double()
        without[0] += self.n_frames * between.T @ between / len(between)
        without[-1] = without[0]
        variances, axes = torch.linalg.eigh(torch.cat([covariances, without[None]]))
        self.variances.copy_(variances.clamp_min(SMALLEST))
        self.axes.copy_(axes)

    def forward(self, x: Tensor, sigma: Tensor, given: Conditions, recordings: Recordings) -> Tensor:
        """(B, 1, M, F) noisy, (B,) noise levels -> (B, 1, M, F), the expected clean spectrograms."""
        means = recordings.means_or(self.means[given.labels], given.tapes)[:, None, :, None]
        return means + self.filtered(x - means, sigma, given)

    def filtered(self, x: Tensor, sigma: Tensor, given: Conditions) -> Tensor:
        """(B, 1, M, F) around its mean -> the filter applied: each axis times `v / (v + sigma²)`.

        The covariance of the clean spectrogram, given a noisy one, is `sigma²` times this operator.
        """
        spectrum = torch.fft.rfft(x[:, 0], dim=2, norm="ortho")  # (B, M, F / 2 + 1)
        square, parts = sigma[:, None, None] ** 2, []
        for rows, (first, end) in self._rows(given):
            axes = self.axes[given.labels, rows]  # (B, M, M)
            v = self.variances[given.labels, rows][:, :, None]
            part = torch.view_as_real(spectrum[:, :, first:end]).flatten(2)  # (B, M, 2 n)
            part = axes @ (v / (v + square) * (axes.transpose(1, 2) @ part))
            parts.append(torch.view_as_complex(part.unflatten(2, (-1, 2)).contiguous()))
        return torch.fft.irfft(torch.cat(parts, dim=2), n=self.n_frames, dim=2, norm="ortho")[:, None]

    def uncertainty(self, sigma: Tensor, given: Conditions) -> Tensor:
        """(B,) mean variance of a value of the clean spectrogram, given a noisy one."""
        total = torch.zeros_like(sigma)
        for rows, (first, end) in self._rows(given):
            v = self.variances[given.labels, rows]
            n = sum(1 if 2 * k in (0, self.n_frames) else 2 for k in range(first, end))  # with negative ones
            total = total + n * (v * sigma[:, None] ** 2 / (v + sigma[:, None] ** 2)).mean(dim=1)
        return total / self.n_frames

    def _rows(self, given: Conditions) -> list[tuple[Tensor, tuple[int, int]]]:
        """For each group of frequencies, which covariance (B,) to take, and the frequencies."""
        within = torch.where(given.tapes == NO_TAPE, 0, len(self.groups))
        rest = [(torch.full_like(within, g), self.groups[g]) for g in range(1, len(self.groups))]
        return [(within, self.groups[0]), *rest]


def _average(x: Tensor, weights: Tensor) -> Tensor:
    return (x * weights[:, None]).sum(dim=0) / weights.sum()


def _shrunk(x: Tensor, weights: Tensor, towards: Tensor) -> Tensor:
    """(n, M) -> (M,): the mean, as if `towards` had been seen too."""
    n = weights.sum()
    return (n * _average(x, weights) + TAPE_CLIPS * towards) / (n + TAPE_CLIPS)


def _products(x: Tensor, weights: Tensor) -> Tensor:
    """(n, f, M) real or complex, (n,) -> (M, M), the real part of the weighted sum of outer products."""
    flat = (x * weights.sqrt()[:, None, None]).flatten(0, 1)
    parts = torch.view_as_real(flat) if flat.is_complex() else flat[..., None]
    return sum((part.T @ part for part in parts.unbind(dim=-1)), torch.zeros(1, dtype=torch.float64))
