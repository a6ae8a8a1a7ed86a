"""The settings with which a generator is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finback.core.errors import SettingsError
from finback.generation.diffusion.samplers import levels_for


@dataclass(frozen=True)
class Sampling:
    """How a diffusion model is sampled. Generators that decode in one step use `streams` only.

    Raises `SettingsError` for an unknown sampler, a number of steps that it does not support, or a negative
    guidance.
    """

    sampler: str = "dpmpp-3m"  # nearest to 1000 steps at 18, and half the evaluations of Heun
    steps: int = 18
    guidance: float = 1.5  # weight of classifier-free guidance; 1: off
    # Noise levels at which guidance is on: where the layout forms (decision 62)
    interval: tuple[float, float] = (1.5, float("inf"))
    classifier_scale: float = 0.0  # strength of classifier guidance; 0: off
    # What names a stream of random numbers: species and seed, or the seed alone (version 0.1.0).
    streams: Literal["species", "seed"] = "species"
    tape: str = ""  # recording group of the training clips; "": drawn for each sample
    # What guidance leads away from: the network without the species, or the linear filter of the species.
    weaker: Literal["no-species", "linear"] = "no-species"

    def __post_init__(self) -> None:
        levels_for(self.sampler, self.steps)
        if self.guidance < 0:
            raise SettingsError(f"guidance {self.guidance:g}: below 0", "1 is off, 1.5 to 3 is usual")
