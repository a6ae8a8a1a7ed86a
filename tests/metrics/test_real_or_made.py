"""The classifier of real and generated sounds is tested on species that it was not trained on."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from finback.metrics.real_or_made import RowSpace, real_made_auc, real_made_aucs

N_SPECIES, EACH, SIZE = 10, 12, 30


def sounds(seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of ten species with centres of their own; `shift` moves all in one direction."""
    centres = np.random.default_rng(7).normal(0, 5, (N_SPECIES, SIZE))
    y = np.repeat(np.arange(N_SPECIES), EACH)
    x = centres[y] + np.random.default_rng(seed).normal(size=(len(y), SIZE))
    x[:, 0] += shift
    return x, np.array([f"species {k}" for k in y])


def test_equal_sets_are_not_told_apart() -> None:
    auc = real_made_auc(*sounds(1), *sounds(2))
    assert auc is not None
    assert 0.35 < auc < 0.65


def test_a_fault_of_all_samples_is_found_in_unknown_species() -> None:
    auc = real_made_auc(*sounds(1), *sounds(2, shift=30.0))
    assert auc is not None
    assert auc > 0.95
    assert len(real_made_aucs(*sounds(1), *sounds(2))) == 5


def test_faults_of_single_species_do_not_count() -> None:
    x, y = sounds(2)
    moved = x + np.random.default_rng(3).normal(0, 20, (N_SPECIES, SIZE))[np.repeat(np.arange(10), EACH)]
    auc = real_made_auc(*sounds(1), moved, y)  # each species is moved in another direction
    assert auc is not None
    assert auc < 0.85


def test_only_common_species_count() -> None:
    x, y = sounds(1)
    few = np.isin(y, ["species 0", "species 1"])
    assert len(real_made_aucs(x, y, *(v[few] for v in sounds(2)))) == 2
    assert real_made_auc(x, y, *(v[y == "species 0"] for v in sounds(2))) is None


def test_the_row_space_changes_no_answer() -> None:
    rng = np.random.default_rng(0)
    x, y, tested = rng.normal(size=(40, 200)), np.arange(40) % 3, rng.normal(size=(9, 200))
    plain, turned = (LogisticRegression(C=0.01, tol=1e-10, max_iter=5000) for _ in range(2))
    space = RowSpace().fit(x)
    assert space.transform(x).shape == (40, 40)
    expected = plain.fit(x, y).decision_function(tested)
    found = turned.fit(space.transform(x), y).decision_function(space.transform(tested))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert RowSpace().fit(x[:, :30]).transform(tested[:, :30]) is not None
