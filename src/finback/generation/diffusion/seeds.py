"""One stream of random numbers per sample: a species and a seed name a sample, whatever else is in its batch.

    streams = Streams([3, 14, 15], species=["Killer whale", "Beluga", "Beluga"], device="cuda")
    noise = streams.normal((1, 96, 112))  # (3, 1, 96, 112)

Numbers are drawn on the CPU, so that a seed names the same sample on every device (up to rounding). Each
sample draws its own numbers, so neither the size nor the order of the batch matters. The order of the draws
of one sample matters: first its starting noise, then one draw at every step of a sampler that adds noise.

The name of the species is part of the stream. With the seed alone, all species start from the same noise, and
the samples of one seed have the same layout (correlation 0.77 between species of the bundled diffusion
model). The name and not its class id: a generator that knows more species gives the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError


def stream_of(species: str, seed: int) -> np.random.Generator:
    """The stream of a sample: the same for this species and seed in every generator, batch and process.

    Raises `SettingsError` on a seed below 0.
    """
    name = int.from_bytes(hashlib.blake2b(species.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng([_checked(seed), name])


class Streams:
    """A stream for each sample; `normal` draws from all.

    Without `species` the seed alone is the stream, as in version 0.1.0: all species get the same numbers.
    Raises `SettingsError` on a seed below 0.
    """

    def __init__(
        self,
        seeds: Iterable[int],
        device: torch.device | str = "cpu",
        species: Sequence[str] | None = None,
    ) -> None:
        self.seeds = tuple(_checked(int(seed)) for seed in seeds)
        self.device = torch.device(device)
        self._generators = (
            [np.random.default_rng(seed) for seed in self.seeds]
            if species is None
            else [stream_of(name, seed) for name, seed in zip(species, self.seeds, strict=True)]
        )

    def __len__(self) -> int:
        return len(self.seeds)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """(B, *shape) standard normal float32, on the device."""
        drawn = np.empty((len(self), *shape), dtype=np.float32)
        for i, generator in enumerate(self._generators):
            drawn[i] = generator.standard_normal(shape, dtype=np.float32)
        return torch.from_numpy(drawn).to(self.device)


def _checked(seed: int) -> int:
    if seed < 0:
        raise SettingsError(f"seed {seed}: below 0", "give a whole number of at least 0")
    return seed
