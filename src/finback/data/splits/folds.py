"""Grouped cross-validation: k splits whose test sides together hold every testable clip once.

The rules are those of `split`; test sides come from scikit-learn's `StratifiedGroupKFold`.
"""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from finback.core.errors import SettingsError, SplitError
from finback.core.types import Clip
from finback.data.splits.balance import TEST, TRAIN, UNTRAINED, VAL, assign
from finback.data.splits.settings import (
    ASIDE,
    BY_CLIP,
    SplitResult,
    SplitSettings,
    Table,
    empty_subsets,
    keep_trained,
    untestable,
)

# Small, so that a species with two equal tapes gives neither of them up to validation, while one with a large
# and a small tape gives the small one.
MISSING_FROM_VAL = 0.02
SPREAD_STEPS = 200


def make_folds(clips: Sequence[Clip], settings: SplitSettings) -> list[SplitResult]:
    """`settings.folds` splits; each clip that can be tested is on exactly one of their test sides.

    Test sides by scikit-learn's `StratifiedGroupKFold(shuffle=True, random_state=seed)`; validation is taken
    from the remaining groups by the same search as `make_split`. Raises `SplitError` when there are fewer
    groups than folds.
    """
    table = Table.of(clips)
    synthetic = [c for c in clips if c.synthetic]
    if settings.folds < 2:
        raise SettingsError(f"{settings.folds} folds", "ask for 2 or more")
    counts = table.counts
    rest = settings.fractions[TRAIN] + settings.fractions[VAL]
    wanted = (settings.fractions[TRAIN] / rest, settings.fractions[VAL] / rest, 0.0)
    if settings.by == "clip":
        return _clip_folds(table, synthetic, settings, wanted)
    fold_of = _group_folds(table, counts, settings)
    return [_fold(table, synthetic, settings, wanted, fold_of, fold) for fold in range(settings.folds)]


def _fold(
    table: Table,
    synthetic: Sequence[Clip],
    settings: SplitSettings,
    wanted: tuple[float, float, float],
    fold_of: np.ndarray,
    fold: int,
) -> SplitResult:
    counts = table.counts
    group_subsets = np.where(fold_of == fold, TEST, TRAIN)
    left = np.flatnonzero(group_subsets == TRAIN)
    known = np.flatnonzero(counts[left].sum(axis=0))
    within = counts[np.ix_(left, known)]
    chosen = assign(within, wanted, settings.seed + fold, lost=UNTRAINED, missing=MISSING_FROM_VAL)
    group_subsets[left] = keep_trained(chosen, within, spare_single=False)
    subsets = group_subsets[table.group]
    single = (counts > 0).sum(axis=0) == 1
    unlearnt = ~(counts[group_subsets == TRAIN] > 0).any(axis=0)
    subsets = np.where((single | unlearnt)[table.label] & (subsets != TRAIN), ASIDE, subsets)
    warnings = [f"fold {fold}: {w}" for w in empty_subsets(subsets, (*wanted[:2], 1.0))]
    for s in np.flatnonzero(unlearnt & ~single):
        warnings.append(
            f"fold {fold}: {table.species[s]} has all its groups in this fold; they are set aside"
        )
    # Not every species can be in every fold; what is never tested is what has one group.
    return SplitResult(
        table.split(subsets, synthetic),
        table.balance(subsets),
        tuple(warnings),
        untestable(table, subsets, False),
        fold,
    )


def _group_folds(table: Table, counts: np.ndarray, settings: SplitSettings) -> np.ndarray:
    """Fold (G,) in which each group is tested; -1 for groups that hold only species with one group."""
    present = counts > 0
    testable = present.sum(axis=0) > 1
    tested = (present & testable).any(axis=1)
    if tested.sum() < settings.folds:
        raise SplitError(
            f"{settings.folds} folds need as many groups of species with several; there are {tested.sum()}",
            "ask for fewer folds, or check that the groups are known",
        )
    rows = np.flatnonzero(tested[table.group] & testable[table.label])
    if np.bincount(table.label[rows]).max() < settings.folds:
        few = f"{settings.folds} folds: no species with several groups has as many clips"
        raise SplitError(few, "ask for fewer folds")
    folds = np.full(len(counts), -1)
    maker = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.seed)
    with python_warnings.catch_warnings():
        # "The least populated class has only 2 members": rare species are the rule here, and are reported.
        python_warnings.simplefilter("ignore", UserWarning)
        for fold, (_, test) in enumerate(maker.split(rows, table.label[rows], table.group[rows])):
            folds[table.group[rows[test]]] = fold
    return _spread(folds, counts[:, testable], settings)


def _spread(folds: np.ndarray, counts: np.ndarray, settings: SplitSettings) -> np.ndarray:
    """Folds (G,) with groups moved until no species has all of its groups in one fold, where that can be.

    Such a species would be tested without having been trained on. `counts` (G, S) holds species with several
    groups. Species may share tapes in a chain, so moves that help nobody yet are tried too (a short random
    walk among the best moves, as WalkSAT does).
    """
    present = counts > 0
    rng = np.random.default_rng(settings.seed)

    def stuck(folds: np.ndarray) -> list[int]:
        return [s for s, holders in enumerate(present.T) if len(set(folds[holders].tolist())) == 1]

    best, now = folds, folds.copy()
    for _ in range(SPREAD_STEPS):
        wrong = stuck(now)
        if len(wrong) < len(stuck(best)):
            best = now.copy()
        if not wrong:
            break
        moves = []
        for g in np.flatnonzero(present[:, rng.permutation(wrong)[0]]):
            for fold in set(range(settings.folds)) - {int(now[g])}:
                moved = now.copy()
                moved[g] = fold
                moves.append((len(stuck(moved)), float(rng.random()), int(g), fold))
        _, _, chosen, its_fold = min(moves)
        now[chosen] = its_fold
    return best


def _clip_folds(
    table: Table, synthetic: Sequence[Clip], settings: SplitSettings, wanted: Sequence[float]
) -> list[SplitResult]:
    if len(table.clips) < settings.folds:
        raise SplitError(f"{settings.folds} folds of {len(table.clips)} clips", "ask for fewer folds")
    n_clips = np.bincount(table.label)
    if n_clips.max() < settings.folds:
        raise SplitError(f"{settings.folds} folds: no species has as many clips", "ask for fewer folds")
    alone = n_clips[table.label] == 1
    alone_of = {
        table.species[s]: "it has a single clip; trained on only" for s in np.flatnonzero(n_clips == 1)
    }
    maker = StratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
    rng = np.random.default_rng(settings.seed)
    results = []
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", UserWarning)  # rare species, as above
        tests = [test for _, test in maker.split(table.label, table.label)]
    for fold, test in enumerate(tests):
        subsets = np.zeros(len(table.clips), dtype=np.int64)
        subsets[test] = TEST
        subsets[alone] = TRAIN
        for s in range(len(table.species)):
            left = rng.permutation(np.flatnonzero((table.label == s) & (subsets == TRAIN)))
            subsets[left[: min(round(wanted[VAL] * len(left)), len(left) - 1)]] = VAL
        split = table.split(subsets, synthetic, by="clip")
        results.append(SplitResult(split, table.balance(subsets), (BY_CLIP,), alone_of, fold))
    return results
