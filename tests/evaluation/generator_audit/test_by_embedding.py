"""Figures of generators of which the answer is known: a perfect one, a collapsed one, a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from finback.evaluation.generator_audit.by_embedding import EmbeddedSets, Vectors

N_SPECIES, SIZE = 6, 20
CENTRES = np.random.default_rng(5).normal(0, 4, (N_SPECIES, SIZE))


def sounds(seed: int, each: int = 12, spread: float = 1.0, shift: float = 0.0) -> Vectors:
    """Vectors around the centre of their species, three tapes each; `shift` moves all in one direction."""
    y = np.repeat(np.arange(N_SPECIES), each)
    z = CENTRES[y] + np.random.default_rng(seed).normal(0, spread, (len(y), SIZE))
    z[:, 0] += shift
    return Vectors(z.astype(np.float32), y, [f"tape {k}.{i % 3}" for i, k in enumerate(y)])


@pytest.fixture(scope="module")
def sets() -> EmbeddedSets:
    return EmbeddedSets(sounds(1), sounds(2), sounds(3))


def test_a_perfect_generator_cannot_be_told_from_clips(sets: EmbeddedSets) -> None:
    row = sets.of_samples(sounds(4))
    assert row["recognised"] == row["recognised_by_unseen"] == 1.0
    assert abs(row["kad_unseen"]) < 1.0
    low, high = row["kad_unseen_ci"]
    assert low < row["kad_unseen"] < high
    assert 0.3 < row["real_made_auc"] < 0.7
    assert row["substitution"] == pytest.approx(1.0, abs=0.05)
    assert row["substitution_ci"][0] <= row["substitution"] <= row["substitution_ci"][1]
    assert row["diversity"] == pytest.approx(1.0, abs=0.1)


def test_a_fault_of_all_samples_shows(sets: EmbeddedSets) -> None:
    row, perfect = sets.of_samples(sounds(4, shift=15.0)), sets.of_samples(sounds(4))
    assert row["real_made_auc"] > 0.95
    assert row["kad_unseen"] > perfect["kad_unseen"] + 5
    assert sets.of_samples(sounds(4, shift=15.0), vocoded=sounds(4))["real_made_auc"] < 0.7


def test_a_generator_of_one_call_is_recognised_and_not_diverse(sets: EmbeddedSets) -> None:
    row = sets.of_samples(sounds(4, spread=0.05))
    assert row["recognised"] == 1.0
    assert row["diversity"] < 0.1


def test_samples_of_the_wrong_species_teach_nothing(sets: EmbeddedSets) -> None:
    right = sounds(4)
    wrong = Vectors(right.z, (right.y + 1) % N_SPECIES)
    row = sets.of_samples(wrong)
    assert row["recognised"] == row["recognised_by_unseen"] == 0.0
    assert row["recognised_ci"] == [0.0, 0.0]
    assert row["substitution"] == row["taught"] == 0.0
    assert row["taught_by_clips"] == 1.0


def test_controls(sets: EmbeddedSets) -> None:
    train, unseen, vocoded = sets.of_train(), sets.of_unseen(), sets.of_vocoded()
    assert train["recognised"] == unseen["recognised"] == vocoded["recognised"] == 1.0
    assert unseen["recognised_by_unseen"] is None
    assert unseen["kad_unseen"] is None
    assert train["substitution"] == pytest.approx(1.0, abs=0.05)
    assert 0.3 < vocoded["real_made_auc_raw"] < 0.7


def test_rare_species_of_unseen_tapes_do_not_count(sets: EmbeddedSets) -> None:
    few = np.concatenate([np.flatnonzero(sets.unseen.y == k)[: 4 if k < 2 else 12] for k in range(N_SPECIES)])
    fewer = EmbeddedSets(sets.train, sets.vocoded, sets.unseen.where(few))
    assert fewer.species.tolist() == [2, 3, 4, 5]
    # Samples of the species without enough clips are wrong, which no figure of unseen tapes can show.
    made = sounds(4)
    wrong = Vectors(np.where((made.y < 2)[:, None], -made.z, made.z), made.y)
    row = fewer.of_samples(wrong)
    assert row["recognised_by_unseen"] == 1.0
    assert row["recognised"] < 0.9


def test_without_unseen_clips_the_other_figures_remain(sets: EmbeddedSets) -> None:
    nothing = sets.unseen.where(np.zeros(len(sets.unseen.y), dtype=bool))
    row = EmbeddedSets(sets.train, sets.vocoded, nothing).of_samples(sounds(4))
    assert row["recognised"] == 1.0
    assert row["recognised_by_unseen"] is row["kad_unseen"] is row["substitution"] is None
    assert row["real_made_auc"] is not None
