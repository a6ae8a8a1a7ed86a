"""`vae`: a variational autoencoder of log-mel spectrograms, with a Gaussian of each species over its latents.

Good for: reconstructing, interpolating and sampling in a fraction of a second; training takes minutes. A
spectrogram is encoded as `latent` numbers, each with an uncertainty, and decoded to the expected spectrogram.
The result is smooth: no latent represents the fine structure of noise, so it is averaged away.

The model starts as probabilistic principal components (`start`; Tipping & Bishop 1999), which is the optimum
of a VAE with linear encoder and decoder (Lucas et al. 2019, arXiv 1911.02469). The components stay fixed;
light convolutions before and after them learn what the components do not represent (Kingma & Welling 2014,
arXiv 1312.6114).

After training the latents of real clips are not standard normal. So a Gaussian is fitted to the latents of
each species (`fit_gaussians`), and `decode` draws from it. The decoder can also be conditioned on the species
(`condition = "species"`; Sohn et al. 2015). It then gives clips of a species the recording conditions
of other species.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models.networks.gaussian import SpeciesGaussians, principal
from finback.models.networks.generator import Generator

STRIDE = 16  # spectrograms are padded to a multiple of this
CALM = 8.0  # log variances are kept within +-8: a deviation of 0.02 to 55
ACTIVE = 0.01  # a latent is in use if the variance of its mean over clips is above this (Burda et al. 2016)
BATCH = 64
FAINT = 0.01  # factor of the initial weights of the convolutions that add to the components


class VAE(Generator):
    """Encoder and decoder of two halvings behind a 4 x 4 stem, a fully connected bottleneck between them."""

    task = "vae"
    middle: Tensor
    basis: Tensor
    deviations: Tensor

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        latent: int = 64,
        width: int = 24,
        shrinkage: float = 20.0,
        condition: str = "none",
    ) -> None:
        if condition not in ("species", "none"):
            raise SettingsError(f"model.condition = '{condition}'", "take species or none")
        super().__init__(spec, n_classes, noise_shape=(latent,))
        self.grid = (-(-spec.n_mels // STRIDE), -(-spec.n_frames // STRIDE))
        widths = [width, 2 * width, 4 * width]
        n_flat = widths[-1] * self.grid[0] * self.grid[1]
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 7, stride=4, padding=3),  # (B, C, M / 4, F / 4)
            *(
                layer
                for a, b in pairwise(widths)
                for layer in (norm(a), nn.SiLU(), shrink(a, b), Residual(b))
            ),
            norm(widths[-1]),
            nn.SiLU(),  # (B, 4 C, M / 16, F / 16)
        )
        self.bottleneck = nn.Linear(n_flat, 2 * latent)
        self.species = nn.Linear(n_classes, latent, bias=False)  # weights of the species, most often one-hot
        nn.init.zeros_(self.species.weight)
        self.species.requires_grad_(condition == "species")
        self.widen = nn.Linear(2 * latent, n_flat)
        last = nn.Conv2d(width, 16, 3, padding=1)
        self.decoder = nn.Sequential(
            Residual(widths[-1]),
            *(
                layer
                for a, b in pairwise(widths[::-1])
                for layer in (nn.Upsample(scale_factor=2), *grow(a, b))
            ),
            norm(width),
            nn.SiLU(),
            last,
            nn.PixelShuffle(4),  # (B, 1, M, F)
        )
        self.gaussians = SpeciesGaussians(n_classes, latent, shrinkage)
        n_values = spec.n_mels * spec.n_frames
        self.register_buffer("middle", torch.zeros(n_values))
        self.register_buffer("basis", torch.zeros(latent, n_values))  # orthonormal rows
        self.register_buffer("deviations", torch.ones(latent))  # of the data along each row
        with torch.no_grad():
            for parameter in (*self.bottleneck.parameters(), *last.parameters()):
                parameter.mul_(FAINT)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPU

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, M, F) in the units of `scale` -> mean and log variance of the latents, each (B, D)."""
        *_, m, f = x.shape
        filled = nn.functional.pad(x, (0, self.grid[1] * STRIDE - f, 0, self.grid[0] * STRIDE - m))
        h = self.encoder(filled.contiguous(memory_format=torch.channels_last))
        mean, log_variance = self.bottleneck(h.flatten(1)).chunk(2, dim=1)
        mean = mean + (x.flatten(1) - self.middle) @ self.basis.T / self.deviations
        return mean, log_variance.clamp(-CALM, CALM)

    def decode_latents(self, latents: Tensor, species: Tensor) -> Tensor:
        """Latents (B, D), weights of the species (B, K) with sum 1 -> (B, 1, M, F) in units of `scale`."""
        h = self.widen(torch.cat([latents, self.species(species)], dim=1))
        h = h.unflatten(1, (-1, *self.grid)).contiguous(memory_format=torch.channels_last)
        decoded = self.decoder(h)[..., : self.spec.n_mels, : self.spec.n_frames]
        components = self.middle + (latents * self.deviations) @ self.basis  # (B, M F)
        return decoded + components.view(decoded.shape)

    def forward(self, x: Tensor, labels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spectrograms, class ids (B,), standard normal (B, D) -> reconstruction, mean and log variance."""
        mean, log_variance = self.encode(x)
        latents = mean + noise * (0.5 * log_variance).exp()
        return self.decode_latents(latents, self.one_hot(labels)), mean, log_variance

    def decode(self, noise: Tensor, labels: Tensor) -> Tensor:
        """(B, D) standard normal, (B,) class ids -> (B, 1, M, F) in the units of `scale`."""
        return self.decode_latents(self.gaussians.draw(noise, labels), self.one_hot(labels))

    def one_hot(self, labels: Tensor) -> Tensor:
        """Class ids (B,) -> weights of the species (B, K)."""
        return nn.functional.one_hot(labels, self.n_classes).float()

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        """Set the linear part, which is not trained: the principal components of log-mels (N, 1, M, F) in dB.

        The initial variances of the latents are those of probabilistic PCA: noise / (noise + signal) along
        each row.
        """
        flat = self.scale.to_units(x).flatten(1)
        middle, basis = principal(flat, len(self.basis))
        variances = ((flat - middle) @ basis.T).square().mean(dim=0)  # (D,)
        left = (flat - middle).square().sum(dim=1).mean() - variances.sum()
        noise = (left / flat.shape[1]).clamp_min(1e-6)
        self.middle.copy_(middle)
        self.basis.copy_(basis)
        self.deviations.copy_((variances + noise).sqrt())
        self.bottleneck.bias[len(basis) :] = (noise / (variances + noise)).log()

    @torch.no_grad()
    def fit_gaussians(self, x: Tensor, labels: Tensor) -> None:
        """Fit the Gaussian of each species to the latents of its training log-mels (N, 1, M, F) in dB.

        The variances of the posterior of each clip are added to those between clips.
        """
        device = self.scale.mean.device
        parts = [self.encode(self.scale.to_units(part.to(device))) for part in torch.split(x, BATCH)]
        means, log_variances = (torch.cat([p[i] for p in parts]) for i in (0, 1))
        self.gaussians.fit(means, labels, log_variances.exp())


class Residual(nn.Module):
    """Two 3 x 3 convolutions with a skip connection: (B, C, m, f) -> same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            norm(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            norm(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def norm(width: int) -> nn.GroupNorm:
    """Group normalisation within a clip: no clip depends on other clips of the batch, also in training."""
    groups = max(g for g in (1, 2, 4, 8) if width % g == 0)
    return nn.GroupNorm(groups, width)


def shrink(n_in: int, n_out: int) -> nn.Conv2d:
    """(B, C, m, f) -> (B, D, m / 2, f / 2)."""
    return nn.Conv2d(n_in, n_out, 3, stride=2, padding=1)


def grow(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    """(B, C, m, f) -> (B, D, m, f), the layers after an upsampling."""
    return nn.Conv2d(n_in, n_out, 3, padding=1), Residual(n_out)
