"""Tape transfer: clips get the spectral difference of two real recording groups (such as tapes).

    profiles = GroupProfiles.of(x, groups, species)
    y = apply(x, draw(rng, profiles, len(x)))

The difference of the mean spectra of two groups of one species is mostly due to the recorder and the sea, not
to the animal. It is added to a clip of a third group, with the noise floor of the second group. The clip then
sounds as if it were recorded on another tape (after Hariharan & Girshick 2017, "Low-shot visual recognition
by shrinking and hallucinating features", ICCV, which transfers variation within common classes to rare
classes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BITS = float(np.log2(10.0) / 10.0)  # powers of two in a dB


@dataclass(frozen=True)
class GroupProfiles:
    """Spectra of G pairs of group and species, in dB re the mean level of their clips."""

    spectra: np.ndarray  # (G, M) mean spectrum
    floors: np.ndarray  # (G, M) mean power of the quietest quarter of the frames
    species: np.ndarray  # (G,) class ids

    @classmethod
    def of(cls, x: np.ndarray, groups: np.ndarray, species: np.ndarray) -> GroupProfiles:
        """From log-mels (N, M, F) in dB, their group ids (N,) and class ids (N,)."""
        pairs = sorted({(int(s), int(g)) for s, g in zip(species, groups, strict=True)})
        members = [(species == s) & (groups == g) for s, g in pairs]
        level = x.mean(axis=(1, 2), keepdims=True)
        spectra = np.stack([(x - level)[own].mean(axis=(0, 2)) for own in members])
        floors = np.stack([_floor((x - level)[own]) for own in members])
        return cls(spectra, floors, np.array([s for s, _ in pairs]))

    @property
    def pairs(self) -> np.ndarray:
        """(P, 2) all ordered pairs of different groups of one species."""
        same = self.species[:, None] == self.species[None]
        np.fill_diagonal(same, False)
        return np.argwhere(same)


@dataclass(frozen=True)
class Move:
    """The drawn transfer of each of n clips."""

    difference: np.ndarray  # (n, M) dB
    floor: np.ndarray  # (n, M) dB re the level of the clip; -inf = none


def draw(rng: np.random.Generator, profiles: GroupProfiles, n: int, share: float = 1.0) -> Move:
    """A pair of groups for each of n clips; a `share` of the clips is transferred.

    All species are drawn equally often, whatever their numbers of groups, and all pairs of a species too.
    Without a pair of groups no clip is transferred.
    """
    n_mels, pairs = profiles.spectra.shape[1], profiles.pairs
    still = Move(np.zeros((n, n_mels)), np.full((n, n_mels), -np.inf))
    if not len(pairs):
        return still
    of = profiles.species[pairs[:, 0]]
    weights = 1.0 / np.bincount(of)[of]
    a, b = pairs[rng.choice(len(pairs), n, p=weights / weights.sum())].T
    moved = (rng.random(n) < share)[:, None]
    return Move(
        np.where(moved, profiles.spectra[b] - profiles.spectra[a], still.difference),
        np.where(moved, profiles.floors[b], still.floor),
    )


def apply(x: np.ndarray, d: Move, top_db: float | None = None) -> np.ndarray:
    """Log-mels (n, M, F) in dB -> the same shape; no value is more than `top_db` below the largest."""
    level = x.mean(axis=(1, 2))[:, None]
    y = np.logaddexp2((x + d.difference[:, :, None]) * BITS, (level + d.floor)[:, :, None] * BITS) / BITS
    if top_db is not None:
        y = np.maximum(y, y.max(axis=(1, 2), keepdims=True) - top_db)
    return y.astype(np.float32)


def _floor(x: np.ndarray) -> np.ndarray:
    """(n, M, F) dB -> (M,): the mean power of the quietest quarter of all frames, in dB."""
    frames = x.transpose(0, 2, 1).reshape(-1, x.shape[1])  # (n F, M)
    quiet = frames[np.argsort(frames.mean(axis=1), kind="stable")[: max(1, len(frames) // 4)]]
    return np.log2(np.exp2(quiet * BITS).mean(axis=0)) / BITS
