"""Grouped cross-validation: k splits; each clip that can be tested is in exactly one test set.

The rules are those of `split`. scikit-learn's `StratifiedGroupKFold` makes the test sets, unless the fold of
each group is given (recordings of one decade or of one place that are tested together).
"""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping, Sequence

import numpy as np

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

# This penalty is small. A species with two groups of equal size keeps both in training. A species with a
# large and a small group gives the small one to validation.
MISSING_FROM_VAL = 0.02
# No penalty for a small share in training: validation clips of a fold are trained on in the end (refit).
OF_A_FOLD = {"lost": UNTRAINED, "missing": MISSING_FROM_VAL, "starved": 0.0}
SPREAD_STEPS = 200


def make_folds(
    clips: Sequence[Clip], settings: SplitSettings, fold_of: Mapping[str, int] | None = None
) -> list[SplitResult]:
    """`settings.folds` splits; each clip that can be tested is in exactly one of the test sets.

    scikit-learn's `StratifiedGroupKFold(shuffle=True, random_state=seed)` makes the test sets. The search of
    `make_split` takes the validation sets from the remaining groups. `fold_of` gives the fold in which each
    group is tested instead. Raises `SplitError` when there are fewer groups than folds, or when `fold_of`
    leaves a fold empty.
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
    tested_in = _group_folds(table, counts, settings) if fold_of is None else _given(table, settings, fold_of)
    return [_fold(table, synthetic, settings, wanted, tested_in, fold) for fold in range(settings.folds)]


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
    chosen = assign(within, wanted, settings.seed + fold, **OF_A_FOLD)
    group_subsets[left] = keep_trained(chosen, within, spare_single=False)
    subsets = group_subsets[table.group]
    single = (counts > 0).sum(axis=0) == 1
    untrained = ~(counts[group_subsets == TRAIN] > 0).any(axis=0)
    subsets = np.where((single | untrained)[table.label] & (subsets != TRAIN), ASIDE, subsets)
    warnings = [f"fold {fold}: {w}" for w in empty_subsets(subsets, (*wanted[:2], 1.0))]
    for s in np.flatnonzero(untrained & ~single):
        warnings.append(
            f"fold {fold}: {table.species[s]} has all its groups in this fold; its clips are set aside"
        )
    # Not every species can be in every fold. Only species with one group are never tested.
    return SplitResult(
        table.split(subsets, synthetic),
        table.balance(subsets),
        tuple(warnings),
        untestable(table, subsets, False),
        fold,
    )


def _given(table: Table, settings: SplitSettings, fold_of: Mapping[str, int]) -> np.ndarray:
    """Fold (G,) in which each group is tested, as `fold_of` gives it."""
    group_of = {int(g): clip.group_key for clip, g in zip(table.clips, table.group, strict=True)}
    folds = np.array([fold_of[group_of[g]] for g in range(len(group_of))])
    if missing := sorted(set(range(settings.folds)) - set(folds.tolist())):
        raise SplitError(f"no recording group is tested in fold {missing[0]}", "ask for fewer folds")
    return folds


def _group_folds(table: Table, counts: np.ndarray, settings: SplitSettings) -> np.ndarray:
    """Fold (G,) in which each group is tested; -1 for groups that hold only species with one group."""
    present = counts > 0
    testable = present.sum(axis=0) > 1
    tested = (present & testable).any(axis=1)
    if tested.sum() < settings.folds:
        raise SplitError(
            f"{settings.folds} folds: only {tested.sum()} groups hold a species with two groups or more",
            "use fewer folds, or check the groups of the clips",
        )
    rows = np.flatnonzero(tested[table.group] & testable[table.label])
    if np.bincount(table.label[rows]).max() < settings.folds:
        few = f"{settings.folds} folds: no species with two groups or more has as many clips"
        raise SplitError(few, "use fewer folds")
    folds = np.full(len(counts), -1)
    from sklearn.model_selection import StratifiedGroupKFold  # a second of imports

    splitter = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.seed)
    with python_warnings.catch_warnings():
        # "The least populated class has only 2 members": rare species are usual, and `balance` shows them.
        python_warnings.simplefilter("ignore", UserWarning)
        for fold, (_, test) in enumerate(splitter.split(rows, table.label[rows], table.group[rows])):
            folds[table.group[rows[test]]] = fold
    return _spread(folds, counts[:, testable], settings)


def _spread(folds: np.ndarray, counts: np.ndarray, settings: SplitSettings) -> np.ndarray:
    """The fold (G,) of each group, with groups moved until no species has all of its groups in one fold.

    Such a species would be tested although no clip of it is in training. Where this is not possible, as few
    species as possible have all groups in one fold. `counts` (G, S) holds the species with two groups or
    more. Groups can hold several species, so one move may not be enough; the search therefore also makes
    moves that bring no gain yet (a short random walk among the best moves, as in WalkSAT).
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
        _, _, chosen, new_fold = min(moves)
        now[chosen] = new_fold
    return best


def _clip_folds(
    table: Table, synthetic: Sequence[Clip], settings: SplitSettings, wanted: Sequence[float]
) -> list[SplitResult]:
    if len(table.clips) < settings.folds:
        raise SplitError(f"{settings.folds} folds of {len(table.clips)} clips", "use fewer folds")
    n_clips = np.bincount(table.label)
    if n_clips.max() < settings.folds:
        raise SplitError(f"{settings.folds} folds: no species has as many clips", "use fewer folds")
    alone = n_clips[table.label] == 1
    alone_of = {
        table.species[s]: "it has a single clip, which is only used for training"
        for s in np.flatnonzero(n_clips == 1)
    }
    from sklearn.model_selection import StratifiedKFold  # a second of imports

    splitter = StratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
    rng = np.random.default_rng(settings.seed)
    results = []
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", UserWarning)  # rare species, as above
        tests = [test for _, test in splitter.split(table.label, table.label)]
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
