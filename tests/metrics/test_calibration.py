"""Temperature and calibration error, against numbers worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.core.errors import FinbackError
from finback.metrics import calibration as calibrate


def drawn(temperature: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose truth was drawn from softmax(logits / temperature)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(n, 5))
    p = calibrate.apply(logits, temperature)
    return logits, (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_truth_is_found(temperature):
    assert calibrate.fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.08)


def test_two_clip_temperature_by_hand():
    """Logit gap 1, right in 3 of 4: best when sigmoid(1/T) = 3/4, so T = 1 / ln 3."""
    logits = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [1, 0], [0, 1]])
    truth = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    assert calibrate.fit_temperature(logits, truth) == pytest.approx(1 / np.log(3), rel=1e-3)


def test_scaling_helps_confidence_and_changes_no_decision():
    logits, truth = drawn(3.0)
    before, after = (
        calibrate.apply(logits, 1.0),
        calibrate.apply(logits, calibrate.fit_temperature(logits, truth)),
    )
    assert calibrate.ece(after, truth) < 0.5 * calibrate.ece(before, truth)
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))


@pytest.mark.parametrize(
    ("logits", "truth", "reason"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "no validation clips"),
        (np.eye(3), np.zeros(3, int), "one species"),
        (np.eye(3), np.arange(3), "every validation clip is classified correctly"),
    ],
)
def test_where_nothing_can_be_fitted_the_temperature_is_one_and_says_why(logits, truth, reason):
    assert calibrate.fit_temperature(logits, truth) == 1.0
    assert reason in calibrate.cannot_fit(logits, truth)


def test_a_fit_that_can_be_made_gives_no_reason():
    assert calibrate.cannot_fit(*drawn(1.0)) == ""


def test_the_temperature_stays_in_its_bounds():
    truth = np.array([0, 1, 0, 1])
    wrong = np.array([[0.0, 9], [9, 0], [0, 9], [9, 0]])  # always wrong: the flattest is the best
    assert calibrate.fit_temperature(wrong, truth) == pytest.approx(calibrate.T_MAX, rel=0.01)


def test_diverged_scores_are_refused():
    with pytest.raises(FinbackError, match="diverged"):
        calibrate.fit_temperature(np.array([[np.nan, 1.0]]), np.array([0]))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.05, 20))
def test_probabilities_are_probabilities(seed, temperature):
    logits = np.random.default_rng(seed).normal(scale=300, size=(6, 4))
    p = calibrate.apply(logits, temperature)
    assert np.all((p >= 0) & (p <= 1))
    assert p.sum(axis=1) == pytest.approx(np.ones(6))


def test_no_temperature_below_zero():
    with pytest.raises(ValueError, match="not positive"):
        calibrate.apply(np.eye(2), 0.0)


def test_ece_by_hand():
    """Two clips at 0.95 of which one is right, two at 0.65 both right: (2 * 0.45 + 2 * 0.35) / 4 = 0.4."""
    p = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    assert calibrate.ece(p, np.array([0, 1, 1, 1]), n_bins=10) == pytest.approx(0.4)


def test_ece_of_no_clips_is_undefined():
    assert np.isnan(calibrate.ece(np.zeros((0, 3)), np.zeros(0, int)))


def test_reliability_table_tells_the_same_story_as_the_ece():
    logits, truth = drawn(2.0)
    p = calibrate.apply(logits, 1.0)
    table = calibrate.reliability_table(p, truth)
    assert [row["low"] for row in table] == pytest.approx(np.arange(15) / 15)
    assert sum(row["n"] for row in table) == len(truth)
    gap = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in table if row["n"])
    assert gap / len(truth) == pytest.approx(calibrate.ece(p, truth))


def test_bins_hold_their_upper_edge_and_empty_ones_say_so():
    table = calibrate.reliability_table(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0, 1]), n_bins=2)
    assert [row["n"] for row in table] == [1, 1]
    assert table[0]["accuracy"] == 0
    assert calibrate.reliability_table(np.array([[1.0, 0.0]]), np.array([0]), n_bins=2)[0]["accuracy"] is None


def test_a_tape_counts_once_however_many_clips_it_has() -> None:
    logits, truth = drawn(2.0)
    tapes = [f"tape {i % 40}" for i in range(len(truth))]
    before = calibrate.fit_temperature(logits, truth, tapes)
    assert before == pytest.approx(2.0, rel=0.3)
    wrong = (truth[0] + 1) % 5
    more = np.repeat(logits[:1], 2000, axis=0), np.full(2000, wrong)  # one tape, one surprise, many cuts
    logits, truth = np.concatenate([logits, more[0]]), np.concatenate([truth, more[1]])
    by_clip = calibrate.fit_temperature(logits, truth)
    by_tape = calibrate.fit_temperature(logits, truth, [*tapes, *["another"] * 2000])
    assert abs(np.log(by_tape / before)) < 0.3 * abs(np.log(by_clip / before))


def test_few_tapes_do_not_drive_the_temperature_to_its_end() -> None:
    logits = np.array([[3.0, 0.0], [0.0, 3.0], [2.0, 0.0]])
    truth = np.array([1, 0, 1])  # all wrong
    assert calibrate.fit_temperature(logits, truth) > 15
    assert calibrate.fit_temperature(logits, truth, ["a", "b", "c"]) < 6
