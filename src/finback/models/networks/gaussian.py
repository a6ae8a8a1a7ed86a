"""`gaussian`: a Gaussian over principal components for each species, fitted in closed form.

Good for: a quick test; `stationary-gaussian` is the stronger baseline. A log-mel is a point in the space
of the principal components of all species, each species is a Gaussian in this space, and the residual is
noise that is white in time. Twenty clips are too few to estimate a covariance of 64 components, so the
covariance of each species is shrunk towards the one within all species.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from finback.features.spec import FeatureSpec
from finback.models.networks.generator import Generator

SMALLEST = 1e-6  # smallest variance of a direction, for data with a deviation near 1


class SpeciesGaussians(nn.Module):
    """A Gaussian for each class over points of D numbers; before `fit`, all are standard normal.

    The covariance of a class with n points is (n S + m S_0) / (n + m): S is the covariance of the class, S_0
    the pooled covariance within classes, and m = `shrinkage` the number of points that S_0 has the weight of
    (regularised discriminant analysis, Friedman 1989, eq. 18). A class without points has the mean and
    covariance of all points.
    """

    centres: Tensor
    factors: Tensor

    def __init__(self, n_classes: int, n_features: int, shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        self.register_buffer("centres", torch.zeros(n_classes, n_features))  # (K, D)
        self.register_buffer("factors", torch.eye(n_features).repeat(n_classes, 1, 1))  # (K, D, D) lower

    @torch.no_grad()
    def fit(self, points: Tensor, labels: Tensor, known: Tensor | None = None) -> None:
        """From points (N, D) and class ids (N,); `known` (N, D) variances of uncertain points."""
        x = points.double().cpu()
        spread = torch.zeros_like(x) if known is None else known.double().cpu()
        labels = labels.cpu()
        sums: dict[int, tuple[int, Tensor]] = {}
        for k in range(len(self.centres)):
            own = x[labels == k]
            if len(own):
                away = own - own.mean(dim=0)
                sums[k] = len(own), away.T @ away + spread[labels == k].sum(dim=0).diag()
        pooled = sum((s for _, s in sums.values()), torch.zeros(x.shape[1], x.shape[1]).double()) / len(x)
        away = x - x.mean(dim=0)
        everyone = (away.T @ away + spread.sum(dim=0).diag()) / len(x)
        for k in range(len(self.centres)):
            if k in sums:
                n, own_sum = sums[k]
                self.centres[k] = x[labels == k].mean(dim=0)
                covariance = (own_sum + self.shrinkage * pooled) / (n + self.shrinkage)
            else:
                self.centres[k], covariance = x.mean(dim=0), everyone
            self.factors[k] = torch.linalg.cholesky(covariance + SMALLEST * torch.eye(x.shape[1]).double())

    def draw(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Standard normal (B, D) and class ids (B,) -> points (B, D)."""
        return self.centres[labels] + torch.einsum("bij,bj->bi", self.factors[labels], noise)

    def log_prob(self, points: Tensor) -> Tensor:
        """(B, D) -> log density under each class (B, K), in nats."""
        away = (points[:, None] - self.centres).transpose(0, 1).transpose(1, 2)  # (K, D, B)
        solved = torch.linalg.solve_triangular(self.factors, away, upper=False)
        volume = self.factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)  # (K,)
        constant = 0.5 * points.shape[1] * torch.log(torch.tensor(2 * torch.pi))
        return (-0.5 * solved.square().sum(dim=1) - volume[:, None] - constant).T


def principal(x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Rows (N, P) -> their mean (P,) and their first n principal directions (n, P), orthonormal.

    Computed by randomised subspace iteration (Halko et al. 2011, algorithm 4.4), always from the same start.
    With N <= n rows there are only N - 1 directions; the others are zero.
    """
    mean = x.mean(dim=0)
    n_directions = min(n, len(x) - 1, x.shape[1])
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        q = min(n_directions + 16, *x.shape)
        _, _, directions = torch.svd_lowrank(x - mean, q=q, niter=4)
    basis = x.new_zeros(n, x.shape[1])
    basis[:n_directions] = directions[:, :n_directions].T
    return mean, basis


class Gaussian(Generator):
    """Principal components of the log-mels, a shrunk Gaussian over them for each species, white residual."""

    mean: Tensor
    basis: Tensor
    residual: Tensor

    def __init__(
        self, spec: FeatureSpec, n_classes: int, n_components: int = 64, shrinkage: float = 20.0
    ) -> None:
        n_values = spec.n_mels * spec.n_frames
        super().__init__(spec, n_classes, noise_shape=(n_components + n_values,))
        self.n_components = n_components
        self.gaussians = SpeciesGaussians(n_classes, n_components, shrinkage)
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("basis", torch.zeros(n_components, n_values))
        self.register_buffer("residual", torch.zeros(spec.n_mels))  # deviation per band, units of `scale`

    @property
    def n_parameters(self) -> int:
        """Number of fitted values. They are buffers, because no gradient changes them."""
        return sum(buffer.numel() for buffer in self.buffers())

    @torch.no_grad()
    def fit(self, x: Tensor, labels: Tensor, frames: Tensor | None = None) -> None:
        """From training log-mels (N, 1, M, F) in dB and their class ids (N,); `scale` must be fitted.

        `frames` (N,), the number of frames that are not padding, is not used: a point has all values.
        """
        units = self.scale.to_units(x).flatten(1)  # (N, M F)
        mean, basis = principal(units, self.n_components)
        self.mean.copy_(mean)
        self.basis.copy_(basis)
        places = (units - mean) @ basis.T  # (N, C)
        self.gaussians.fit(places, labels)
        left = torch.unflatten(units - mean - places @ basis, 1, (self.spec.n_mels, self.spec.n_frames))
        self.residual.copy_(left.square().mean(dim=(0, 2)).sqrt())

    def decode(self, noise: Tensor, labels: Tensor) -> Tensor:
        """(B, C + M F) standard normal, (B,) class ids -> (B, 1, M, F) in the units of `scale`."""
        places = self.gaussians.draw(noise[:, : self.n_components], labels)  # (B, C)
        white = torch.unflatten(noise[:, self.n_components :], 1, (1, self.spec.n_mels, self.spec.n_frames))
        shape = (1, self.spec.n_mels, self.spec.n_frames)
        expected = torch.unflatten(self.mean + places @ self.basis, 1, shape)
        return expected + white * self.residual[:, None]
