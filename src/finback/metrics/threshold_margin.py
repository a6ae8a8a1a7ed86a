"""The thresholds of all classes together, and a margin for recordings that were left out.

    fit = choose_together({"Fin whale": counts, ...}, Target.parse("precision=0.9"))
    fit.choices["Fin whale"].threshold
    fit.held_out.precision                            # of the groups that were left out of the fit

False alarms come in bursts: one kind of noise gives a hundred, the others none. A threshold that was chosen
where this noise did not occur knows nothing of it. So each group (recording) is left out in turn, thresholds
are chosen on the others, and the detections in the left-out groups are counted, of all classes together. The
margin is the smallest step, on the logit of the score, by which thresholds must be raised (for a recall:
lowered) until the left-out groups reach the target. One margin for all classes, because the bursts of one
class say how far scores go astray in noise that another class has not met yet. A class counts too if it has
a threshold only where some group is left out: often this is the group with the burst.

Where no margin is enough, the class with the most errors in the left-out groups gets no threshold, and the
others are tried again. Fewer left-out detections than `calls_needed` show nothing, so no class then has a
threshold. Nor has a class whose calls are all of one tape or recording. Where there is one group only,
nothing can be left out: the margin is 0, and `held_out` None.

Leaving groups out to tell how a rule does elsewhere: Stone 1974, J. R. Statist. Soc. B 36:111-147.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from finback.metrics.bootstrap import draw_groups, percentiles
from finback.metrics.threshold import (
    CAREFUL,
    LIKELY,
    N_BOOT,
    Choice,
    ClassCounts,
    Floats,
    Ints,
    Target,
    Why,
    calls_needed,
    choose,
    figures,
    is_reached,
    lowest_or_highest,
)

MARGINS = tuple(0.25 * i for i in range(17))  # logits
FOLDS = 10  # parts in which groups are left out; with fewer groups, each by itself
ENOUGH = 0.8  # confidence with which detections of left-out groups could show the target


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What thresholds gave in groups that were left out when they were chosen, of all classes together."""

    n_groups: int
    margin: float  # logits by which thresholds were moved
    n_calls: int  # of classes that had a threshold
    n_found: int
    n_false: int
    precision: float | None
    recall: float | None
    precision_interval: tuple[float, float] | None = None  # 95 %
    recall_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """The choice of each class; `held_out` None: nothing was left out, or nothing was reached there."""

    choices: dict[str, Choice]
    held_out: HeldOut | None


def choose_together(
    counts: Mapping[str, ClassCounts],
    target: Target,
    careful: bool = False,
    least: float = 0.0,
    seed: int = 0,
) -> Together:
    """The thresholds for a target (see the module).

    `careful`: the lower limits of each class, and of the left-out groups, have a confidence of 95 %.
    """
    confidence = CAREFUL if careful else LIKELY
    n_groups = max((own.n_groups for own in counts.values()), default=0)
    choices = {name: choose(own, target, confidence, least, seed) for name, own in counts.items()}
    if n_groups > 1:
        choices = {name: _of_several(counts[name], choice) for name, choice in choices.items()}
    if n_groups < 2 or not any(choice.threshold is not None for choice in choices.values()):
        return Together(choices, None)
    tried = {name: _left_out(own, target, confidence, least) for name, own in counts.items()}  # (M, G, 3)
    i, kept = _margin(tried, target, careful)
    why: Why = "not on other recordings" if _shown(tried, target) else "too few calls"
    for name, choice in choices.items():
        if choice.threshold is None:
            continue
        moved = _moved(choice.threshold, MARGINS[i], target) if name in kept else None
        found = None if moved is None else figures(counts[name], moved, seed)
        lost = Choice(None, choice.n_calls, best=choice.best, why=why)
        choices[name] = replace(found, best=choice.best) if found and found.n_found else lost
    if not kept:
        return Together(choices, None)
    each = np.sum([tried[name][i] for name in kept], axis=0)  # (G, 3)
    return Together(choices, _held_out(each, MARGINS[i], seed))


def _of_several(counts: ClassCounts, choice: Choice) -> Choice:
    """The choice; none, if all calls that are found are of one tape: they are nearly one call."""
    if choice.threshold is None:
        return choice
    sources = counts.true_group if counts.true_source is None else counts.true_source
    if len(np.unique(sources[counts.true_score >= choice.threshold])) > 1:
        return choice
    return Choice(None, choice.n_calls, best=choice.best, why="one group")


def _shown(tried: Mapping[str, Ints], target: Target) -> bool:
    """Whether there are enough detections (calls) in left-out groups, before any margin."""
    calls, _, found = np.sum([each[0].sum(axis=0) for each in tried.values()], axis=0)
    return bool((found if target.what == "precision" else calls) >= calls_needed(target, ENOUGH))


def _margin(tried: Mapping[str, Ints], target: Target, careful: bool) -> tuple[int, list[str]]:
    """Which margin reaches the target in the left-out groups, and the classes that it holds for."""
    kept = list(tried)
    while kept:
        calls, hits, found = np.sum([tried[name].sum(axis=1) for name in kept], axis=0).T.astype(np.float64)
        n = found if target.what == "precision" else calls
        good = hits >= (target.value - 1e-9) * n
        if careful:
            good &= is_reached(hits, n, target, CAREFUL)
        good &= n >= calls_needed(target, ENOUGH)
        if good.any():
            return int(np.flatnonzero(good)[0]), kept
        kept.remove(max(kept, key=lambda name: _errors(tried[name], target)))
    return 0, []


def _errors(tried: Ints, target: Target) -> tuple[int, int]:
    """False alarms (for a recall: missed calls) with the largest margin, and without one."""
    calls, hits, found = tried.sum(axis=1).T
    wrong = found - hits if target.what == "precision" else calls - hits
    return int(wrong[-1]), int(wrong[0])


def _left_out(counts: ClassCounts, target: Target, confidence: float, least: float) -> Ints:
    """(M, G, 3) calls, found calls and detections of each group, with each margin.

    The thresholds are those of a fit without the group; where it has none, nothing is counted.
    """
    n = counts.n_groups
    folds = min(n, FOLDS)
    result = np.zeros((len(MARGINS), n, 3), dtype=np.int64)
    for fold in range(folds):
        of_true, of_found = counts.true_group % folds == fold, counts.found_group % folds == fold
        rest = replace(
            counts,
            found_score=counts.found_score[~of_found],
            found_group=counts.found_group[~of_found],
            true_score=counts.true_score[~of_true],
            true_group=counts.true_group[~of_true],
            true_source=None,
        )
        threshold = lowest_or_highest(rest, target, confidence, least)
        if threshold is None:
            continue
        calls = np.bincount(counts.true_group[of_true], minlength=n)
        for i, margin in enumerate(MARGINS):
            at = _moved(threshold, margin, target)
            hits = np.bincount(counts.true_group[of_true & (counts.true_score >= at)], minlength=n)
            found = np.bincount(counts.found_group[of_found & (counts.found_score >= at)], minlength=n)
            result[i] += np.stack([calls, hits, np.maximum(hits, found)], axis=1)
    return result


def _moved(threshold: float, margin: float, target: Target) -> float:
    """A threshold raised by a margin in logits; lowered for a recall."""
    if not margin:
        return threshold
    p = min(max(threshold, 1e-6), 1 - 1e-6)
    step = margin if target.what == "precision" else -margin
    return float(1 / (1 + np.exp(-(np.log(p / (1 - p)) + step))))


def _held_out(each: Ints, margin: float, seed: int) -> HeldOut:
    """The figures of left-out groups (G, 3), with intervals over groups."""
    calls, hits, found = (int(n) for n in each.sum(axis=0))
    drawn = draw_groups(len(each), N_BOOT, seed) @ each  # (B, 3)
    return HeldOut(
        len(each),
        margin,
        calls,
        hits,
        found - hits,
        hits / found if found else None,
        hits / calls if calls else None,
        _interval(drawn[:, 1], drawn[:, 2]),
        _interval(drawn[:, 1], drawn[:, 0]),
    )


def _interval(part: Ints, whole: Ints) -> tuple[float, float] | None:
    values: Floats = np.full(len(part), np.nan)
    np.divide(part, whole, out=values, where=whole > 0)
    ends = percentiles(values)
    return None if ends is None else (ends[0], ends[1])
