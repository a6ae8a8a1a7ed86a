"""The interface of every generator of spectrograms, and the units in which generators work.

A generator has a constructor `(spec, n_classes, **hyperparameters)`, `noise_shape`, the shape of the noise
for one sample, and `way`, how noise becomes a spectrogram:

- "decode": `decode(noise (B, *noise_shape), labels (B,)) -> (B, 1, M, F)` in one step;
- "waves": no spectrogram is made; `generation/calls` makes the sound from the parameters of the model;
- "denoise": `forward(x (B, 1, M, F), c_noise (B,), labels (B,)) -> (B, 1, M, F)`, the raw network that
  `generation/diffusion` preconditions and samples from; the label `n_classes` stands for no label.

Generators work on log-mels without their level, with each band centred and all bands on one scale (`Scale`):
the level of a recording depends on the tape, not on the whale. A level that is typical of the species is
added to the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec

Way = Literal["decode", "denoise", "waves"]


class Scale(nn.Module):
    """Log-mels in dB to and from units of mean 0 and deviation 1, as measured on the training clips."""

    mean: Tensor
    deviation: Tensor
    levels: Tensor

    def __init__(self, spec: FeatureSpec, n_classes: int) -> None:
        super().__init__()
        self.top_db = spec.top_db
        self.register_buffer("mean", torch.zeros(spec.n_mels))  # (M,) dB re the clip's level
        self.register_buffer("deviation", torch.ones(()))  # dB
        self.register_buffer("levels", torch.zeros(n_classes, 2))  # mean and deviation of a species, dB

    @torch.no_grad()
    def fit(self, x: Tensor, labels: Tensor, frames: Tensor | None = None) -> None:
        """From training log-mels (N, 1, M, F) in dB and their class ids (N,).

        `frames` (N,) is the number of frames of each that are not padding; None: all.
        """
        level = level_of(x, frames)  # (N, 1, 1, 1)
        if frames is None:
            self.mean.copy_((x - level).mean(dim=(0, 1, 3)))
            self.deviation.copy_((x - level - self._bands()).std().clamp_min(1e-3))
        else:
            inside = _inside(x, frames)  # (N, 1, 1, F)
            self.mean.copy_(((x - level) * inside).sum(dim=(0, 1, 3)) / inside.sum())
            squares = (x - level - self._bands()).square() * inside
            self.deviation.copy_((squares.sum() / (inside.sum() * x.shape[2])).sqrt().clamp_min(1e-3))
        for k in range(len(self.levels)):
            own = level[labels == k].flatten()
            if len(own):
                self.levels[k] = torch.stack([own.mean(), own.std(correction=0)])

    def to_units(self, x: Tensor, frames: Tensor | None = None) -> Tensor:
        """(B, 1, M, F) dB -> the same shape, without the level of the first `frames` (B,); None: of all."""
        return self.shape_to_units(x - level_of(x, frames))

    def shape_to_units(self, shape: Tensor) -> Tensor:
        """(B, 1, M, F) dB above the level of each clip -> the same shape."""
        return (shape - self._bands()) / self.deviation

    def to_db(self, units: Tensor, labels: Tensor, loudness: Tensor) -> Tensor:
        """The reverse: (B, 1, M, F) units -> dB.

        `loudness` (B,) is the level, in deviations from the mean level of the species. As the spec says, no
        value is more than `top_db` below the largest.
        """
        mean, deviation = self.levels[labels].unbind(dim=1)  # (B,)
        return self.at_level(units, mean + deviation * loudness)

    def at_level(self, units: Tensor, level: Tensor) -> Tensor:
        """(B, 1, M, F) units -> dB, with the mean level (B,) in dB."""
        shape = units * self.deviation + self._bands()
        x = shape - level_of(shape) + level[:, None, None, None]
        if self.top_db is not None:
            x = torch.maximum(x, x.amax(dim=(1, 2, 3), keepdim=True) - self.top_db)
        return x

    def _bands(self) -> Tensor:
        return self.mean[:, None]  # (M, 1)


def level_of(x: Tensor, frames: Tensor | None = None) -> Tensor:
    """(B, 1, 1, 1) mean over all bands and frames, or over all bands and the first `frames` (B,)."""
    if frames is None:
        return x.mean(dim=(1, 2, 3), keepdim=True)
    inside = _inside(x, frames)
    return (x * inside).sum(dim=(1, 2, 3), keepdim=True) / (
        x.shape[2] * inside.sum(dim=(1, 2, 3), keepdim=True)
    )


def _inside(x: Tensor, frames: Tensor) -> Tensor:
    """(B, 1, 1, F) 1 for the first `frames` (B,) of each spectrogram, 0 after them."""
    place = torch.arange(x.shape[-1], device=x.device)
    return (place < frames.to(x.device)[:, None]).to(x.dtype)[:, None, None]


class Generator(nn.Module):
    """Class ids to spectrograms. It gets no paths, files or clips."""

    input: ClassVar[str] = "logmel"  # name of the front end of its training clips
    front_end_settings: ClassVar[Mapping[str, str]] = {}
    way: ClassVar[Way] = "decode"
    task: ClassVar[str] = ""  # name of its training task and of the section with the settings of the task

    def __init__(self, spec: FeatureSpec, n_classes: int, noise_shape: tuple[int, ...]) -> None:
        super().__init__()
        if spec.scale != "db":
            raise SettingsError(
                f"features.scale = '{spec.scale}' with a generator: generators make spectrograms in dB",
                "use scale = 'db'",
            )
        self.spec = spec
        self.n_classes = n_classes
        self.noise_shape = noise_shape
        self.scale = Scale(spec, n_classes)

    def decode(self, noise: Tensor, labels: Tensor) -> Tensor:
        """(B, *noise_shape) standard normal, (B,) class ids -> (B, 1, M, F) in the units of `scale`."""
        raise TypeError(f"{type(self).__name__} does not decode")

    @property
    def n_parameters(self) -> int:
        """The number of trained values."""
        return sum(p.numel() for p in self.parameters())
