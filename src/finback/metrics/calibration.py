"""Scores that mean something: temperature scaling, and how far confidence is from accuracy.

Of the clips a calibrated model is 80 % sure of, 80 % are right. One number, the temperature T, divides all
logits: it changes no decision, only how sure the model says it is. T is fitted on validation clips, never
on test clips, by least negative log-likelihood (Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of
Modern Neural Networks", ICML, section 4.2). The expected calibration error (ECE) and the reliability
table use 15 bins of equal width of the top label's probability, as they do (section 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from finback.core.errors import FinbackError

T_MIN, T_MAX = 0.05, 20.0
PRIOR_DEVIATION = 1.0  # of log T: two thirds of models are within a factor of e
N_BINS = 15


def cannot_fit(logits: np.ndarray, truth: np.ndarray) -> str:
    """Why no temperature can be fitted on logits (N, K) and class ids (N,); "" when one can."""
    if len(truth) == 0:
        return "no validation clips"
    if len(np.unique(truth)) < 2:
        return "validation clips of one species only"
    if np.all(logits.argmax(axis=1) == truth):
        # The likelihood then grows without end as T falls: any confidence short of 1 looks too low.
        return "every validation clip is right, so nothing says how sure is too sure"
    return ""


def fit_temperature(logits: np.ndarray, truth: np.ndarray, tapes: Sequence[str] | None = None) -> float:
    """Temperature T in 0.05..20 that makes class ids (N,) most likely under softmax(logits (N, K) / T).

    With `tapes` (N,) the clips of a tape count together as one, and log T is drawn to 0 with deviation
    `PRIOR_DEVIATION`: four validation tapes that happen to be easy or hard say little, and without that drove
    T to either end. 1.0 when none can be fitted; `cannot_fit` says why. Raises `FinbackError` for logits that
    are not finite.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if not np.all(np.isfinite(logits)):
        raise FinbackError(
            "the model's scores are not finite numbers", "it has diverged: train with a lower lr"
        )
    if cannot_fit(logits, truth):
        return 1.0
    rows = np.arange(len(truth))
    weights = np.ones(len(truth))
    if tapes is not None:
        _, tape, counts = np.unique(np.asarray(tapes, dtype=str), return_inverse=True, return_counts=True)
        weights = 1.0 / counts[tape]

    def loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        surprise = float(weights @ (logsumexp(z, axis=1) - z[rows, truth]))
        return surprise + (0.0 if tapes is None else 0.5 * (log_t / PRIOR_DEVIATION) ** 2)

    # In log T the likelihood has one valley over this range (it is convex in 1/T), and so has the prior.
    found = minimize_scalar(loss, bounds=np.log([T_MIN, T_MAX]), method="bounded")
    return float(np.clip(np.exp(found.x), T_MIN, T_MAX))


def apply(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Calibrated probabilities (N, K) float64 of logits (N, K); rows sum to 1."""
    if not temperature > 0:
        raise ValueError(f"temperature {temperature} is not positive")
    z = np.asarray(logits, dtype=np.float64) / temperature
    return np.exp(z - logsumexp(z, axis=1, keepdims=True)) if len(z) else z


def confidence_bins(probabilities: np.ndarray, n_bins: int = N_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Top label's probability (N,) and its bin (N,) in 0..n_bins-1; bin b holds (b/n, (b+1)/n]."""
    confidence = probabilities.max(axis=1) if len(probabilities) else np.zeros(0)
    return confidence, np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)


def ece_from_sums(n: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """ECE (...) from sums per bin (..., n_bins): clips, their confidence, their right answers.

    Guo et al., eq. 3: the gap between accuracy and confidence of each bin, weighted by its share of clips.
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
    """One row per bin: {low, high, confidence, accuracy, n}; mean confidence and accuracy None when empty."""
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
