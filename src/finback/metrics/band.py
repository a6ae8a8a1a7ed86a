"""In which band a species calls, and how much of a sound's energy lies there, from log-mels alone.

band = Band.of(real)          # (N, M, F) dB of one species
band.holds(band.shares(made)) # whether each made sound has its energy where real ones have it
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

FEWEST = 5  # real sounds below which nobody can say what is usual
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Band:
    """The mel bands of a species' calls, and the shares of energy that real clips have in them.

    Bands count where the mean spectrum of the real clips (in dB, each clip's level removed) lies above the
    middle between its floor, the 10th percentile over bands, and its peak.
    """

    inside: np.ndarray = field(repr=False)  # (M,) bool
    low: float  # 5th percentile of the real clips' shares
    high: float  # 95th

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

    def shares(self, x: np.ndarray) -> np.ndarray:
        """(N, M, F) dB -> share of each sound's energy (N,) inside the band, 0 to 1."""
        return _shares(x, self.inside)

    def holds(self, shares: np.ndarray) -> np.ndarray:
        """(N,) bool: whether shares are as real clips have them."""
        held: np.ndarray = (shares >= self.low) & (shares <= self.high)
        return held


def _shares(x: np.ndarray, inside: np.ndarray) -> np.ndarray:
    # By the loudest first, so that no power underflows.
    power = np.power(10.0, (x.astype(np.float64) - x.max(axis=(1, 2), keepdims=True)) / 10).sum(
        axis=2
    )  # (N, M)
    found: np.ndarray = power[:, inside].sum(axis=1) / power.sum(axis=1)
    return found
