"""How a diffusion model works on one species: noise becoming a call step by step, and guidance against steps.

written = render("runs/diffusion", "Bowhead Whale")   # two PNG and two SVG in figures/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.report.plots.diffusion import Block, guidance_by_steps, sheet, strip
from finback.report.plots.style import save

MOMENTS = 8  # pictures in a strip
CLEAN = 0.05  # noise below which no eye sees a difference
WEIGHTS = (1.0, 1.5, 2.5, 4.0)
STEPS = (4, 8, 18)
STRIP_NOTE = (
    "Above, the sample on its way from noise; below, what the model takes it for at that moment.\n"
    "Noise: its deviation, where a clip's is about 1."
)
SHEET_NOTE = (
    "The same noise everywhere. Guidance 1 is none; more makes the species plainer and samples more alike.\n"
    "More steps follow the model's own path more closely."
)


@dataclass(frozen=True)
class Sheets:
    """What is drawn: the strip's seed and sampling, the sheet's axes."""

    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    weights: tuple[float, ...] = WEIGHTS
    steps: tuple[int, ...] = STEPS


def render(
    path: Path,
    species: str,
    sheets: Sheets | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
) -> list[Path]:
    """Write `figures/denoising-SPECIES` and `figures/guidance-SPECIES` as PNG and SVG; the PNGs' paths.

    Raises `RunError` if the run is not of diffusion, `ManifestError` for a species it does not know.
    """
    maker, sheets = SpectrogramGenerator.load(path, device), sheets or Sheets()
    maker.labels.index(species)
    check(maker)
    name = re.sub(r"[^\w-]+", "-", species.lower()).strip("-")
    drawn = {
        f"denoising-{name}": sheet([denoising(maker, species, sheets)], maker.spec, note=STRIP_NOTE),
        f"guidance-{name}": sheet([guided(maker, species, sheets, progress)], maker.spec, note=SHEET_NOTE),
    }
    return [save(figure, maker.run.path / "figures", key)[0] for key, figure in drawn.items()]


def check(maker: SpectrogramGenerator) -> None:
    """Raises `RunError` where there are no steps to show."""
    if maker.model.way != "denoise":
        raise RunError(
            f"{maker.run.path}: a {maker.run.info.family} makes its samples in one go, without steps",
            "give the folder of finback train diffusion",
        )


def denoising(maker: SpectrogramGenerator, species: str, sheets: Sheets) -> Block:
    """One sample at `MOMENTS` moments of the sampler's way, the last of them done."""
    seen: list[tuple[float, Tensor, Tensor]] = []

    def watch(step: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        if len(seen) == step:  # a sampler may ask twice at one step
            seen.append((sigma, x[0].float().cpu(), denoised[0].float().cpu()))

    label = maker.labels.index(species)
    final = maker.sample([label], [sheets.seed], sheets.sampling, callback=watch)[0]
    levels = np.log([max(sigma, CLEAN) for sigma, _, _ in seen])
    wanted = np.linspace(levels[0], levels[-1], MOMENTS - 1)  # each as much cleaner than the one before
    kept = [seen[i] for i in np.unique(np.abs(levels[:, None] - wanted).argmin(axis=0))]
    noisy = [_in_db(maker, x / (1 + sigma**2) ** 0.5, label) for sigma, x, _ in kept]
    guess = [_in_db(maker, denoised, label) for _, _, denoised in kept]
    return strip(species, [*(sigma for sigma, _, _ in kept), 0.0], [*noisy, final], [*guess, final])


def guided(
    maker: SpectrogramGenerator, species: str, sheets: Sheets, progress: Progress = no_progress
) -> Block:
    """One seed at every guidance and number of steps."""
    cells = [(w, n) for w in sheets.weights for n in sheets.steps]
    label = maker.labels.index(species)
    made = [
        maker.sample([label], [sheets.seed], replace(sheets.sampling, guidance=w, steps=n))[0]
        for w, n in progress(cells, "guidance x steps", len(cells))
    ]
    width = len(sheets.steps)
    rows: Sequence[Sequence[np.ndarray]] = [made[i : i + width] for i in range(0, len(made), width)]
    return guidance_by_steps(species, sheets.weights, sheets.steps, rows)


def _in_db(maker: SpectrogramGenerator, units: Tensor, label: int) -> np.ndarray:
    """(1, M, F) in the units of the model's scale -> (M, F) dB of the species' usual level."""
    scale = maker.model.scale
    device = scale.mean.device
    db = scale.to_db(
        units[None].to(device), torch.tensor([label], device=device), torch.zeros(1, device=device)
    )
    found: np.ndarray = db[0, 0].cpu().numpy()
    return found
