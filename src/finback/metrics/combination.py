"""The probabilities of several models combined into one: by mean, weighted mean, or stacking.

    combination = fit("weights", probabilities, truth, groups)   # (E, N, K), (N,), N names: validation clips
    log_p = combination(probabilities)                           # (N, K)

`mean` is the arithmetic mean; nothing is fitted. `weights` is the mean with one weight for each model; the
weights are positive and sum to one. `stack` is a product of powers, softmax(sum_e a_e log p_e + b):
multinomial logistic regression on the log-probabilities of the models, with one slope for each model, shared
by all species, and one bias for each species.

A validation set has some hundred clips but only some tens of recording groups (tapes, deployments), and the
clips of one group are right or wrong together. So every group counts as one observation, however many clips
it has, and a prior restrains the fit. The strength of the prior is stated in groups: with few groups, the
result is close to the equal mean. A full stacking matrix (K outputs x E K inputs: 1,734 numbers for six
models of 17 species) would reproduce so few observations and not generalise; that is why `stack` has only E +
K numbers, and K of them stay close to zero. Even a few fitted weights are often worse than equal ones: Clemen
1989, "Combining forecasts", International Journal of Forecasting 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CombinationMethod = Literal["mean", "weights", "stack"]

PRIOR_GROUPS = 10.0  # the prior acts like this many more groups that every model explains equally well
SLOPE_SD = 0.25  # standard deviation of the prior of a slope around 1/E
BIAS_SD = 0.2  # standard deviation of the prior of a species' bias around 0, in nats
# Smallest probability: the logarithm of 0 is minus infinity, and the smallest float32 is near 1e-38.
FLOOR = 1e-37


@dataclass(frozen=True)
class Combination:
    """A rule that combines the answers of E models; `bias` is empty except for `stack`."""

    how: CombinationMethod
    weights: tuple[float, ...]  # (E,)
    bias: tuple[float, ...] = ()  # (K,)

    def __call__(self, probabilities: np.ndarray) -> NDArray[np.float64]:
        """Log-probabilities (N, K) of the probabilities (E, N, K). Raises `ValueError` for another E."""
        if len(probabilities) != len(self.weights):
            raise ValueError(f"{len(probabilities)} models for {len(self.weights)} weights")
        weights = np.asarray(self.weights)
        if self.how == "stack":
            from scipy.special import log_softmax  # 45 MB that a scan by one classifier does not need

            logs = np.log(np.maximum(probabilities, FLOOR))
            return log_softmax(np.tensordot(weights, logs, 1) + np.asarray(self.bias), axis=1)
        equal = self.how == "mean"
        mean = np.mean(probabilities, axis=0) if equal else np.tensordot(weights, probabilities, 1)
        return np.log(np.maximum(mean, FLOOR))


def equal(n: int) -> Combination:
    """The unweighted mean of n models."""
    return Combination("mean", (1.0 / n,) * n)


def fit(
    how: CombinationMethod, probabilities: np.ndarray, truth: np.ndarray, groups: Sequence[str]
) -> Combination:
    """Fit the combination of E models on validation clips.

    `probabilities` (E, N, K) are calibrated, `truth` (N,) are class ids, `groups` are N names of recording
    groups.
    """
    shares = group_shares(groups)
    if how == "weights":
        of_truth = probabilities[:, np.arange(len(truth)), truth]  # (E, N)
        return Combination("weights", tuple(fit_weights(of_truth, shares).tolist()))
    if how == "stack":
        slopes, bias = fit_stack(np.log(np.maximum(probabilities, FLOOR)), truth, shares)
        return Combination("stack", tuple(slopes.tolist()), tuple(bias.tolist()))
    return equal(len(probabilities))


def group_shares(groups: Sequence[str]) -> NDArray[np.float64]:
    """Weight of each clip (N,): one over the number of clips of its group, so that each group sums to 1."""
    _, index, counts = np.unique(np.asarray(groups, dtype=object), return_inverse=True, return_counts=True)
    return 1.0 / counts[index]


def fit_weights(
    of_truth: np.ndarray, shares: np.ndarray, prior_groups: float = PRIOR_GROUPS
) -> NDArray[np.float64]:
    """Weights (E,) that are positive and sum to 1, from the probabilities (E, N) of the true species.

    `shares` (N,) are the weights of the clips (`group_shares`). Maximises sum_n s_n log(sum_e w_e p_en) + (A
    / E) sum_e log w_e: the likelihood of the weighted mean under a Dirichlet prior worth A = `prior_groups`
    groups. Both terms are concave, and the EM steps for the weights of a mixture (Dempster, Laird & Rubin
    1977, section 4.3) never decrease the sum, so they converge to its only maximum.
    """
    n_models = len(of_truth)
    likelihood = np.maximum(of_truth, FLOOR)
    prior = prior_groups / n_models
    weights = np.full(n_models, 1.0 / n_models)
    for _ in range(10_000):
        mixed = weights[:, None] * likelihood
        explained = (mixed / mixed.sum(axis=0)) @ shares  # (E,) groups that each model accounts for
        new = (explained + prior) / max(shares.sum() + prior_groups, FLOOR)
        moved = float(np.abs(new - weights).max())
        weights = new
        if moved < 1e-9:
            break
    return weights / weights.sum()


def fit_stack(
    logs: np.ndarray, truth: np.ndarray, shares: np.ndarray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (E,) and bias (K,) from log-probabilities (E, N, K), class ids (N,) and clip weights (N,).

    Minimises the negative log-likelihood of softmax(sum_e a_e log p_e + b), in which each group counts once,
    plus sum_e (a_e - 1/E)^2 / (2 SLOPE_SD^2) + sum_k b_k^2 / (2 BIAS_SD^2): Gaussian priors around the
    geometric mean. Slopes are at least 0: that a model is worse than chance is always an accident. The bias
    of a species without validation clips stays 0. The loss is convex and has one minimum.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    n_models, n_clips, n_classes = logs.shape
    rows = np.arange(n_clips)
    present = np.isin(np.arange(n_classes), truth)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        slopes, bias = x[:n_models], x[n_models:]
        log_p = log_softmax(np.tensordot(slopes, logs, 1) + bias, axis=1)  # (N, K)
        error = np.exp(log_p) * shares[:, None]
        error[rows, truth] -= shares  # the gradient by the logits
        away = slopes - 1.0 / n_models
        value = -shares @ log_p[rows, truth]
        value += (away @ away) / (2 * SLOPE_SD**2) + (bias @ bias) / (2 * BIAS_SD**2)
        by_slope = np.tensordot(logs, error, 2) + away / SLOPE_SD**2
        by_bias = np.where(present, error.sum(axis=0) + bias / BIAS_SD**2, 0.0)
        return float(value), np.concatenate([by_slope, by_bias])

    start = np.concatenate([np.full(n_models, 1.0 / n_models), np.zeros(n_classes)])
    bounds = [(0.0, None)] * n_models + [(None, None) if k else (0.0, 0.0) for k in present]
    solution = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return solution[:n_models], solution[n_models:]


def loss_per_group(log_p: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> float | None:
    """Mean over groups of the mean negative log-likelihood of the clips of a group, in nats.

    `log_p` (N, K) log-probabilities, `truth` (N,) class ids, `groups` N names. None for no clips.
    """
    if len(truth) == 0:
        return None
    shares = group_shares(groups)
    return float(-(shares @ log_p[np.arange(len(truth)), truth]) / shares.sum())
