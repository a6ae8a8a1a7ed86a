"""The mean of three heads: what each adds, and temperatures from groups left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback.models.networks.mix import Mix
from finback.models.networks.plda import Plda

N_SPECIES, N_GROUPS, N_CLIPS, D = 4, 5, 8, 30


def data(seed: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (N, D) of species with groups that lie apart, class ids and group ids."""
    species = np.random.default_rng(0).standard_normal((N_SPECIES, D))
    rng = np.random.default_rng(seed)
    groups = species[:, None] + spread * rng.standard_normal((N_SPECIES, N_GROUPS, D))
    x = groups[:, :, None] + 0.3 * rng.standard_normal((N_SPECIES, N_GROUPS, N_CLIPS, D))
    y = np.repeat(np.arange(N_SPECIES), N_GROUPS * N_CLIPS)
    return x.reshape(-1, D), y, np.repeat(np.arange(N_SPECIES * N_GROUPS), N_CLIPS)


def fitted(n_classes: int = N_SPECIES, spread: float = 1.0) -> Mix:
    x, y, groups = data(1, spread)
    head = Mix(n_classes, size=10)
    head.fit(x, y, np.ones(len(y)), groups)
    return head


def log_loss(logits: torch.Tensor, y: np.ndarray) -> float:
    return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(y)))


def test_it_recognises_new_groups_and_is_stored_as_tensors() -> None:
    head, (x, y, _) = fitted(), data(2)
    rows = torch.from_numpy(x.astype(np.float32))
    logits = head(rows)
    assert (logits.argmax(1).numpy() == y).mean() > 0.7
    again = Mix(N_SPECIES)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(rows), logits)
    assert torch.allclose(logits.exp().sum(1), torch.ones(len(rows)), atol=1e-5)


def test_temperatures_are_those_of_groups_left_out() -> None:
    """Where groups lie far apart, a head is less sure of new groups than of those that it has seen."""
    head, (x, y, _) = fitted(spread=3.0), data(3, 3.0)
    rows = torch.from_numpy(x.astype(np.float32))
    for own, temperature in zip(head.heads, head.temperature, strict=True):
        logits = own(rows)
        assert log_loss(logits / temperature, y) < log_loss(logits / 0.05, y)
        assert log_loss(logits / temperature, y) < log_loss(logits / 50, y)
    assert log_loss(head(rows), y) < np.log(N_SPECIES)


def test_one_group_or_one_group_a_species_leaves_temperatures_at_one() -> None:
    x, y, _ = data(1)
    for own in (np.zeros(len(y), int), y):
        head = Mix(N_SPECIES, size=10)
        head.fit(x, y, np.ones(len(y)), own)
        assert head.temperature.tolist() == [1.0, 1.0, 1.0]
        assert torch.isfinite(head(torch.from_numpy(x.astype(np.float32)))).all()


def test_a_class_without_clips_is_never_the_answer() -> None:
    head, (x, _, _) = fitted(N_SPECIES + 1), data(2)
    shares = head(torch.from_numpy(x.astype(np.float32))).exp()
    assert (shares[:, -1] < 1e-3).all()


def test_calibration_on_the_same_examples_fits_no_head_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, groups = data(1)
    weights = np.ones(len(y))
    head = Mix(N_SPECIES, size=10)
    head.fit(x, y, weights, groups)
    with monkeypatch.context() as patched:
        patched.setattr(Plda, "fit", lambda *_: pytest.fail("fitted again"))
        logits = head.left_out(x, y, weights, groups)
    other = weights * np.where(groups == 0, 2.0, 1.0)
    assert not np.array_equal(head.left_out(x, y, other, groups), logits)
    assert np.array_equal(Mix(N_SPECIES, size=10).left_out(x, y, weights, groups), logits)
