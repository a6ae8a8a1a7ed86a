"""How a diffusion model samples one species: a sample at several steps, and guidance against number of steps.

written = write("runs/diffusion", "Bowhead Whale")   # two PNG and two SVG in figures/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.storage.paths import file_name
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.models.pretrained import kinds_of
from finback.report.plots.diffusion import (
    DENOISING_NOTE,
    GUIDANCE_NOTE,
    SpectrogramBlock,
    denoising_steps,
    guidance_by_steps,
    spectrogram_blocks,
)
from finback.report.plots.style import save

MOMENTS = 8  # pictures of one sample
CLEAN = 0.05  # noise below this cannot be seen
WEIGHTS = (1.0, 1.5, 2.5, 4.0)
STEPS = (4, 8, 18)


@dataclass(frozen=True)
class SamplingFigures:
    """What is drawn: the seed and how to sample; guidance weights and steps of the second figure."""

    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    weights: tuple[float, ...] = WEIGHTS
    steps: tuple[int, ...] = STEPS


def write(
    path: Path,
    species: str,
    plan: SamplingFigures | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
) -> list[Path]:
    """Write `figures/denoising-SPECIES` and `figures/guidance-SPECIES` as PNG and SVG; the PNGs' paths.

    Those of a bundled model are written to `NAME-figures` in the present folder.

    Raises `RunError` if the run is no diffusion model, `ManifestError` for an unknown species.
    """
    folder = Path(f"{path}-figures") if kinds_of(path) else Path(path) / "figures"
    generator, plan = SpectrogramGenerator.load(path, device), plan or SamplingFigures()
    generator.labels.index(species)
    check(generator)
    name = file_name(species)
    blocks = {
        f"denoising-{name}": (denoising(generator, species, plan), DENOISING_NOTE),
        f"guidance-{name}": (guided(generator, species, plan, progress), GUIDANCE_NOTE),
    }
    drawn = {
        key: spectrogram_blocks([block], generator.spec, note=note) for key, (block, note) in blocks.items()
    }
    return [save(figure, folder, key)[0] for key, figure in drawn.items()]


def check(generator: SpectrogramGenerator) -> None:
    """Raises `RunError` if the generator does not sample in steps."""
    if generator.model.way != "denoise":
        raise RunError(
            f"{generator.run.path}: a {generator.run.info.family} generates samples in one step",
            "give the run folder of finback train diffusion",
        )


def denoising(generator: SpectrogramGenerator, species: str, plan: SamplingFigures) -> SpectrogramBlock:
    """One sample at `MOMENTS` steps of the sampler; the last is the finished sample."""
    seen: list[tuple[float, Tensor, Tensor]] = []

    def record(step: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        if len(seen) == step:  # a sampler may ask twice at one step
            seen.append((sigma, x[0].float().cpu(), denoised[0].float().cpu()))

    label = generator.labels.index(species)
    final = generator.sample([label], [plan.seed], plan.sampling, callback=record)[0]
    levels = np.log([max(sigma, CLEAN) for sigma, _, _ in seen])
    evenly = np.linspace(levels[0], levels[-1], MOMENTS - 1)  # equal steps of log noise
    kept = [seen[i] for i in np.unique(np.abs(levels[:, None] - evenly).argmin(axis=0))]
    noisy = [_in_db(generator, x / (1 + sigma**2) ** 0.5, label) for sigma, x, _ in kept]
    guess = [_in_db(generator, denoised, label) for _, _, denoised in kept]
    return denoising_steps(species, [*(sigma for sigma, _, _ in kept), 0.0], [*noisy, final], [*guess, final])


def guided(
    generator: SpectrogramGenerator, species: str, plan: SamplingFigures, progress: Progress = no_progress
) -> SpectrogramBlock:
    """One seed at every guidance weight and number of steps."""
    cells = [(w, n) for w in plan.weights for n in plan.steps]
    label = generator.labels.index(species)
    samples = [
        generator.sample([label], [plan.seed], replace(plan.sampling, guidance=w, steps=n))[0]
        for w, n in progress(cells, "guidance x steps", len(cells))
    ]
    width = len(plan.steps)
    rows: Sequence[Sequence[np.ndarray]] = [samples[i : i + width] for i in range(0, len(samples), width)]
    return guidance_by_steps(species, plan.weights, plan.steps, rows)


def _in_db(generator: SpectrogramGenerator, units: Tensor, label: int) -> np.ndarray:
    """(1, M, F) in the model's units -> (M, F) in dB, at the usual level of the species."""
    scale = generator.model.scale
    device = scale.mean.device
    db = scale.to_db(
        units[None].to(device), torch.tensor([label], device=device), torch.zeros(1, device=device)
    )
    return db[0, 0].cpu().numpy()
