"""The training task of the VAE: the evidence lower bound over log-mel spectrograms.

The loss is the negative evidence lower bound per value of the spectrogram. Its reconstruction term is
Gaussian with the one deviation that fits a batch best (sigma-VAE: Rybkin et al. 2021, arXiv 2006.13202,
eq. 8), so no weight has to be chosen. Its second term is the KL divergence of the latents from a standard
normal. A KL divergence below `free_bits` for a latent is not penalised (Kingma et al. 2016, arXiv 1606.04934,
eq. 15). So no latent collapses early in training, and no setting has to depend on the step.

Training spectrograms are rolled in time, shifted by a few bands, equalised at random, and get a raised noise
floor, so that the VAE can represent recordings of other groups. Samples are not affected: they are drawn from
Gaussians that are fitted to the latents of the clips without augmentation.
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
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.batches import TrainingInputs
from finback.training.generative_settings import VaeSettings
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import draw_weights

COPIES, MOST = 4, 4096  # copies of each clip, and largest number in all, for the principal components
SMALLEST = 1e-4  # a smaller mean squared error, in units of deviation 1, does not lower the loss


class VaeTask:
    """The evidence lower bound over log-mels. Clips are drawn as for classifiers."""

    score = ""  # validation selects nothing: the average after the last step is the model

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
        self.augment = SpectrumSettings(
            roll=own.roll,
            shift_bands=own.shift_bands,
            eq_db=own.eq_db,
            noise=own.noise,
            mask_time=0,
            mask_bands=0,
            low_pass=0,
        )
        self._val = windows_of(inputs.store, val, labels) if val else None
        model.start(self._augmented_copies(windows_of(inputs.store, inputs.clips, labels)[0]))

    def _augmented_copies(self, x: Tensor) -> Tensor:
        """Windows (N, 1, M, F) -> augmented copies of them, from which the components are computed."""
        rng = np.random.default_rng(0)
        drawn = rng.permutation(np.tile(np.arange(len(x)), COPIES))[:MOST]
        return self._augmented(rng, x[torch.from_numpy(drawn)])

    def _augmented(self, rng: np.random.Generator, x: Tensor) -> Tensor:
        return spectrum.apply(x, spectrum.draw(rng, self.augment, (len(x), *x.shape[2:])))

    def kept(self, model: nn.Module) -> nn.Module:
        """The whole model, after fitting a Gaussian to the latents of the training clips of each species."""
        assert isinstance(model, VAE)
        model.fit_gaussians(*windows_of(self.inputs.store, self.inputs.clips, self.labels))
        return model

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Augmented log-mels (B, 1, M, F) in dB; class ids (B,); standard normal (B, D)."""
        drawn = rng.choice(len(self.targets), self.training.batch_size, p=self._weights)
        x = self._augmented(rng, self.inputs(rng, drawn))
        noise = rng.standard_normal((len(x), *self.model.noise_shape), dtype=np.float32)  # type: ignore[misc]
        return x, torch.from_numpy(self.targets[drawn]), torch.from_numpy(noise)

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """The two terms of the loss, in nats per value of the spectrogram."""
        x, labels, noise = batch
        x = self.model.scale.to_units(x)  # type: ignore[union-attr, operator]
        decoded, mean, log_variance = model(x, labels, noise)
        error = (decoded - x).square().mean().clamp_min(SMALLEST)
        nats = kl_divergence(mean, log_variance).mean(dim=0).clamp_min(self.own.free_bits)  # (D,)
        return {
            "reconstruction": 0.5 * error.log(),
            "kl": self.own.kl_weight * nats.sum() / x[0].numel(),
        }

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures of the validation clips, for the log: squared error in dB^2, nats, latents in use."""
        if self._val is None:
            return {}
        assert isinstance(model, VAE)
        device, deviation = model.scale.mean.device, float(model.scale.deviation)
        error, nats, means = 0.0, 0.0, []
        for x, y in zip(*(torch.split(t, self.training.batch_size) for t in self._val), strict=True):
            units = model.scale.to_units(x.to(device))
            mean, log_variance = model.encode(units)
            decoded = model.decode_latents(mean, model.one_hot(y.to(device)))
            error += float((decoded - units).square().mean(dim=(1, 2, 3)).sum()) * deviation**2
            nats += float(kl_divergence(mean, log_variance).sum())
            means.append(mean)
        n = len(self._val[0])
        active = int((torch.cat(means).var(dim=0, correction=0) > ACTIVE).sum())
        return {"val_mse_db2": error / n, "val_kl": nats / n, "val_active": active}


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, variance) from N(0, 1), (B, D) nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)
