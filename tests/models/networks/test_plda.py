"""The group-aware head: variances computed by hand, and their effect."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from finback.core.errors import RunError
from finback.models.networks.plda import FLOOR, Plda, species


def sea(n_species: int, n_tapes: int, n_clips: int, seed: int = 0, d: int = 12) -> tuple[np.ndarray, ...]:
    """Clips (N, D) of species (N,) on tapes (N,); tapes deviate twice as far as species, clips little."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_species), n_tapes * n_clips)
    tapes = np.repeat(np.arange(n_species * n_tapes), n_clips)
    kind = np.random.default_rng(99).normal(size=(n_species, d)) * np.where(np.arange(d) < d // 2, 2.0, 0.3)
    tape = rng.normal(size=(n_species * n_tapes, d)) * np.where(np.arange(d) < d // 2, 0.5, 3.0)
    x = kind[y] + tape[tapes] + rng.normal(scale=0.3, size=(len(y), d)) + 20
    return x.astype(np.float32), y, np.ones(len(y)), tapes


def test_variances_by_hand() -> None:
    """Two species, two tapes each, two clips each: the analysis of variance on paper."""
    z = np.array([[0.0], [2.0], [4.0], [6.0], [20.0], [22.0], [24.0], [26.0]])
    y, tapes = np.repeat([0, 1], 4), np.repeat([0, 1, 2, 3], 2)
    centre, spread = species(z, y, np.ones(8), tapes)
    rest = 8 * 1.0 / (8 - 4)  # every clip is 1 off its tape's mean: 2
    tape = (4 * 4.0 - 4 * rest / 2 * (1 - 1 / 2)) / (4 - 2)  # tape means are 2 off: 16, less the clips' part
    floor = FLOOR * z.var()  # of a single direction the average's is the smaller
    rest, tape = max(rest, floor), max(tape, floor)
    apart = ((3 - 13) ** 2 + (23 - 13) ** 2) / 1 - (tape + rest / 2) / 2
    certainty = 2 / (tape + rest / 2) + 1 / apart
    assert centre[0, 0] == pytest.approx((2 / (tape + rest / 2) * 3 + 13 / apart) / certainty, rel=1e-6)
    assert spread[0, 0] == pytest.approx(1 / certainty + tape + rest, rel=1e-6)


def test_a_species_of_one_tape_is_less_certain_than_one_of_five() -> None:
    x, y, w, tapes = sea(4, 5, 6)
    few = (y != 0) | (tapes == 0)
    centre, spread = species(x[few].astype(float), y[few], w[few], tapes[few])
    assert (spread[0] > spread[1]).all()
    middle = np.stack([x[few][y[few] == k].mean(axis=0) for k in range(4)]).mean(axis=0)
    own = x[few][y[few] == 0].mean(axis=0)
    towards = (centre[0] - own) * (middle - own)
    assert towards.sum() > 0  # drawn to the middle of all


def test_it_knows_species_on_new_tapes_better_than_logistic_regression() -> None:
    x, y, w, tapes = sea(6, 3, 10)
    new, truth, *_ = sea(6, 20, 2, seed=5)
    head = Plda(6)
    head.fit(x, y, w, tapes)
    ours = (head(torch.from_numpy(new)).argmax(dim=1).numpy() == truth).mean()
    theirs = (LogisticRegression(C=0.01, max_iter=500).fit(x, y).predict(new) == truth).mean()
    assert ours > theirs + 0.03


def test_many_windows_of_a_clip_count_once() -> None:
    x, y, w, tapes = sea(3, 3, 4)
    twice = [np.concatenate([a, a]) for a in (x, y, w / 2, tapes)]
    one, two = Plda(3), Plda(3)
    one.fit(x, y, w, tapes)
    two.fit(*twice)
    assert torch.allclose(one(torch.from_numpy(x)), two(torch.from_numpy(x)), atol=1e-2)


def test_level_does_not_matter_and_absent_species_never_win() -> None:
    x, y, w, tapes = sea(3, 3, 4)
    head = Plda(5)
    head.fit(x, y + (y == 2), w, tapes)  # classes 0, 1, 3
    out = head(torch.from_numpy(x))
    assert torch.allclose(out, head(torch.from_numpy(7 * x)), atol=1e-2)
    assert torch.isfinite(out).all()
    assert set(out.argmax(dim=1).tolist()) <= {0, 1, 3}


def test_round_trip_and_an_unfitted_head_says_so() -> None:
    x, y, w, tapes = sea(3, 2, 4)
    head, other = Plda(3), Plda(3)
    with pytest.raises(RunError, match="was not fitted"):
        other(torch.from_numpy(x))
    head.fit(x, y, w, tapes)
    other.load_state_dict(head.state_dict())
    assert torch.equal(head(torch.from_numpy(x)), other(torch.from_numpy(x)))
