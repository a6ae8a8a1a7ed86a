"""The fit of a gate: whether a sound is of any of the species, from embeddings of calls and of noises.

    fitted = fit_gate(examples)
    fitted.odds(z)                      # (N,) log odds of embeddings (N, D)

Two scores that err in different ways, both from the same examples. The first is linear discriminant analysis
over species and kinds of noise: every class has a mean, all have one covariance, and the score is the log
odds of the sum over species against the sum over noises. It falls far from all species, too. The second is
logistic regression, which draws one border and knows no classes. Both count equally, in units of their
standard deviation: what they weigh on examples says little of what they weigh on other noises. Both are
fitted to the first principal components of embeddings whose columns have variance 1: what differs little
between sounds is noise of the network.

A logistic regression on the sum gives the log odds. It is fitted to scores of examples whose group (the tape
of a call, the kind of a noise) was left out, so that it expects new tapes and new noises. How common noise
will be, no examples say: calls and noises count equally, unless more than a twentieth of the calls would be
lost.

The covariance is shrunk by the rule of Ledoit & Wolf (2004, J. Multivariate Analysis 88:365).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
C = 0.001  # of the logistic regression on embeddings of variance 1
FOLDS = 5
COMPONENTS = 128  # of long embeddings: with fewer or more, noises of other places are told less well
LOST = 0.05  # at most, of the calls of left-out tapes: those with a probability below one half


@dataclass(frozen=True, eq=False)
class Examples:
    """N windows of sounds: calls of species, and noises."""

    z: Floats  # (N, D) embeddings
    names: NDArray[np.str_]  # (N,) the species of a call, the kind of a noise
    is_call: Bools  # (N,)
    groups: NDArray[np.str_]  # (N,) those left out together
    sounds: NDArray[np.int64]  # (N,) which windows are of one sound

    def only(self, rows: NDArray[np.bool_]) -> Examples:
        """Some of the windows."""
        return Examples(
            self.z[rows], self.names[rows], self.is_call[rows], self.groups[rows], self.sounds[rows]
        )

    @property
    def weights(self) -> Floats:
        """(N,) so that every sound counts once."""
        _, codes = np.unique(self.sounds, return_inverse=True)
        return np.asarray(1.0 / np.bincount(codes)[codes])


@dataclass(frozen=True, eq=False)
class GateFit:
    """The numbers of a gate; `networks/gate.py` has the same function as a network."""

    centre: Floats  # (D,)
    weight: Floats  # (J, D) of the J classes of the discriminant analysis
    bias: Floats  # (J,)
    is_species: Bools  # (J,)
    linear: Floats  # (D,) of the logistic regression
    scale: Floats  # (3,) slopes of both scores, and the offset

    def scores(self, z: np.ndarray) -> Floats:
        """(N, 2) of embeddings (N, D)."""
        x = np.asarray(z, dtype=np.float64) - self.centre
        classes = x @ self.weight.T + self.bias
        species, noises = classes[:, self.is_species], classes[:, ~self.is_species]
        first = logsumexp(species, axis=1) - logsumexp(noises, axis=1)
        return np.stack([first, x @ self.linear], axis=1)

    def odds(self, z: np.ndarray) -> Floats:
        """(N,) log odds of a known species."""
        return np.asarray(self.scores(z) @ self.scale[:2] + self.scale[2])


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The log odds of S sounds by a gate that was fitted without their groups."""

    odds: Floats  # (S,)
    is_call: Bools  # (S,)
    known: Bools  # (S,) not calls of a species that this gate has no tape of
    sounds: NDArray[np.int64]  # (S,) their ids in the examples


def fit_gate(examples: Examples, seed: int = 0) -> tuple[GateFit, LeftOut | None]:
    """Fit both scores to all examples, and the probability to groups left out.

    Where all calls or all noises are of one group, nothing can be left out, and the probability is fitted to
    the examples themselves. Raises `ValueError` without calls or without noises.
    """
    axes = _Axes.of(examples.z)
    examples = replace(examples, z=axes.along(examples.z))
    fitted = _fit(examples)
    scores, done, known = cross_fitted(examples, seed)
    if len(np.unique(examples.is_call[done])) < 2:
        fitted = _scaled(fitted, *_by_sound(fitted.scores(examples.z), examples))
        return axes.of_embeddings(fitted), None
    if not (examples.is_call & known).any():  # each species has one tape
        known = done
    fitted = _scaled(fitted, *_by_sound(scores[known], examples.only(known)))
    scores, is_call, _ = _by_sound(scores[done], examples.only(done))
    odds = scores @ fitted.scale[:2] + fitted.scale[2]
    sounds = np.unique(examples.sounds[done])
    left_out = LeftOut(odds, is_call, np.isin(sounds, examples.sounds[known]), sounds)
    return axes.of_embeddings(fitted), left_out


@dataclass(frozen=True, eq=False)
class _Axes:
    """Principal components of embeddings whose columns have variance 1: what differs between sounds."""

    mean: Floats  # (D,)
    deviation: Floats  # (D,)
    axes: Floats  # (D, P), orthonormal

    @classmethod
    def of(cls, z: Floats) -> _Axes:
        mean, deviation = z.mean(axis=0), z.std(axis=0)
        # A column that hardly differs in the examples must not count for more where it does.
        deviation = np.maximum(deviation, max(1e-4 * float(deviation.max()), 1e-9))
        if z.shape[1] <= COMPONENTS:
            return cls(mean, deviation, np.eye(z.shape[1]))
        x = ((z - mean) / deviation).astype(np.float32)
        most = min(COMPONENTS, len(x))
        _, _, rows = randomized_svd(x, most, n_iter=2, random_state=0)
        return cls(mean, deviation, np.asarray(rows.T, dtype=np.float64))

    def along(self, z: Floats) -> Floats:
        """(N, D) -> (N, P)."""
        return np.asarray((z - self.mean) / self.deviation @ self.axes)

    def of_embeddings(self, fitted: GateFit) -> GateFit:
        """A gate of numbers along the axes as a gate of embeddings."""
        back = self.axes.T / self.deviation  # (P, D)
        return replace(
            fitted,
            centre=self.mean + self.axes @ fitted.centre * self.deviation,
            weight=fitted.weight @ back,
            linear=fitted.linear @ back,
        )


def cross_fitted(examples: Examples, seed: int = 0) -> tuple[Floats, Bools, Bools]:
    """(N, 2) scores of each example by a fit without its group, and which (N,) have one.

    The last (N,) are those whose kind that fit knows from other groups: all noises, and calls of a species
    of several tapes. The call of a species with one tape is of an unknown species there.
    """
    groups = np.unique(examples.groups)
    fold = np.random.default_rng(seed).permutation(len(groups)) % FOLDS
    fold_of = fold[np.searchsorted(groups, examples.groups)]
    scores, done = np.zeros((len(examples.z), 2)), np.zeros(len(examples.z), np.bool_)
    known = done.copy()
    for k in range(FOLDS):
        held, kept = fold_of == k, fold_of != k
        if held.any() and len(np.unique(examples.is_call[kept])) == 2:
            scores[held] = _fit(examples.only(kept)).scores(examples.z[held])
            done |= held
            known |= held & (~examples.is_call | np.isin(examples.names, examples.names[kept]))
    return scores, done, known


def _fit(examples: Examples) -> GateFit:
    """Both scores, without a scale."""
    if len(np.unique(examples.is_call)) < 2:
        raise ValueError("a gate needs calls and noises")
    z, weights = examples.z.astype(np.float64), examples.weights
    names, code = np.unique(examples.names, return_inverse=True)
    total = np.bincount(code, weights)
    means = np.zeros((len(names), z.shape[1]))
    np.add.at(means, code, z * weights[:, None])
    means /= total[:, None]
    inside = (z - means[code]) * np.sqrt(weights / weights.mean())[:, None]
    covariance, _ = ledoit_wolf(inside, assume_centered=True)
    covariance[np.diag_indices_from(covariance)] += 1e-9 * max(float(np.trace(covariance)), 1e-9)
    is_species = np.zeros(len(names), np.bool_)
    is_species[code] = examples.is_call
    centre = means.mean(axis=0)
    away = means - centre
    weight = cho_solve(cho_factor(covariance), away.T).T
    n_alike = np.where(is_species, is_species.sum(), (~is_species).sum())
    bias = -0.5 * np.einsum("jd,jd->j", away, weight) - np.log(n_alike)
    linear = _border(z - centre, examples, weights / total[code])
    return GateFit(centre, weight, bias, is_species, linear, np.array([1.0, 1.0, 0.0]))


def _border(x: Floats, examples: Examples, weights: Floats) -> Floats:
    """(D,) logistic regression; classes of one side have equal weight, and so have both sides."""
    share = weights.copy()
    for side in (examples.is_call, ~examples.is_call):
        share[side] *= len(x) / 2 / share[side].sum()
    model = LogisticRegression(C=C, max_iter=300)
    model.fit(x, examples.is_call, share)
    return np.asarray(model.coef_[0])


def _by_sound(scores: Floats, examples: Examples) -> tuple[Floats, Bools, NDArray[np.str_]]:
    """Mean scores (S, 2) of the S sounds, which are calls (S,), and the group of each (S,)."""
    _, first, codes = np.unique(examples.sounds, return_index=True, return_inverse=True)
    mean = np.zeros((len(first), 2))
    np.add.at(mean, codes, scores)
    return mean / np.bincount(codes)[:, None], examples.is_call[first], examples.groups[first]


def _scaled(fitted: GateFit, scores: Floats, is_call: Bools, groups: NDArray[np.str_]) -> GateFit:
    """The gate with slopes and offset from scores (S, 2) of sounds left out; groups count equally.

    They are those of a logistic regression with as many calls as noises. Where more than a share of `LOST` of
    the calls would be below 0, the offset is higher.
    """
    deviation = np.maximum(scores.std(axis=0), 1e-9)
    both = (scores / deviation).sum(axis=1)
    _, codes = np.unique(groups, return_inverse=True)
    weights = 1.0 / np.bincount(codes)[codes]
    for side in (is_call, ~is_call):
        weights[side] *= len(both) / 2 / weights[side].sum()
    model = LogisticRegression(max_iter=300)
    model.fit(both[:, None], is_call, weights)
    slope = max(float(model.coef_[0, 0]), 0.0)
    order = np.argsort(both[is_call], kind="stable")
    share = np.cumsum(weights[is_call][order]) / weights[is_call].sum()
    border = float(both[is_call][order][np.searchsorted(share, LOST)])
    scale = np.array([*(slope / deviation), max(float(model.intercept_[0]), -slope * border)])
    return replace(fitted, scale=scale)
