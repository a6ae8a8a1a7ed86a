"""`diffusion`: the denoising network, which adds to the best linear denoiser what is not Gaussian.

Good for: training on two cores. `denoise(x, sigma, given)` is the Wiener filter of the species and tape
(wiener.py) plus a correction in units of the filter's own error, so the network starts where the linear
optimum is, and its targets have deviation 1 at every noise level. Above the noise level 1.5 the
correction is by attention over whole frames, below it by convolutions over patches (paths.py).

`PatchDenoiser`, the network of version 0.1.0, is made with `model.start = "zero"`, the default of runs that
do not name a start.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models.networks.conditions import Conditions
from finback.models.networks.denoiser import PatchDenoiser
from finback.models.networks.generator import Generator, Way
from finback.models.networks.paths import FramePath, GrainPath
from finback.models.networks.recordings import Recordings
from finback.models.networks.wiener import WienerFilter

STARTS = ("zero", "wiener")
PATCH, FRAMES = 4, 4  # bands and frames of a patch, frames of a token
SWITCH = 1.5  # the noise level between both networks
SHRINKAGE = 0.5  # windows that the covariance of all species has the weight of


class ResidualDenoiser(Generator):
    """A Wiener filter for each species, and a network that corrects it."""

    way: ClassVar[Way] = "denoise"
    task: ClassVar[str] = "diffusion"
    trained_by: ClassVar[str] = "residual-diffusion"
    earlier: ClassVar[type[Generator]] = PatchDenoiser  # the class of runs that name no start

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        width: int = 96,
        depth: int = 6,
        frame_width: int = 192,
        frame_depth: int = 6,
        dropout: float = 0.1,
        start: str = "zero",
    ) -> None:
        """`width`, `depth`: of the convolutions. `frame_width`, `frame_depth`: of attention over frames.

        `start` has chosen this class (`of`).
        """
        super().__init__(spec, n_classes, noise_shape=(1, spec.n_mels, spec.n_frames))
        self.start = start
        shape = (spec.n_mels, spec.n_frames)
        self.recordings = Recordings(n_classes, *shape)
        self.filter = WienerFilter(n_classes, *shape, SHRINKAGE)
        self.frames = FramePath(n_classes, shape, FRAMES, frame_width, frame_depth, dropout)
        self.grain = GrainPath(n_classes, shape, PATCH, width, depth, dropout)

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> type[Generator]:
        """The class for these hyper-parameters. Raises `SettingsError` for an unknown `start`."""
        start = chosen.get("start", "zero")
        if start not in STARTS:
            raise SettingsError(f"setting model.start = '{start}': unknown", "take " + " or ".join(STARTS))
        return cls if start == "wiener" else cls.earlier

    @torch.no_grad()
    def fit_start(self, x: Tensor, labels: Tensor, frames: Tensor, weights: Tensor, tapes: Tensor) -> None:
        """The filter and the tapes, from all training windows; `scale` must be fitted.

        x (N, 1, M, F) dB; class ids, true frames, weights and numbers of tapes (N,).
        """
        units = self.scale.to_units(x, frames)[:, 0]
        spectra = self.filter.fit(units, labels, frames, weights, tapes)
        self.recordings.fit(spectra, tapes, labels, frames, weights)

    def forward(self, x: Tensor, sigma: Tensor, labels: Tensor, tapes: Tensor, marks: Tensor) -> Tensor:
        """`denoise`, with the conditions as tensors."""
        return self.denoise(x, sigma, Conditions(labels, tapes, marks))

    def denoise(self, x: Tensor, sigma: Tensor, given: Conditions) -> Tensor:
        """(B, 1, M, F) noisy, (B,) noise levels -> (B, 1, M, F), the expected clean spectrograms."""
        linear = self.linear(x, sigma, given)
        total = torch.sqrt(1 + sigma**2)[:, None, None, None]
        inputs = torch.cat([x / total, linear], dim=1)
        species = self.filter.means[given.labels]
        colour = self.recordings.means_or(species, given.tapes) - species  # (B, M)
        deviation = self.filter.uncertainty(sigma, given).sqrt()[:, None, None, None]
        return linear + deviation * self._correction(inputs, sigma, given, colour)

    def linear(self, x: Tensor, sigma: Tensor, given: Conditions) -> Tensor:
        """The same by the Wiener filter alone."""
        answer: Tensor = self.filter(x, sigma, given, self.recordings)
        return answer

    def _correction(self, inputs: Tensor, sigma: Tensor, given: Conditions, colour: Tensor) -> Tensor:
        """(B, 2, M, F) -> (B, 1, M, F), by the path of each row's noise level."""
        high = sigma > SWITCH
        rows = [high.nonzero().flatten(), (~high).nonzero().flatten()]
        found = [
            path(inputs[own], sigma[own], given.rows(own), colour[own])
            for path, own in zip((self.frames, self.grain), rows, strict=True)
            if len(own)
        ]
        return torch.cat(found)[torch.argsort(torch.cat(rows))]

    def loss_weight(self, sigma: Tensor, given: Conditions) -> Tensor:
        """(B,) weight of the squared error: 1 is the error that the filter expects of itself."""
        return 1 / self.filter.uncertainty(sigma, given)

    def tapes_of(self, label: int) -> list[int]:
        """The numbers of the tapes that hold clips of a species."""
        return [int(t) for t in (self.recordings.clips[:, label] > 0).nonzero().flatten()]
