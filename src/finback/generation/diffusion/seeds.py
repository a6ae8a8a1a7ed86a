"""One stream of random numbers per sample: a seed names a sample, whatever else is in its batch.

    streams = Streams([3, 14, 15], device="cuda")
    noise = streams.normal((1, 96, 112))  # (3, 1, 96, 112)

Numbers are drawn on the CPU, so that a seed names the same sample on every device (up to rounding). Each
sample draws its own numbers, so neither the size nor the order of the batch matters. The order of the draws
of one sample matters: first its starting noise, then one draw at every step of a sampler that adds noise.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError


class Streams:
    """A random generator for each seed; `normal` draws from all. Raises `SettingsError` on a seed below 0."""

    def __init__(self, seeds: Iterable[int], device: torch.device | str = "cpu") -> None:
        self.seeds = tuple(int(seed) for seed in seeds)
        wrong = [seed for seed in self.seeds if seed < 0]
        if wrong:
            raise SettingsError(f"seed {wrong[0]}: below 0", "give a whole number of at least 0")
        self.device = torch.device(device)
        self._generators = [np.random.default_rng(seed) for seed in self.seeds]

    def __len__(self) -> int:
        return len(self.seeds)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """(B, *shape) standard normal float32, on the device."""
        drawn = np.empty((len(self), *shape), dtype=np.float32)
        for i, generator in enumerate(self._generators):
            drawn[i] = generator.standard_normal(shape, dtype=np.float32)
        return torch.from_numpy(drawn).to(self.device)
