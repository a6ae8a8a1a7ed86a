"""The embeddings that benchmarks/sampling.py stores with a generator, and the error of their distances."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from finback.core.storage.files import atomic_path
from finback.metrics.generative import kernel_distance, median_distance

TO = ("unseen tapes", "training clips", "the samples of the reference")
Far = dict[str, tuple[float, float] | None]  # distances to these, with their errors


@dataclass
class Stored:
    """Embeddings of real clips and of the samples of each row, and how they were computed."""

    train: np.ndarray  # (L, D) of real clips
    unseen: np.ndarray  # (U, D) of tapes that were not used in training
    labels: np.ndarray  # (N,) species of the samples, whose seeds are 0, 1, ...
    made: dict[str, np.ndarray]  # row -> (N, D)
    about: str

    def save(self, path: Path) -> None:
        """In half precision."""
        arrays = {"learnt": self.train, "unseen": self.unseen, **self.made}
        half = {name: x.astype(np.float16) for name, x in arrays.items()}
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary, labels=self.labels.astype(np.int16), about=np.array(self.about), **half
            )

    @classmethod
    def read(cls, path: Path, about: str) -> Stored:
        """The stored samples of these weights and this guidance; ends the program if there are others."""
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        if str(found.pop("about")) != about:
            sys.exit(f"{path}: made with other weights or guidance; make it again with --write")
        labels = found.pop("labels").astype(np.int64)
        made = {name: x.astype(np.float64) for name, x in found.items()}
        return cls(made.pop("learnt"), made.pop("unseen"), labels, made, about)


def spread(figure: Callable[..., float], *sets: np.ndarray, draws: int = 50) -> float:
    """Standard deviation of a figure of several sets of rows, by random halves (delete-half jackknife).

    A bootstrap would draw some rows twice, at distance 0 from each other, and an unbiased distance would
    then be too low.
    """
    rng = np.random.default_rng(0)
    halves = ([x[rng.permutation(len(x))[: len(x) // 2]] for x in sets] for _ in range(draws))
    return float(np.std([figure(*half) for half in halves]))


def distances(stored: Stored, made: np.ndarray, reference: np.ndarray) -> Far:
    """Kernel distances of samples to real clips and to the samples of the reference, each with its error."""
    found: Far = {}
    for name, other in zip(TO, (stored.unseen, stored.train, reference), strict=True):
        width = median_distance(stored.unseen if other is stored.unseen else stored.train)
        error = None if other is made else spread(partial(kernel_distance, bandwidth=width), other, made)
        found[name] = None if error is None else (kernel_distance(other, made, width), error)
    return found


def ends(value: float, error: float) -> list[float]:
    """The 95 % interval of a figure."""
    return [value - 1.96 * error, value + 1.96 * error]


@dataclass(frozen=True)
class Row:
    """A sampler: evaluations of the network and seconds for a sample, distances with their errors."""

    evaluations: int
    seconds: float
    far: Far
