"""The frequency band of the calls of a species, and the share of energy of a sound in it, from log-mels.

band = Band.of(real)                # (N, M, F) dB of one species
band.holds(band.shares(generated))  # whether the energy of each generated sound is in the band
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FEWEST = 5  # with fewer real clips no range of shares can be estimated
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Band:
    """The mel bands of the calls of a species, and the range of the energy shares of real clips in them.

    A mel band counts if the mean spectrum of the real clips (in dB, without the level of each clip) is above
    the midpoint between its floor, the 10th percentile over bands, and its peak.
    """

    inside: NDArray[np.bool_] = field(repr=False)  # (M,)
    low: float  # 5th percentile of the shares of the real clips
    high: float  # 95th percentile

    @classmethod
    def of(cls, real: np.ndarray) -> Band | None:
        """From log-mels (N, M, F) in dB of one species; None for fewer than five."""
        if len(real) < FEWEST:
            return None
        spectrum = (real - real.mean(axis=(1, 2), keepdims=True)).mean(axis=(0, 2))  # (M,)
        floor = float(np.quantile(spectrum, 0.1))
        inside = spectrum >= (floor + float(spectrum.max())) / 2
        shares = _shares(real, inside)
        return cls(inside, float(np.quantile(shares, LOW)), float(np.quantile(shares, HIGH)))

    def shares(self, x: np.ndarray) -> NDArray[np.float64]:
        """Share (N,) of the energy of each log-mel (N, M, F) in dB that is inside the band, 0 to 1."""
        return _shares(x, self.inside)

    def holds(self, shares: np.ndarray) -> NDArray[np.bool_]:
        """Whether shares (N,) are within the range of the real clips."""
        return (shares >= self.low) & (shares <= self.high)


def _shares(x: np.ndarray, inside: np.ndarray) -> NDArray[np.float64]:
    # Relative to the largest value of each sound, so that no power underflows.
    power = np.power(10.0, (x.astype(np.float64) - x.max(axis=(1, 2), keepdims=True)) / 10).sum(
        axis=2
    )  # (N, M)
    return power[:, inside].sum(axis=1) / power.sum(axis=1)
