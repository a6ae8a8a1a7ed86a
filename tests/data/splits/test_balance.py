"""The search for the best balance, against all splits of a small case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.data.splits.balance import LEAST_TRAINED, TEST, TRAIN, VAL, Balance, assign

WANTED = (0.7, 0.15, 0.15)


def tables(most_groups: int) -> st.SearchStrategy[np.ndarray]:
    """Clips (G, S) as on real tapes: few species on a tape, one or two large tapes, many small ones."""
    cell = st.one_of(st.just(0), st.just(0), st.integers(1, 4), st.integers(10, 60))
    shape = st.tuples(st.integers(3, most_groups), st.integers(2, 4))
    rows = shape.flatmap(
        lambda s: st.lists(st.lists(cell, min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0])
    )
    found = rows.map(lambda r: np.array(r)).map(lambda a: a[a.any(axis=1)][:, a.any(axis=0)])
    return found.filter(lambda a: a.size > 0)


def every(n_groups: int) -> np.ndarray:
    """(3^G, G): every assignment of groups to sets."""
    axes = np.meshgrid(*[[TRAIN, VAL, TEST]] * n_groups, indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, n_groups)


def n_faults(counts: np.ndarray, subsets: np.ndarray) -> int:
    """How many species are missing from a set, or have too small a share in training."""
    clips = np.stack([counts[subsets == k].sum(axis=0) for k in (TRAIN, VAL, TEST)])
    n_groups = (counts > 0).sum(axis=0)
    absent = clips == 0
    missing = absent[TRAIN] | ((n_groups > 1) & absent[TEST]) | ((n_groups > 2) & absent[VAL])
    short = (n_groups > 1) & (clips[TRAIN] / counts.sum(axis=0) < LEAST_TRAINED * WANTED[TRAIN])
    return int((missing | short).sum())


@settings(max_examples=25, deadline=None)
@given(tables(6))
def test_no_species_lacks_training_clips_where_another_split_gives_them(counts: np.ndarray) -> None:
    """Where any split has every species in its sets and enough of each in training, one is found."""
    if any(n_faults(counts, subsets) == 0 for subsets in every(len(counts))):
        assert n_faults(counts, assign(counts, WANTED)) == 0


def test_a_seal_of_a_large_and_a_small_tape_is_trained_on_the_large_one() -> None:
    """One, 0 and 19 of its clips went to training, validation and test."""
    rest = np.array([[0, n] for n in (30, 20, 10, 9, 8, 7, 6, 5, 5, 4)])
    counts = np.vstack([[[19, 0], [1, 2]], rest])
    chosen = assign(counts, WANTED)
    assert (chosen[0], chosen[1]) == (TRAIN, TEST)


def test_three_equal_tapes_are_one_for_each_set() -> None:
    assert sorted(assign(np.array([[3], [3], [3]]), WANTED)) == [TRAIN, VAL, TEST]


def test_the_smallest_share_in_training_is_said() -> None:
    clips = np.array([[1, 0, 19], [7, 1, 2], [0, 0, 5]])
    groups = np.array([[1, 0, 1], [3, 1, 1], [0, 0, 1]])
    balance = Balance(("Harp Seal", "Fin Whale", "Narwhal"), clips, groups, np.array([0, 0, 0]))
    assert balance.least_trained == ("Harp Seal", 1, 20)
    assert balance.lines()[-1].endswith("Harp Seal, 1 of 20 clips (5 %)")
    alone = Balance(("Narwhal",), clips[2:], groups[2:], np.array([0]))
    assert alone.least_trained is None


def test_the_search_finds_the_best_of_all_splits_of_a_small_case() -> None:
    """Three tapes locked to each other by shared species, against every one of the 3^6 assignments."""
    counts = np.array([[9, 0, 2], [4, 0, 0], [3, 1, 0], [0, 7, 0], [0, 0, 8], [0, 3, 1]])
    wanted = (0.7, 0.15, 0.15)

    def cost(subsets: np.ndarray) -> float:
        share = np.array([counts[subsets == k].sum(axis=0) for k in range(3)])
        present = np.array([(counts[subsets == k] > 0).any(axis=0) for k in range(3)])
        weight = np.sqrt(counts.sum(axis=0))
        away = np.abs(share / counts.sum(axis=0) - np.array(wanted)[:, None]).sum(axis=0)
        least = LEAST_TRAINED * wanted[TRAIN]
        short = np.clip(least - share[TRAIN] / counts.sum(axis=0), 0, None)
        starved = (4.5 * (short > 0) + 0.5 * short).sum()
        total = np.abs(share.sum(axis=1) / counts.sum() - np.array(wanted)).sum()
        missing = 10 * (~present).sum() + 100 * (present[1:].any(axis=0) & ~present[0]).sum()
        return float(missing + starved + (weight / weight.sum() * away).sum() + total)

    assert cost(assign(counts, wanted)) == pytest.approx(min(map(cost, every(6))))
