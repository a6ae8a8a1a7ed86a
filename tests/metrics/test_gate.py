"""The fit of a gate: calls of known species against noises, on groups that were left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finback.core.types import softmax, with_none
from finback.metrics.gate import Examples, cross_fitted, fit_gate

D = 12


def examples(seed: int = 0, apart: float = 3.0) -> Examples:
    """Three species on two tapes each and two kinds of noise; a tape moves its calls and its noise alike."""
    rng = np.random.default_rng(seed)
    z, names, groups = [], [], []
    for name, axis in (("a", 0), ("b", 1), ("c", 2), ("noise x", 3), ("noise y", 4)):
        for tape in range(2):
            centre = rng.normal(0, 0.3, D)
            centre[axis] += apart
            z.append(centre + rng.normal(0, 0.5, (20, D)))
            names += [name] * 20
            groups += [f"{name} {tape}"] * 20
    is_call = np.array([len(name) == 1 for name in names])
    return Examples(np.concatenate(z), np.array(names), is_call, np.array(groups), np.arange(len(names)) // 2)


def test_calls_are_known_and_noises_are_not() -> None:
    fitted, left_out = fit_gate(examples())
    new = examples(seed=1)
    odds = fitted.odds(new.z)
    assert (odds[new.is_call] > 0).mean() > 0.95
    assert (odds[~new.is_call] < 0).mean() > 0.95
    assert left_out is not None
    assert left_out.odds[left_out.is_call].mean() > left_out.odds[~left_out.is_call].mean()
    assert len(left_out.odds) == len(new.z) // 2  # one for each sound of two windows


def test_the_probability_is_that_of_groups_left_out() -> None:
    """Where new tapes say nothing, the probability must not be sure, however far apart the examples are."""
    same = examples(apart=0.0)
    fitted, _ = fit_gate(same)
    assert np.abs(fitted.odds(same.z)).mean() < 1.0
    sure, _ = fit_gate(examples())
    assert np.abs(sure.odds(same.z)).mean() > np.abs(fitted.odds(same.z)).mean()


def test_no_example_is_scored_by_a_fit_with_its_group() -> None:
    one = examples()
    scores, done, known = cross_fitted(one)
    assert done.all()
    assert known.any()
    moved = one.z.copy()
    moved[one.groups == "a 0"] += 50.0  # its own scores may change, but not because the fit has seen it
    again, *_ = cross_fitted(Examples(moved, one.names, one.is_call, one.groups, one.sounds))
    fold_of_it = ~np.isclose(again, scores).all(axis=1)
    assert fold_of_it[one.groups != "a 0"].any()
    only = one.only(one.groups != "a 0")
    assert len(only.z) == len(one.z) - 20


@pytest.mark.parametrize("most", [D, 6])
def test_a_gate_does_not_depend_on_the_units_of_an_embedding(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is fitted to the first principal components alone."""
    monkeypatch.setattr("finback.metrics.gate.COMPONENTS", most)
    one, new = examples(), examples(seed=1)
    fitted, _ = fit_gate(one)
    odds = fitted.odds(new.z)
    assert ((odds > 0) == new.is_call).mean() > 0.85
    unit, zero = np.linspace(0.1, 30.0, D), np.linspace(-5.0, 5.0, D)
    other, _ = fit_gate(replace(one, z=one.z * unit + zero))
    np.testing.assert_allclose(other.odds(new.z * unit + zero), odds, atol=1e-2 * np.abs(odds).max())


def test_a_species_with_one_tape_says_nothing_of_new_tapes() -> None:
    """Its calls are of an unknown species where its tape is left out."""
    one = examples()
    lone = one.groups == "a 0"
    few = one.only(~lone)
    _, done, known = cross_fitted(few)
    assert done.all()
    assert (known == ~(few.names == "a"))[~few.is_call | (few.names == "a")].all()
    fitted, left_out = fit_gate(few)
    assert left_out is not None
    own = left_out.is_call & left_out.known
    assert 0.9 <= (left_out.odds[own] >= -1e-9).mean() <= 1.0
    assert (fitted.odds(few.z[few.names == "a"]) > 0).mean() > 0.9


def test_one_group_of_noise_is_enough() -> None:
    one = examples()
    is_kept = one.is_call | (one.groups == "noise x 0")
    fitted, left_out = fit_gate(one.only(is_kept))
    assert left_out is None
    assert (fitted.odds(one.z[one.is_call]) > 0).mean() > 0.95


def test_a_gate_needs_both_sides() -> None:
    one = examples()
    with pytest.raises(ValueError, match="calls and noises"):
        fit_gate(one.only(one.is_call))


def test_probabilities_after_the_gate() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1]], dtype=np.float32))
    p = softmax(with_none(logits, np.log(np.array([0.25 / 0.75]))))
    np.testing.assert_allclose(p, [[0.175, 0.05, 0.025, 0.75]], atol=1e-6)
    assert np.isfinite(with_none(logits, np.array([1e4]))).all()
    assert np.isfinite(with_none(logits, np.array([-1e4]))).all()
