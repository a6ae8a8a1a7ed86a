"""Calibration: temperature scaling, and the difference between predicted probability and accuracy.

If a model is calibrated, 80 % of the answers with probability 0.8 are correct. All logits are divided by one
number, the temperature T. This changes the probabilities but no decision. T minimises the negative
log-likelihood of the validation clips, never of test clips (Guo, Pleiss, Sun & Weinberger 2017, "On
Calibration of Modern Neural Networks", ICML, section 4.2). The expected calibration error (ECE) and the
reliability table use 15 bins of equal width of the probability of the predicted species, as in section 2 of
that paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from finback.core.errors import FinbackError

T_MIN, T_MAX = 0.05, 20.0
PRIOR_DEVIATION = (
    1.0  # standard deviation of log T in the prior: T is within a factor of e for two models of three
)
N_BINS = 15


def cannot_fit(logits: np.ndarray, truth: np.ndarray) -> str:
    """Why no temperature can be fitted on logits (N, K) and class ids (N,); "" when it can."""
    if len(truth) == 0:
        return "no validation clips"
    if len(np.unique(truth)) < 2:
        return "validation clips of one species only"
    if np.all(logits.argmax(axis=1) == truth):
        # The likelihood then increases without limit as T decreases: every probability below 1 looks too low.
        return "every validation clip is classified correctly, so overconfidence cannot be measured"
    return ""


def fit_temperature(logits: np.ndarray, truth: np.ndarray, groups: Sequence[str] | None = None) -> float:
    """Temperature T in 0.05..20 for which the class ids (N,) are most likely under softmax(logits (N, K) /
    T).

    With `groups` (N,) every recording group has the same weight, and a normal prior with standard deviation
    `PRIOR_DEVIATION` pulls log T towards 0. Without the prior, four validation tapes that happen to be easy
    or difficult can move T to either limit. The result is 1.0 when no temperature can be fitted; `cannot_fit`
    gives the reason. Raises `FinbackError` for logits that are not finite.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if not np.all(np.isfinite(logits)):
        raise FinbackError(
            "the scores of the model are not finite numbers",
            "the training has diverged: train again with a lower training.learning_rate",
        )
    if cannot_fit(logits, truth):
        return 1.0
    rows = np.arange(len(truth))
    weights = np.ones(len(truth))
    if groups is not None:
        _, codes, counts = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
        weights = 1.0 / counts[codes]

    def loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        likelihood = float(weights @ (logsumexp(z, axis=1) - z[rows, truth]))
        return likelihood + (0.0 if groups is None else 0.5 * (log_t / PRIOR_DEVIATION) ** 2)

    # The negative log-likelihood is convex in 1/T and the prior is convex in log T: one minimum each.
    minimum = minimize_scalar(loss, bounds=np.log([T_MIN, T_MAX]), method="bounded")
    return float(np.clip(np.exp(minimum.x), T_MIN, T_MAX))


def apply(logits: np.ndarray, temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities (N, K) of logits (N, K); rows sum to 1."""
    if not temperature > 0:
        raise ValueError(f"temperature {temperature} is not positive")
    z = np.asarray(logits, dtype=np.float64) / temperature
    return np.exp(z - logsumexp(z, axis=1, keepdims=True)) if len(z) else z


def confidence_bins(probabilities: np.ndarray, n_bins: int = N_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the predicted species (N,) and its bin (N,) in 0..n_bins-1; bin b is (b/n, (b+1)/n]."""
    confidence = probabilities.max(axis=1) if len(probabilities) else np.zeros(0)
    return confidence, np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)


def ece_from_sums(n: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> NDArray[np.float64]:
    """ECE (...) from sums over each bin (..., n_bins): number of clips, confidences, correct answers.

    Guo et al., eq. 3: the difference between accuracy and mean confidence of each bin, weighted by the share
    of clips in the bin.
    """
    total = n.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.abs(right - confidence).sum(axis=-1) / np.where(total > 0, total, np.nan)


def ece(probabilities: np.ndarray, truth: np.ndarray, n_bins: int = N_BINS) -> float:
    """Expected calibration error of probabilities (N, K) and class ids (N,); NaN for no clips."""
    confidence, bins = confidence_bins(probabilities, n_bins)
    right = probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0)
    sums = [np.bincount(bins, weights=w, minlength=n_bins) for w in (np.ones(len(bins)), confidence, right)]
    return float(ece_from_sums(*sums))


def reliability_table(
    probabilities: np.ndarray, truth: np.ndarray, n_bins: int = N_BINS
) -> list[dict[str, float | int | None]]:
    """A row for each bin of probabilities (N, K) and class ids (N,): {low, high, confidence, accuracy, n}.

    `confidence` and `accuracy` are means over the clips of the bin, None for an empty bin.
    """
    confidence, bins = confidence_bins(probabilities, n_bins)
    right = probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)
    table: list[dict[str, float | int | None]] = []
    for b in range(n_bins):
        here = bins == b
        n = int(here.sum())
        table.append(
            {
                "low": b / n_bins,
                "high": (b + 1) / n_bins,
                "confidence": float(confidence[here].mean()) if n else None,
                "accuracy": float(right[here].mean()) if n else None,
                "n": n,
            }
        )
    return table
