"""Fitted heads: the same answers as scikit-learn's own, weights and missing classes as promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from finback.core.errors import RunError
from finback.models.networks.heads import ABSENT, LEAST, Forest, Head, Logistic, Svm, balanced

K = 6
SEEN = np.array([0, 1, 3, 4])  # classes 2 and 5 have no example


def examples(n: int = 90, d: int = 12, seed: int = 0, seen: np.ndarray = SEEN) -> tuple[np.ndarray, ...]:
    """Overlapping classes, unequal in number: (N, D) float32, (N,), weights (N,) of one."""
    rng = np.random.default_rng(seed)
    y = rng.choice(seen, n, p=np.linspace(2, 1, len(seen)) / np.linspace(2, 1, len(seen)).sum())
    centres = np.random.default_rng(99).normal(0, 1.2, (K, d))
    x = (centres[y] + rng.normal(0, 1, (n, d))) * np.arange(1, d + 1) + 5
    return x.astype(np.float32), y, np.ones(n)


def fitted(head: Head, *data: np.ndarray) -> Head:
    head.fit(*data)
    return head


def test_logistic_equals_scikit_learn() -> None:
    x, y, w = examples()
    new = examples(200, seed=1)[0]
    scaler = StandardScaler().fit(x)
    oracle = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000).fit(scaler.transform(x), y)
    ours = fitted(Logistic(K), x, y, w)(torch.from_numpy(new)).softmax(dim=1).numpy()
    assert np.allclose(ours[:, SEEN], oracle.predict_proba(scaler.transform(new)), atol=1e-3)
    assert ours[:, [2, 5]].max() < 1e-9


def test_logistic_of_two_classes() -> None:
    x, y, w = examples(seen=np.array([1, 4]))
    scaler = StandardScaler().fit(x)
    oracle = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(scaler.transform(x), y)
    ours = fitted(Logistic(K, c=1.0), x, y, w)(torch.from_numpy(x)).softmax(dim=1).numpy()
    assert np.allclose(ours[:, [1, 4]], oracle.predict_proba(scaler.transform(x)), atol=1e-3)


@pytest.mark.parametrize("seen", [SEEN, np.arange(K), np.array([1, 4])], ids=len)
def test_svm_equals_scikit_learn(seen: np.ndarray) -> None:
    x, y, w = examples(seen=seen)
    new = examples(200, seed=1)[0]
    scaler = StandardScaler().fit(x)
    oracle = SVC(C=1.0, gamma=1 / x.shape[1], class_weight="balanced").fit(scaler.transform(x), y)
    ours = fitted(Svm(K), x, y, w)(torch.from_numpy(new)).numpy()
    theirs = oracle.decision_function(scaler.transform(new))
    if len(seen) == 2:
        assert np.array_equal(ours[:, 4] > ours[:, 1], theirs > 0)
    else:
        assert np.allclose(ours[:, seen], theirs, atol=1e-3)
    assert (np.delete(ours, seen, axis=1) == ABSENT).all()


def test_forest_equals_scikit_learn() -> None:
    x, y, w = examples(200)
    new = examples(300, seed=1)[0]
    head = Forest(K, trees=60)
    oracle = RandomForestClassifier(60, random_state=head.seed).fit(x, y, balanced(y, w))
    ours = fitted(head, x, y, w)(torch.from_numpy(new)).exp().numpy()
    assert np.abs(ours[:, SEEN] - oracle.predict_proba(new)).max() < 1e-6
    assert np.allclose(ours[:, [2, 5]], LEAST)


def test_forest_decides_on_the_threshold_as_scikit_learn_does() -> None:
    """Values that stand exactly at a threshold, or one float32 step away from it."""
    x, y, w = examples(200)
    head = fitted(Forest(K, trees=20), x, y, w)
    oracle = RandomForestClassifier(20, random_state=head.seed).fit(x, y, balanced(y, w))
    new = np.tile(x[:1], (3, 1))
    for estimator in oracle.estimators_:
        tree = estimator.tree_
        at = tree.threshold[0].astype(np.float32)
        for step, row in zip((-np.inf, 0, np.inf), new, strict=True):
            row[tree.feature[0]] = at if step == 0 else np.nextafter(at, np.float32(step))
        ours = head(torch.from_numpy(new)).exp().numpy()[:, SEEN]
        assert np.abs(ours - oracle.predict_proba(new)).max() < 1e-6


@pytest.mark.parametrize("make", [Logistic, Svm, Forest])
def test_weights_count_like_repetition(make: type[Head]) -> None:
    """Two windows of half the weight are one example."""
    x, y, w = examples()
    torch.manual_seed(0)
    one = fitted(make(K), x, y, w)
    torch.manual_seed(0)
    two = fitted(make(K), np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(w / 2, 2))
    new = torch.from_numpy(examples(100, seed=1)[0])
    if make is Forest:  # which examples a tree draws is another draw
        assert (one(new).argmax(1) == two(new).argmax(1)).float().mean() > 0.7
    else:
        assert torch.allclose(one(new), two(new), atol=2e-2)


def test_balanced_weights_by_hand() -> None:
    weights = balanced(np.array([7, 7, 7, 2]), np.array([1.0, 0.5, 0.5, 1.0]))
    assert weights.tolist() == [0.75, 0.375, 0.375, 1.5]


@pytest.mark.parametrize("make", [Logistic, Svm, Forest])
def test_a_dimension_that_never_changes_is_harmless(make: type[Head]) -> None:
    x, y, w = examples()
    x[:, 3] = 0.1
    logits = fitted(make(K), x, y, w)(torch.from_numpy(x + 1e-6))
    assert torch.isfinite(logits).all()
    assert (logits.argmax(1).numpy() == y).mean() > 0.5


@pytest.mark.parametrize("make", [Logistic, Svm, Forest])
def test_state_goes_into_a_head_of_other_shapes(make: type[Head]) -> None:
    head = fitted(make(K), *examples())
    other = fitted(make(K), *examples(40, d=5, seen=np.arange(K)))
    other.load_state_dict(head.state_dict())
    x = torch.from_numpy(examples(20, seed=1)[0])
    assert torch.equal(head(x), other(x))
    assert other.n_values == head.n_values > 0


@pytest.mark.parametrize("make", [Logistic, Svm, Forest])
def test_an_unfitted_head_says_so(make: type[Head]) -> None:
    with pytest.raises(RunError, match="was not fitted; train the model first"):
        make(K)(torch.zeros(1, 4))


def test_forests_of_one_seed_are_one_forest() -> None:
    x, y, w = examples()
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(fitted(Forest(K, trees=5), x, y, w).state_dict()["feature"].tolist())
    assert made[0] == made[1] != made[2]
