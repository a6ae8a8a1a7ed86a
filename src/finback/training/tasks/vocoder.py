"""The training task of the vocoder: it reconstructs the waves of segments of clips from their log-mels.

The loss compares spectra at four resolutions: the n_fft of the spec, and its quarter, half and double. Short
windows resolve clicks, long ones pitch (Yamamoto, Song & Kim 2020, "Parallel WaveGAN", equations 4 to 6). Two
more terms compare the mel bands of the wave with those of the input, and the magnitude that the network
predicts with the real one. The gradient of the latter does not pass through phases. There is no
discriminator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.types import Clip, Labels
from finback.features.logmel import to_db
from finback.features.scales import AMIN
from finback.models.networks.vocoder import Vocoder
from finback.training.batches import TrainingInputs
from finback.training.generative_settings import VocoderSettings
from finback.training.loop_settings import TrainingSettings
from finback.training.sampling import draw_weights, draws_per_epoch

RANGE = 1e-8  # power: a value 80 dB below the loudest of its segment counts as silence
VALIDATED = 16  # windows at even intervals: enough for a figure in the log


class Reconstruction(nn.Module):
    """The vocoder in training: with given noise and Griffin-Lim rounds, it also returns the magnitude."""

    def __init__(self, vocoder: Vocoder, rounds: int) -> None:
        super().__init__()
        self.vocoder = vocoder
        self.rounds = rounds

    def forward(self, logmel_db: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mels (B, 1, M, F) dB, noise (B, F hops) -> waves (B, F hops), magnitude (B, F, n_bins)."""
        return self.vocoder.synthesise(logmel_db, noise, self.rounds)


class VocoderTask:
    """Spectral distances between segments of clips and their reconstructions by the vocoder."""

    score = ""  # validation selects nothing: the average after the last step is the model

    def __init__(
        self,
        model: Vocoder,
        inputs: TrainingInputs,
        labels: Labels,
        training: TrainingSettings,
        own: VocoderSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.model: nn.Module = Reconstruction(model, own.rounds)
        self.spec = model.spec
        self.inputs = inputs
        self.training = training
        self.own = own
        self.steps_per_epoch = max(1, -(-draws_per_epoch(inputs.clips) // training.batch_size))
        self._weights = draw_weights(inputs.clips, labels.targets(inputs.clips), training)
        self._val = self._chosen(val)

    def kept(self, model: nn.Module) -> nn.Module:
        """The vocoder without the wrapper."""
        assert isinstance(model, Reconstruction)
        return model.vocoder

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Segments of clips (B, F hops + half an n_fft), white noise (B, F hops)."""
        drawn = rng.choice(len(self._weights), self.training.batch_size, p=self._weights)
        return self._segments(rng, self.inputs(rng, drawn), self.own.segment_frames)

    def _segments(self, rng: np.random.Generator, waves: Tensor, n_frames: int) -> tuple[Tensor, Tensor]:
        """A random segment of each wave (B, T), and noise. `n_frames` 0: as many frames as the spec has."""
        n_frames = min(n_frames or self.spec.n_frames, self.spec.n_frames)
        n_samples = n_frames * self.spec.hop
        length = n_samples + self.spec.n_fft // 2  # to the end of the last frame
        waves = nn.functional.pad(waves, (0, max(0, length - waves.shape[1])))
        firsts = rng.integers(waves.shape[1] - length + 1, size=len(waves))
        segments = torch.stack([w[i : i + length] for w, i in zip(waves, firsts, strict=True)])
        noise = torch.from_numpy(rng.standard_normal((len(waves), n_samples), dtype=np.float32))
        return segments, noise

    def losses(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """The four weighted terms of the loss."""
        segments, noise = batch
        vocoder = self.kept(self.model)
        assert isinstance(vocoder, Vocoder)
        logmel_db = self._logmel(vocoder, segments, noise.shape[1] // self.spec.hop)
        reconstructed, predicted = model(logmel_db, noise)
        real = segments[:, : reconstructed.shape[1]]
        log_magnitude, convergence = multi_resolution(reconstructed, real, self.spec.n_fft)
        magnitude, mel = own_resolution(vocoder, reconstructed, predicted, real)
        own = self.own
        return {
            "log_magnitude": own.log_magnitude * log_magnitude,
            "convergence": own.convergence * convergence,
            "magnitude": own.magnitude * magnitude,
            "mel": own.mel * mel,
        }

    @torch.no_grad()
    def _logmel(self, vocoder: Vocoder, segments: Tensor, n_frames: int) -> Tensor:
        """Log-mels (B, 1, M, F) dB of segments, limited to `top_db` of the spec."""
        db = to_db(vocoder.front.mel_power(segments, n_frames))[:, None]
        if self.spec.top_db is not None:
            db = torch.maximum(db, db.amax(dim=(1, 2, 3), keepdim=True) - self.spec.top_db)
        return db

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """The losses on whole windows of validation clips, for the log."""
        if self._val is None:
            return {}
        device = next(model.parameters()).device
        parts = [self.losses(model, tuple(t.to(device) for t in batch)) for batch in self._val]
        return {f"val_{name}": float(np.mean([float(p[name]) for p in parts])) for name in parts[0]}

    def _chosen(self, val: Sequence[Clip]) -> list[tuple[Tensor, Tensor]] | None:
        """Batches of whole windows with their noise, the same at every epoch."""
        if not val:
            return None
        some = [val[i] for i in np.unique(np.linspace(0, len(val) - 1, VALIDATED).round().astype(int))]
        waves = torch.from_numpy(np.stack([self.inputs.store(clip)[0] for clip in some]))
        segments, noise = self._segments(np.random.default_rng(0), waves, 0)
        size = self.training.batch_size
        return list(zip(torch.split(segments, size), torch.split(noise, size), strict=True))


def multi_resolution(reconstructed: Tensor, real: Tensor, n_fft: int) -> tuple[Tensor, Tensor]:
    """Waves (B, T) -> mean distance of log magnitudes in nepers, and spectral convergence."""
    logs, shares = [], []
    for size in (n_fft // 4, n_fft // 2, n_fft, 2 * n_fft):
        a, b = floored(powers(reconstructed, size), powers(real, size))
        logs.append((a.log() - b.log()).abs().mean() / 2)
        difference = (a.sqrt() - b.sqrt()).square().sum(dim=(1, 2)).sqrt()
        shares.append((difference / b.sum(dim=(1, 2)).sqrt()).mean())
    return torch.stack(logs).mean(), torch.stack(shares).mean()


def own_resolution(
    vocoder: Vocoder, reconstructed: Tensor, predicted: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
    """Distances at the resolution of the spec, in nepers and in dB.

    The first compares the `predicted` magnitude (B, F, n_bins) with the real one, the second the mel bands of
    the `reconstructed` waves (B, T) with the real ones.
    """
    n_fft, hop, bank = vocoder.spec.n_fft, vocoder.spec.hop, vocoder.front.weights
    a, b = powers(reconstructed, n_fft, hop), powers(real, n_fft, hop)  # (B, n_bins, F')
    n_frames = min(predicted.shape[1], b.shape[2])
    p, q = floored(predicted[:, :n_frames].transpose(1, 2).square(), b[..., :n_frames])
    magnitude = (p.log() - q.log()).abs().mean() / 2
    p, q = floored(bank @ a, bank @ b)
    return magnitude, 10 * (p.log10() - q.log10()).abs().mean()


def powers(waves: Tensor, n_fft: int, hop: int = 0) -> Tensor:
    """Waves (B, T) -> power spectra (B, n_bins, F). Hop 0: a quarter of the window."""
    window = torch.hann_window(n_fft, device=waves.device)
    spectra = torch.stft(
        waves, n_fft, hop or n_fft // 4, window=window, pad_mode="constant", return_complex=True
    )
    return torch.view_as_real(spectra).square().sum(dim=-1)


def floored(reconstructed: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Both powers (B, n, F), raised to the level that counts as silence in the real ones."""
    floor = (real.amax(dim=(1, 2), keepdim=True) * RANGE).clamp_min(10 * AMIN)
    return torch.maximum(reconstructed, floor), torch.maximum(real, floor)
