"""The steps of a diffusion model from noise to a call, to look at.

    steps = sampling_steps("watkins-diffusion", "Ross seal", out="steps")
    steps.noisy, steps.expected      # (S, M, F) dB each
    steps                            # in a notebook: a moving picture and a strip of pictures

The last of the S pictures is the sample, the same that `generate` gives for this species and seed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.bars import bars
from finback.core.display import figure
from finback.core.progress import Progress
from finback.core.storage.files import write_atomic
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.species import species_id
from finback.models.pretrained import resolve
from finback.report.plots.sampling_steps import sampling_film, sampling_strip
from finback.report.plots.style import render

SHOWN = 6  # steps on the strip


@dataclass(frozen=True, repr=False)
class SamplingSteps:
    """All steps of one sample, and two pictures of them on disk.

    `sigmas` (S,) are the noise levels, the last one 0. `noisy` (S, M, F) is what the sampler holds, with its
    noise, and `expected` (S, M, F) what the network then expects without noise, both in dB.
    """

    species: str
    sigmas: tuple[float, ...]
    noisy: NDArray[np.float32]
    expected: NDArray[np.float32]
    strip: Path  # PNG
    film: Path  # GIF

    @property
    def sample(self) -> NDArray[np.float32]:
        """The log-mel (M, F) in dB that the steps end with."""
        return self.expected[-1]

    def __repr__(self) -> str:
        n = len(self.sigmas) - 1
        return f"SamplingSteps({self.species}, {n} steps from noise {self.sigmas[0]:g} to 0: {self.film})"

    def _repr_html_(self) -> str:
        film = base64.b64encode(self.film.read_bytes()).decode()
        moving = f"<img alt='noise becomes a call' src='data:image/gif;base64,{film}'>"
        return (
            f"<p>Left: with noise. Right: the call that the network expects.</p>{moving}{figure(self.strip)}"
        )


def sampling_steps(
    model: str | Path,
    species: str,
    out: str | Path = "sampling-steps",
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    **sampling: Any,
) -> SamplingSteps:
    """Generate one spectrogram with a diffusion model, keep every step, and draw the steps into `out`.

    `model`: the run folder of a diffusion model, or the name of a bundled one ("watkins-diffusion").
    `sampling` are fields of `Sampling`, such as `steps=30`. Raises `InputError` for an unknown species,
    `RunError` for a model that is not there, `SettingsError` for a generator that does not work in steps.
    """
    generator = SpectrogramGenerator.load(resolve(model, "generator"), device)
    generator.require_steps("the steps of a sample")
    label = species_id(generator.labels, species)
    sigmas: list[float] = []
    kept: list[tuple[Tensor, Tensor]] = []

    def keep(step: int, sigma: float, x: Tensor, expected: Tensor) -> None:
        sigmas.append(sigma)
        # Clean values have deviation 1 in these units, so this is the mixture at the volume of a clean one.
        kept.append((x / (1 + sigma**2) ** 0.5, expected))

    sample = generator.sample([label], [seed], Sampling(**sampling), None, progress or bars(), keep)
    level = torch.tensor([float(sample.mean())], device=generator.model.scale.mean.device)
    noisy, expected = (
        np.stack([generator.model.scale.at_level(x, level)[0, 0].cpu().numpy() for x in column])
        for column in zip(*kept, strict=True)
    )
    noisy, expected = np.concatenate([noisy, sample]), np.concatenate([expected, sample])
    sigmas.append(0.0)
    strip, film = Path(out) / "steps.png", Path(out) / "steps.gif"
    shown = np.unique(np.linspace(0, len(sigmas) - 1, SHOWN).round().astype(int))
    drawn = sampling_strip(noisy[shown], expected[shown], [sigmas[i] for i in shown])
    write_atomic(strip, render(drawn, "png"))
    write_atomic(film, sampling_film(noisy, expected))
    return SamplingSteps(generator.labels.names[label], tuple(sigmas), noisy, expected, strip, film)
