"""A clip moved to another tape, by how tapes that are at hand differ: no tape is imagined, one is borrowed.

    known = Tapes.of(x, tapes, species)
    y = apply(x, draw(rng, known, len(x)))

The difference of the mean spectra of two tapes of one species is mostly the recorder's and the sea's, not the
animal's; added to a clip of a third tape, with the second tape's noise floor, it makes that clip sound as if
it had been recorded there (after Hariharan & Girshick 2017, "Low-shot visual recognition by shrinking and
hallucinating features", ICCV: what varies within known classes is lent to the rare ones).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BITS = float(np.log2(10.0) / 10.0)  # powers of two in a dB


@dataclass(frozen=True)
class Tapes:
    """T tapes, each of one species: what tells one from another, in dB above its own mean level."""

    profiles: np.ndarray  # (T, M) mean spectrum
    floors: np.ndarray  # (T, M) mean power of the quietest quarter of the frames
    species: np.ndarray  # (T,) class ids

    @classmethod
    def of(cls, x: np.ndarray, tapes: np.ndarray, species: np.ndarray) -> Tapes:
        """From log-mels (N, M, F) in dB, their tapes (N,) and class ids (N,)."""
        pairs = sorted({(int(s), int(t)) for s, t in zip(species, tapes, strict=True)})
        members = [(species == s) & (tapes == t) for s, t in pairs]
        level = x.mean(axis=(1, 2), keepdims=True)
        profiles = np.stack([(x - level)[own].mean(axis=(0, 2)) for own in members])
        floors = np.stack([_floor((x - level)[own]) for own in members])
        return cls(profiles, floors, np.array([s for s, _ in pairs]))

    @property
    def pairs(self) -> np.ndarray:
        """(P, 2) all ordered pairs of different tapes of one species."""
        same = self.species[:, None] == self.species[None]
        np.fill_diagonal(same, False)
        return np.argwhere(same)


@dataclass(frozen=True)
class Move:
    """One move a clip."""

    difference: np.ndarray  # (n, M) dB
    floor: np.ndarray  # (n, M) dB above the clip's level; -inf = none


def draw(rng: np.random.Generator, known: Tapes, n: int, share: float = 1.0) -> Move:
    """A pair of tapes for each of n clips, `share` of which move; without a pair none does.

    Species are drawn equally often, and pairs within them: one with many tapes does not decide alone.
    """
    n_mels, pairs = known.profiles.shape[1], known.pairs
    still = Move(np.zeros((n, n_mels)), np.full((n, n_mels), -np.inf))
    if not len(pairs):
        return still
    of = known.species[pairs[:, 0]]
    weights = 1.0 / np.bincount(of)[of]
    a, b = pairs[rng.choice(len(pairs), n, p=weights / weights.sum())].T
    moved = (rng.random(n) < share)[:, None]
    return Move(
        np.where(moved, known.profiles[b] - known.profiles[a], still.difference),
        np.where(moved, known.floors[b], still.floor),
    )


def apply(x: np.ndarray, d: Move, top_db: float | None = None) -> np.ndarray:
    """(n, M, F) dB -> the same shape; no band falls more than `top_db` below the loudest."""
    level = x.mean(axis=(1, 2))[:, None]
    y = np.logaddexp2((x + d.difference[:, :, None]) * BITS, (level + d.floor)[:, :, None] * BITS) / BITS
    if top_db is not None:
        y = np.maximum(y, y.max(axis=(1, 2), keepdims=True) - top_db)
    return y.astype(np.float32)


def _floor(x: np.ndarray) -> np.ndarray:
    """(n, M, F) dB -> (M,): the mean power of the quietest quarter of the frames of them all, in dB."""
    frames = x.transpose(0, 2, 1).reshape(-1, x.shape[1])  # (n F, M)
    quiet = frames[np.argsort(frames.mean(axis=1), kind="stable")[: max(1, len(frames) // 4)]]
    found: np.ndarray = np.log2(np.exp2(quiet * BITS).mean(axis=0)) / BITS
    return found
