"""The kernel density of a species: by hand, equal tapes, several places."""

from __future__ import annotations

import numpy as np
import torch

from finback.models.networks.heads import ABSENT
from finback.models.networks.kernel import CONCENTRATION, KernelDensity


def logits(head: KernelDensity, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return head(torch.from_numpy(x.astype(np.float32))).numpy()


def test_it_is_the_mean_kernel_over_the_tapes_of_a_species() -> None:
    rng = np.random.default_rng(0)
    x, y, groups = rng.standard_normal((12, 6)), np.repeat([0, 1], 6), np.repeat([0, 1, 2, 3], [4, 2, 1, 5])
    head = KernelDensity(2)
    head.fit(x, y, np.ones(12), groups)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = (unit - unit.mean(axis=0)) / unit.std(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    kernel = np.exp(CONCENTRATION * (z @ z.T - 1))
    by_tape = np.stack([kernel[:, groups == g].mean(axis=1) for g in range(4)], axis=1)
    expected = np.log(np.stack([by_tape[:, :2].mean(axis=1), by_tape[:, 2:].mean(axis=1)], axis=1))
    np.testing.assert_allclose(logits(head, x), expected, atol=1e-4)


def test_a_tape_of_many_clips_weighs_no_more() -> None:
    """Every clip of one tape twice, with half the weight each or with all of it: the same density."""
    rng = np.random.default_rng(1)
    x, y, groups = rng.standard_normal((9, 4)), np.repeat([0, 1, 2], 3), np.arange(9) // 2
    more = np.r_[np.arange(9), 4, 5]
    shares = []
    for weights in (np.ones(9), np.r_[np.ones(9), 1, 1]):
        rows = more[: len(weights)]
        head = KernelDensity(3)
        head.fit(x[rows], y[rows], weights, groups[rows])
        share = np.zeros((9, 3))
        np.add.at(share, rows, head.share.numpy())
        shares.append(share)
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-6)
    np.testing.assert_allclose(shares[0].sum(axis=0), 1, atol=1e-6)


def test_a_species_may_have_several_places_and_an_absent_one_is_never_the_answer() -> None:
    rng = np.random.default_rng(0)
    places = {0: (np.array([1.0, 0, 0, 0]), np.array([-1.0, 0, 0, 0])), 1: (np.array([0, 1.0, 0, 0]),)}
    x = np.concatenate([p + 0.05 * rng.standard_normal((6, 4)) for own in places.values() for p in own])
    y = np.repeat([0, 0, 1], 6)
    head = KernelDensity(3)
    head.fit(x, y, np.ones(len(y)), np.repeat([0, 1, 2], 6))
    found = logits(head, x)
    assert (found.argmax(axis=1) == y).all()
    assert (found[:, 2] == ABSENT).all()
    again = KernelDensity(3)
    again.load_state_dict(head.state_dict())
    assert np.array_equal(logits(again, x), found)
