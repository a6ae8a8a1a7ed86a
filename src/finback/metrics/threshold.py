"""The threshold of one class that reaches a target precision or recall, with intervals.

    target = Target.parse("precision=0.9")
    choose(counts, target)                            # a `Choice`

Precision: the lowest threshold at which it is reached, which finds the most calls. Recall: the highest
threshold at which it is reached, which has the fewest false alarms. So a higher target never gives a lower
threshold (precision) or a higher one (recall). Every score at which a call is found is tried.

The figure as counted does not decide. At the highest scores there are few detections, and among many
thresholds with few detections one reaches any precision by chance: the one with one right detection of one.
So the lower limit of the figure must reach the target (`lower_limit`), with the confidence that is given.
One half: more likely than not. A class with too few calls has no threshold, however good its detections are.

Intervals of the chosen threshold are percentiles of a bootstrap over groups (recordings, tapes, hours).
`threshold_margin` chooses the thresholds of all classes, and tries them on groups that were left out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError
from finback.metrics.bootstrap import draw_groups, percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Why = Literal["", "no call", "not reached", "too few calls", "not on other recordings", "one group"]
FEW = 10  # calls: with fewer, every figure is a guess
LIKELY, CAREFUL = 0.5, 0.95  # confidence
MOST = (
    0.95  # no lower limit above this is asked for: for 0.99, 69 calls would have to be right, and none wrong
)
N_BOOT = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A precision or a recall that the threshold of a class is to reach."""

    what: Literal["precision", "recall"]
    value: float

    def __str__(self) -> str:
        return f"{self.what}={self.value:g}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """`precision=0.9` or `recall=0.8`. Raises `SettingsError` for another form."""
        found = re.fullmatch(r"\s*(precision|recall)\s*=\s*(\d?\.?\d{1,9})\s*", text)
        if not found or not 0 < float(found[2]) <= 1:
            raise SettingsError(
                f"--target {text}: not a target", "write precision=0.9 or recall=0.8, above 0 and at most 1"
            )
        return cls("precision" if found[1] == "precision" else "recall", float(found[2]))


@dataclass(frozen=True, eq=False, slots=True)
class ClassCounts:
    """The detections of one class at any threshold, and its calls; both with the group (a code) of each.

    `true_score` is the highest threshold at which a call is found; -inf: at none. Each call that is found
    takes one detection; the other detections are false alarms.
    """

    found_score: Floats  # (F,)
    found_group: Ints  # (F,)
    true_score: Floats  # (T,)
    true_group: Ints  # (T,)
    n_groups: int
    true_source: Ints | None = None  # (T,) where the calls are from: tapes that were placed; None: the groups


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold of a class and its figures there; None where the target is not reached."""

    threshold: float | None
    n_calls: int
    n_found: int = 0  # calls that are found at the threshold
    n_false: int = 0
    precision: float | None = None
    recall: float | None = None
    precision_interval: tuple[float, float] | None = None  # 95 %
    recall_interval: tuple[float, float] | None = None
    best: float | None = None  # the highest precision or recall that any threshold reaches, as counted
    why: Why = ""  # there is no threshold

    @property
    def is_few(self) -> bool:
        return self.n_calls < FEW


def choose(
    counts: ClassCounts, target: Target, confidence: float = LIKELY, least: float = 0.0, seed: int = 0
) -> Choice:
    """The threshold for a target (see the module); a threshold for a precision is `least` or higher."""
    n_calls = len(counts.true_score)
    thresholds, hits, n = _tried(counts, target, least)
    if not n_calls:
        return Choice(None, 0, why="no call")
    if not len(thresholds):
        return Choice(None, n_calls, best=0.0, why="not reached")
    best = float((hits / n).max())
    threshold = lowest_or_highest(counts, target, confidence, least)
    if threshold is None:
        return Choice(None, n_calls, best=best, why="not reached" if best < target.value else "too few calls")
    return replace(figures(counts, threshold, seed), best=best)


def lowest_or_highest(
    counts: ClassCounts, target: Target, confidence: float = LIKELY, least: float = 0.0
) -> float | None:
    """The threshold of `choose`; None: the target is not reached with this confidence."""
    thresholds, hits, n = _tried(counts, target, least)
    good = np.flatnonzero(is_reached(hits, n, target, confidence))
    if not len(good):
        return None
    return float(thresholds[good[0] if target.what == "precision" else good[-1]])


def figures(counts: ClassCounts, threshold: float, seed: int = 0) -> Choice:
    """What a threshold gives on these calls. Raises `ValueError` without calls."""
    at = np.array([threshold])
    hits = float(_at_least(counts.true_score, at)[0])
    found = max(float(_at_least(counts.found_score, at)[0]), hits)
    n_calls = len(counts.true_score)
    if not n_calls:
        raise ValueError("there is no call")
    precision, recall = _drawn(counts, at, N_BOOT, seed)
    return Choice(
        threshold,
        n_calls,
        int(hits),
        int(found - hits),
        hits / found if found else None,
        hits / n_calls,
        _interval(precision),
        _interval(recall),
    )


def calls_needed(target: Target, confidence: float) -> int:
    """How many calls must be found, without a false alarm (or a miss), until a target is reached."""
    return max(1, math.ceil(math.log(1 - confidence) / math.log(min(target.value, MOST)) - 1e-9))


def best_f1(counts: ClassCounts) -> float:
    """The highest F1 of any threshold; 0 without calls or detections."""
    thresholds = np.unique(counts.found_score)
    if not len(thresholds) or not len(counts.true_score):
        return 0.0
    hits = _at_least(counts.true_score, thresholds)
    f1 = 2 * hits / (_at_least(counts.found_score, thresholds) + len(counts.true_score))
    return float(f1.max())


def _at_least(scores: Floats, thresholds: Floats) -> Floats:
    """(D,) how many scores reach each of the rising thresholds."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left").astype(np.float64)


def _tried(counts: ClassCounts, target: Target, least: float) -> tuple[Floats, Floats, Floats]:
    """(D,) rising thresholds, the calls that are found, and of how many detections (or calls) they are.

    Between two scores at which a call is found, a lower threshold only adds false alarms.
    """
    thresholds = np.unique(counts.true_score[np.isfinite(counts.true_score)])
    if target.what == "precision":
        thresholds = np.unique(np.maximum(thresholds, least))
        thresholds = thresholds[thresholds <= counts.found_score.max(initial=0.0)]
    hits = _at_least(counts.true_score, thresholds)
    if target.what == "recall":
        return thresholds, hits, np.full(len(hits), float(len(counts.true_score)))
    return thresholds, hits, np.maximum(_at_least(counts.found_score, thresholds), np.maximum(hits, 1))


def lower_limit(hits: Floats, n: Floats, confidence: float) -> Floats:
    """One-sided lower limit of a share (Clopper and Pearson 1934, Biometrika 26:404-413)."""
    from scipy.special import betaincinv  # 45 MB that a scan does not need

    limit = betaincinv(np.maximum(hits, 1e-9), n - hits + 1, 1 - confidence)
    return np.where(hits > 0, limit, 0.0)


def is_reached(hits: Floats, n: Floats, target: Target, confidence: float) -> Bools:
    """Whether a share reaches a target: as counted, and by its lower limit (which is never 1)."""
    enough = lower_limit(hits, n, confidence) >= min(target.value, MOST) - 1e-9
    return enough & (hits >= (target.value - 1e-9) * n)


def _drawn(counts: ClassCounts, thresholds: Floats, n_boot: int, seed: int) -> tuple[Floats, Floats]:
    """Precision and recall (B, D) of draws of groups; NaN where undefined, and without a second group."""
    if counts.n_groups < 2:
        nothing = np.full((1, len(thresholds)), np.nan)
        return nothing, nothing
    draws = draw_groups(counts.n_groups, n_boot, seed).astype(np.float64)
    hits = draws @ _by_group(counts.true_score, counts.true_group, counts.n_groups, thresholds)
    found = draws @ _by_group(counts.found_score, counts.found_group, counts.n_groups, thresholds)
    found = np.maximum(found, hits)
    calls = draws @ np.bincount(counts.true_group, minlength=counts.n_groups)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return hits / found, hits / calls


def _by_group(scores: Floats, groups: Ints, n_groups: int, thresholds: Floats) -> Floats:
    """(G, D) how many scores of each group reach each of the rising thresholds."""
    reached = np.searchsorted(thresholds, scores, side="right")  # thresholds that a score reaches
    table = np.zeros((n_groups, len(thresholds) + 1))
    np.add.at(table, (groups, reached), 1)
    return np.cumsum(table[:, ::-1], axis=1)[:, ::-1][:, 1:]


def _interval(values: Floats) -> tuple[float, float] | None:
    found = percentiles(values[:, 0])
    return None if found is None else (found[0], found[1])
