"""Several models as one: hand-worked weights, and what can and cannot be fitted from few tapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import softmax

from finback.metrics.combination import (
    PRIOR_GROUPS,
    Combination,
    equal,
    fit,
    fit_stack,
    fit_weights,
    group_shares,
    loss_per_group,
)

K = 4


def answers(sharpness: float, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, K) probabilities of a model whose logits hold the truth with this much strength, among noise."""
    return softmax(rng.normal(size=(len(truth), K)) + sharpness * np.eye(K)[truth], axis=1)


def tapes_of(n: int, clips_each: int = 1) -> list[str]:
    return [f"tape {i // clips_each}" for i in range(n)]


def test_mean_is_the_arithmetic_mean_and_weights_weigh() -> None:
    p = np.array([[[0.8, 0.2]], [[0.4, 0.6]]])  # (E=2, N=1, K=2)
    assert np.exp(equal(2)(p)) == pytest.approx(np.array([[0.6, 0.4]]))
    assert np.exp(Combination("weights", (0.75, 0.25))(p)) == pytest.approx(np.array([[0.7, 0.3]]))


def test_stack_is_a_product_of_powers_by_hand() -> None:
    p = np.array([[[0.8, 0.2]], [[0.5, 0.5]]])
    # Odds of 4 to the power of 1/2 are 2; a bias of log 3 on the second makes them 2 to 3.
    stacked = Combination("stack", (0.5, 0.5), (0.0, float(np.log(3))))
    assert np.exp(stacked(p)) == pytest.approx(np.array([[0.4, 0.6]]))


def test_a_probability_of_zero_is_no_infinity() -> None:
    p = np.array([[[1.0, 0.0]], [[1.0, 0.0]]])
    for combination in (equal(2), Combination("stack", (0.5, 0.5), (0.0, 0.0))):
        assert np.all(np.isfinite(combination(p)))


def test_a_combination_refuses_another_number_of_models() -> None:
    with pytest.raises(ValueError, match="3 models for 2 weights"):
        equal(2)(np.full((3, 1, 2), 0.5))


def test_weights_by_hand() -> None:
    # One model gives the truth 1, the other 0: each of 6 tapes is explained by the first alone, so the
    # maximum is at (6 + A/2) / (6 + A).
    of_truth = np.array([[1.0] * 6, [0.0] * 6])
    found = fit_weights(of_truth, np.ones(6), prior_groups=4.0)
    assert found == pytest.approx([0.8, 0.2], abs=1e-6)
    assert fit_weights(of_truth, np.ones(6), prior_groups=0.0) == pytest.approx([1.0, 0.0], abs=1e-6)


def test_weights_are_where_the_penalised_likelihood_is_highest() -> None:
    rng = np.random.default_rng(3)
    of_truth, shares = rng.random((2, 40)), np.full(40, 0.5)
    found = fit_weights(of_truth, shares)
    grid = np.linspace(0.001, 0.999, 999)
    value = [
        shares @ np.log(w * of_truth[0] + (1 - w) * of_truth[1]) + PRIOR_GROUPS / 2 * np.log(w * (1 - w))
        for w in grid
    ]
    assert found[0] == pytest.approx(grid[int(np.argmax(value))], abs=0.002)
    assert found.sum() == pytest.approx(1)


def test_a_good_model_gets_nearly_all_and_noise_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, 200)
    p = np.stack([answers(8.0, truth, rng), answers(0.0, truth, rng)])
    assert fit("weights", p, truth, tapes_of(200)).weights[0] > 0.93
    # A stack learns it from mistakes, of which so good a model makes none: a fair one here.
    p = np.stack([answers(3.0, truth, rng), answers(0.0, truth, rng)])
    slopes = fit("stack", p, truth, tapes_of(200)).weights
    assert slopes[0] > 0.7
    assert slopes[1] < 0.3


@pytest.mark.parametrize("how", ["weights", "stack"])
def test_equal_models_share(how: str) -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, K, 100)
    one = answers(2.0, truth, rng)
    first, second = fit(how, np.stack([one, one]), truth, tapes_of(100)).weights  # type: ignore[arg-type]
    assert first == pytest.approx(second, abs=1e-3)
    if how == "weights":
        assert first == pytest.approx(0.5)


def test_one_tape_changes_little_however_many_clips_it_has() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, K, 200)
    p = np.stack([answers(8.0, truth, rng), answers(0.0, truth, rng)])
    few = fit("weights", p, truth, ["the tape"] * 200).weights
    assert few[0] == pytest.approx(0.5, abs=0.06)
    slopes = fit("stack", p, truth, ["the tape"] * 200).weights
    assert slopes == pytest.approx((0.5, 0.5), abs=0.15)


def test_clips_of_a_tape_share_one_vote() -> None:
    assert group_shares(["a", "b", "a", "a", "b"]) == pytest.approx([1 / 3, 1 / 2, 1 / 3, 1 / 3, 1 / 2])
    assert len(group_shares([])) == 0
    # Tape a: loss log 2; tape b: loss log 4, twice. The mean over tapes is log 2 * 1.5.
    log_p = np.log(np.array([[0.5, 0.5], [0.25, 0.75], [0.25, 0.75]]))
    assert loss_per_group(log_p, np.zeros(3, int), ["a", "b", "b"]) == pytest.approx(1.5 * np.log(2))
    assert loss_per_group(log_p[:0], np.zeros(0, int), []) is None


def test_stack_is_at_the_bottom_of_its_valley() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, K - 1, 60)  # the last species has no validation clip
    logs = np.log(np.stack([answers(s, truth, rng) for s in (2.0, 1.0, 0.0)]))
    shares = group_shares(tapes_of(60, 3))
    slopes, bias = fit_stack(logs, truth, shares)

    def loss(x: np.ndarray) -> float:
        z = np.tensordot(x[:3], logs, 1) + x[3:]
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        prior = np.sum((x[:3] - 1 / 3) ** 2) / (2 * 0.25**2) + np.sum(x[3:] ** 2) / (2 * 0.2**2)
        return float(-shares @ log_p[np.arange(60), truth] + prior)

    gradient = approx_fprime(np.concatenate([slopes, bias]), loss, 1e-6)
    free = np.concatenate([slopes > 0, [True] * (K - 1), [False]])
    assert np.abs(gradient[free]).max() < 0.01
    assert bias[-1] == 0
    assert slopes[0] > slopes[1] > slopes[2] >= 0


def test_a_stack_never_trusts_a_model_backwards() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, K, 300)
    p = np.stack([answers(3.0, truth, rng), answers(-3.0, truth, rng)])
    assert fit("stack", p, truth, tapes_of(300)).weights[1] == 0


def test_mean_learns_nothing() -> None:
    p = np.full((3, 0, K), 0.25)
    assert fit("mean", p, np.zeros(0, int), []) == equal(3)
