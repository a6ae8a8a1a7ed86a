"""Can real sounds be told from generated ones? The AUC of a classifier that was trained to do so.

    real_made_auc(real, species_of_real, made, species_of_made)      # 0.5: no; 1.0: always

The classifier is logistic regression on embeddings. It is always tested on species that were left out of
its training. Without this rule, it could tell single clips, tapes or species apart and still say nothing
about the generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

PARTS = 5
PENALTY = 0.01  # inverse strength: hundreds of vectors of a thousand numbers need a strong one


class RowSpace(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Vectors (N, D) in an orthonormal basis of the space that N < D training vectors span.

    A linear model whose penalty is the norm of its weights has its weights in this space, so it stays the
    same, and is fitted several times as fast.
    """

    def fit(self, x: NDArray[np.floating], y: object = None) -> RowSpace:
        """The basis of the rows of `x` (N, D); none for N >= D."""
        self.basis_ = None
        if len(x) < x.shape[1]:
            x = np.asarray(x, dtype=np.float64)
            values, vectors = np.linalg.eigh(x @ x.T)
            kept = values > values.max(initial=0.0) * 1e-10
            self.basis_ = x.T @ (vectors[:, kept] / np.sqrt(values[kept]))  # (D, R)
        return self

    def transform(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """(L, D) -> (L, R)."""
        return x if self.basis_ is None else x @ self.basis_


def logistic(penalty: float = PENALTY) -> Pipeline:
    """Logistic regression on standardised vectors, with all classes of the same weight."""
    regression = LogisticRegression(C=penalty, max_iter=500, class_weight="balanced")
    return make_pipeline(StandardScaler(), RowSpace(), regression)


def real_made_auc(
    real: np.ndarray, real_species: np.ndarray, made: np.ndarray, made_species: np.ndarray, seed: int = 0
) -> float | None:
    """Mean AUC over the parts that `real_made_aucs` defines; None for fewer than two species in common."""
    aucs = real_made_aucs(real, real_species, made, made_species, seed)
    return float(aucs.mean()) if len(aucs) else None


def real_made_aucs(
    real: np.ndarray, real_species: np.ndarray, made: np.ndarray, made_species: np.ndarray, seed: int = 0
) -> NDArray[np.float64]:
    """AUC of each of five parts of the species, by a classifier of the other parts.

    `real` (N, D) and `made` (L, D) are embeddings, with species (N,) and (L,). Only species of both sets
    count; they are shared out at random. With fewer than five species, each is a part; with fewer than
    two, there is no part.
    """
    species = np.intersect1d(real_species, made_species)
    if len(species) < 2:
        return np.zeros(0)
    mixed = np.random.default_rng(seed).permutation(species)
    x = np.concatenate([real, made])
    kind = np.concatenate([real_species, made_species])
    is_made = np.concatenate([np.zeros(len(real), dtype=int), np.ones(len(made), dtype=int)])
    aucs = []
    for part in np.array_split(mixed, min(PARTS, len(mixed))):
        tested = np.isin(kind, part)
        taught = np.isin(kind, species) & ~tested
        classifier = logistic().fit(x[taught], is_made[taught])
        aucs.append(roc_auc_score(is_made[tested], classifier.decision_function(x[tested])))
    return np.array(aucs)
