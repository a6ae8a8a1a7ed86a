"""Training a VAE: pictures are to be painted from few numbers, and the numbers to be no surprise.

The loss is the negative evidence lower bound per value of the picture: the reconstruction is Gaussian with
the one deviation that fits a batch best (sigma-VAE: Rybkin et al. 2021, arXiv 2006.13202, eq. 8), so that
nothing has to be weighed by hand, plus the KL divergence of the latents from a standard normal. Free bits
(Kingma et al. 2016, arXiv 1606.04934, eq. 15): what a latent tells below that costs nothing, so none is given
up early on, and none of the settings has to know which step it is.

Pictures come rolled in time, shifted by a band or two, through other equalisers, over more noise: the VAE is
to know other tapes too. None of it leaks into samples, which are drawn from where the clips as they are lie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.types import Clip, Labels
from finback.features.cache import windows_of
from finback.models.networks.vae import ACTIVE, VAE
from finback.training.augment import spectrum
from finback.training.augment.spectrum import SpectrumSettings
from finback.training.batches import TrainingInputs
from finback.training.generative_settings import VaeSettings
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import draw_weights

COPIES, MOST = 4, 4096  # of each clip, and in all, for the principal components
SMALLEST = 1e-4  # mean squared error below which more precision is worth nothing, in units of deviation 1


class VaeTask:
    """The evidence lower bound over log-mels. Which clips are drawn how often is as for classifiers."""

    score = ""  # nothing is chosen by validation: the last average is the model

    def __init__(
        self,
        model: VAE,
        inputs: TrainingInputs,
        labels: Labels,
        training: TrainingSettings,
        own: VaeSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.model: nn.Module = model
        self.inputs = inputs
        self.labels = labels
        self.training = training
        self.own = own
        self.targets = labels.targets(inputs.clips)
        self.steps_per_epoch = max(1, -(-len(inputs.clips) // training.batch_size))
        self._weights = draw_weights(inputs.clips, self.targets, training)
        self.changes = SpectrumSettings(
            roll=own.roll,
            shift_bands=own.shift_bands,
            eq_db=own.eq_db,
            noise=own.noise,
            mask_time=0,
            mask_bands=0,
            low_pass=0,
        )
        self._val = windows_of(inputs.store, val, labels) if val else None
        model.start(self._pictures(windows_of(inputs.store, inputs.clips, labels)[0]))

    def _pictures(self, x: Tensor) -> Tensor:
        """Windows (N, 1, M, F) again and again, changed as in training: what the components are found in."""
        rng = np.random.default_rng(0)
        drawn = rng.permutation(np.tile(np.arange(len(x)), COPIES))[:MOST]
        return self._changed(rng, x[torch.from_numpy(drawn)])

    def _changed(self, rng: np.random.Generator, x: Tensor) -> Tensor:
        return spectrum.apply(x, spectrum.draw(rng, self.changes, (len(x), *x.shape[2:])))

    def kept(self, model: nn.Module) -> nn.Module:
        """All of it, once its samples are drawn from where the latents of the training clips lie."""
        assert isinstance(model, VAE)
        model.fit_gaussians(*windows_of(self.inputs.store, self.inputs.clips, self.labels))
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Log-mels (B, 1, M, F) in dB, changed; class ids (B,); standard normal (B, D)."""
        drawn = rng.choice(len(self.targets), self.training.batch_size, p=self._weights)
        x = self._changed(rng, self.inputs(rng, drawn))
        noise = rng.standard_normal((len(x), *self.model.noise_shape), dtype=np.float32)  # type: ignore[misc]
        return x, torch.from_numpy(self.targets[drawn]), torch.from_numpy(noise)

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Nats per value of the picture."""
        x, labels, noise = batch
        x = self.model.scale.to_units(x)  # type: ignore[union-attr, operator]
        painted, mean, log_variance = model(x, labels, noise)
        error = (painted - x).square().mean().clamp_min(SMALLEST)
        nats = kl_divergence(mean, log_variance).mean(dim=0).clamp_min(self.own.free_bits)  # (D,)
        return {
            "reconstruction": 0.5 * error.log(),
            "kl": self.own.kl_weight * nats.sum() / x[0].numel(),
        }

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """On clips of other tapes, for the log: squared error in dB^2, nats, latents in use."""
        if self._val is None:
            return {}
        assert isinstance(model, VAE)
        device, deviation = model.scale.mean.device, float(model.scale.deviation)
        error, nats, means = 0.0, 0.0, []
        for x, y in zip(*(torch.split(t, self.training.batch_size) for t in self._val), strict=True):
            units = model.scale.to_units(x.to(device))
            mean, log_variance = model.encode(units)
            painted = model.decode_latents(mean, model.one_hot(y.to(device)))
            error += float((painted - units).square().mean(dim=(1, 2, 3)).sum()) * deviation**2
            nats += float(kl_divergence(mean, log_variance).sum())
            means.append(mean)
        n = len(self._val[0])
        active = int((torch.cat(means).var(dim=0, correction=0) > ACTIVE).sum())
        return {"val_mse_db2": error / n, "val_kl": nats / n, "val_active": active}


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of N(mean, variance) from N(0, 1) for each latent, (B, D) nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)
