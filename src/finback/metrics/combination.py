"""Several models' probabilities as one: averaged, weighted or stacked.

    combination = fit("weights", probabilities, truth, tapes)   # (E, N, K), (N,), N tapes: validation clips
    log_p = combination(probabilities)                          # (N, K)

`mean` is the arithmetic mean and learns nothing. `weights` is the mean with one weight per model, all of them
positive and of sum one. `stack` is a product of powers, softmax(sum_e a_e log p_e + b): multinomial logistic
regression on the models' log-probabilities with one slope per model, shared by all species, and one bias per
species.

Validation has some hundred clips but only some tens of tapes, and the clips of a tape are right or wrong
together. So every tape counts as one observation, however many clips it has, and what is learned is held
back by a prior whose strength is stated in tapes: with few of them the answer is near the equal mean. A full
stacking matrix (K outputs x E K inputs: 1,734 numbers for six models of 17 species) on so few observations
reproduces the validation tapes and nothing else; that is why `stack` has E + K numbers, K of them close to
zero. That even a handful of fitted weights often loses to equal ones is an old finding: Clemen
1989, "Combining forecasts", International Journal of Forecasting 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

How = Literal["mean", "weights", "stack"]

PRIOR_TAPES = 10.0  # as if so many further tapes had been explained equally well by every model
SLOPE_SD = 0.25  # how far a slope may lie from 1/E before one tape's evidence is needed for it
BIAS_SD = 0.2  # the same for a species' bias, in nats
# Of probabilities: one of exactly 0 would be a logarithm of minus infinity; float32 ends near 1e-38.
FLOOR = 1e-37


@dataclass(frozen=True)
class Combination:
    """A rule that makes one model of E; `bias` is empty but for `stack`."""

    how: How
    weights: tuple[float, ...]  # (E,)
    bias: tuple[float, ...] = ()  # (K,)

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(E, N, K) probabilities -> (N, K) log-probabilities, float64."""
        if len(probabilities) != len(self.weights):
            raise ValueError(f"{len(probabilities)} models for {len(self.weights)} weights")
        weights = np.asarray(self.weights)
        if self.how == "stack":
            logs = np.log(np.maximum(probabilities, FLOOR))
            mixed: np.ndarray = log_softmax(np.tensordot(weights, logs, 1) + np.asarray(self.bias), axis=1)
            return mixed
        equal = self.how == "mean"
        mean = np.mean(probabilities, axis=0) if equal else np.tensordot(weights, probabilities, 1)
        log_mean: np.ndarray = np.log(np.maximum(mean, FLOOR))
        return log_mean


def equal(n: int) -> Combination:
    """The plain mean of n models."""
    return Combination("mean", (1.0 / n,) * n)


def fit(how: How, probabilities: np.ndarray, truth: np.ndarray, tapes: Sequence[str]) -> Combination:
    """The combination of E models that explains validation clips best.

    probabilities (E, N, K) calibrated; truth (N,) class ids; tapes: N names of what was recorded together.
    """
    shares = tape_shares(tapes)
    if how == "weights":
        of_truth = probabilities[:, np.arange(len(truth)), truth]  # (E, N)
        return Combination("weights", tuple(fit_weights(of_truth, shares).tolist()))
    if how == "stack":
        slopes, bias = fit_stack(np.log(np.maximum(probabilities, FLOOR)), truth, shares)
        return Combination("stack", tuple(slopes.tolist()), tuple(bias.tolist()))
    return equal(len(probabilities))


def tape_shares(tapes: Sequence[str]) -> np.ndarray:
    """(N,) each clip's share of its tape: the clips of one tape sum to 1."""
    _, index, counts = np.unique(np.asarray(tapes, dtype=object), return_inverse=True, return_counts=True)
    shares: np.ndarray = 1.0 / counts[index]
    return shares


def fit_weights(of_truth: np.ndarray, shares: np.ndarray, prior_tapes: float = PRIOR_TAPES) -> np.ndarray:
    """(E,) weights on the simplex from the probabilities (E, N) that E models gave to the right answers.

    Maximises sum_n s_n log(sum_e w_e p_en) + (A / E) sum_e log w_e: the likelihood of the weighted mean under
    a Dirichlet prior worth A tapes. Both terms are concave, so the EM steps for the weights of a mixture
    (Dempster, Laird & Rubin 1977, section 4.3), which never lower it, end at the one maximum.
    """
    n_models = len(of_truth)
    likelihood = np.maximum(of_truth, FLOOR)
    prior = prior_tapes / n_models
    weights = np.full(n_models, 1.0 / n_models)
    for _ in range(10_000):
        mixed = weights[:, None] * likelihood
        explained = (mixed / mixed.sum(axis=0)) @ shares  # (E,) tapes that each model accounts for
        new = (explained + prior) / max(shares.sum() + prior_tapes, FLOOR)
        moved = float(np.abs(new - weights).max())
        weights = new
        if moved < 1e-9:
            break
    return weights / weights.sum()


def fit_stack(logs: np.ndarray, truth: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(slopes (E,), bias (K,)) from log-probabilities (E, N, K), class ids (N,) and shares of tapes (N,).

    Minimises the negative log-likelihood of softmax(sum_e a_e log p_e + b), each tape counting once, plus
    sum_e (a_e - 1/E)^2 / (2 SLOPE_SD^2) + sum_k b_k^2 / (2 BIAS_SD^2): Gaussian priors around the geometric
    mean. Slopes are not negative: trusting a model backwards is never more than chance. A species without
    validation clips has no say in its bias, which stays 0. The loss is convex: one minimum.
    """
    n_models, n_clips, n_classes = logs.shape
    rows = np.arange(n_clips)
    heard = np.isin(np.arange(n_classes), truth)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        slopes, bias = x[:n_models], x[n_models:]
        log_p = log_softmax(np.tensordot(slopes, logs, 1) + bias, axis=1)  # (N, K)
        error = np.exp(log_p) * shares[:, None]
        error[rows, truth] -= shares  # the gradient by the logits
        away = slopes - 1.0 / n_models
        value = -shares @ log_p[rows, truth]
        value += (away @ away) / (2 * SLOPE_SD**2) + (bias @ bias) / (2 * BIAS_SD**2)
        by_slope = np.tensordot(logs, error, 2) + away / SLOPE_SD**2
        by_bias = np.where(heard, error.sum(axis=0) + bias / BIAS_SD**2, 0.0)
        return float(value), np.concatenate([by_slope, by_bias])

    start = np.concatenate([np.full(n_models, 1.0 / n_models), np.zeros(n_classes)])
    bounds = [(0.0, None)] * n_models + [(None, None) if k else (0.0, 0.0) for k in heard]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return found[:n_models], found[n_models:]


def loss_per_tape(log_p: np.ndarray, truth: np.ndarray, tapes: Sequence[str]) -> float | None:
    """Mean over tapes of each tape's mean negative log-likelihood, in nats; None for no clips."""
    if len(truth) == 0:
        return None
    shares = tape_shares(tapes)
    return float(-(shares @ log_p[np.arange(len(truth)), truth]) / shares.sum())
