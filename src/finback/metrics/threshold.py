"""The threshold of one class that reaches a target precision or recall, with intervals.

    target = Target.parse("precision=0.9")
    choose(counts, target, conservative=False)        # a `Choice`

Precision: the lowest threshold at which it is reached, which finds the most calls. Recall: the highest
threshold at which it is reached, which has the fewest false alarms. So a higher target never gives a lower
threshold (precision) or a higher one (recall). Every score that occurs is tried.

Intervals are percentiles of a bootstrap over groups (recordings, tapes, hours). `conservative` asks that the
lower end of the 90 % interval of the figure reaches the target: with 95 % confidence, sound like this has it.
Few calls that are all right have no spread in a bootstrap, so the lower end is also that of Wilson's interval
(1927, J. Am. Stat. Assoc. 22:209-212), which knows that they are few.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError
from finback.metrics.bootstrap import draw_groups, percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEW = 10  # calls: with fewer, every figure is a guess
Z90 = 1.6449  # of a two-sided 90 % interval
N_BOOT = 1000
NUMBERS_AT_ONCE = 4_000_000


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
    best: float | None = None  # the highest precision or recall that any threshold reaches

    @property
    def is_few(self) -> bool:
        return self.n_calls < FEW


def choose(
    counts: ClassCounts, target: Target, conservative: bool = False, least: float = 0.0, seed: int = 0
) -> Choice:
    """The threshold for a target (see the module); a threshold for a precision is `least` or higher."""
    n_boot = N_BOOT
    thresholds = np.unique(counts.found_score)  # from the lowest up
    if target.what == "precision":
        thresholds = np.unique(np.maximum(thresholds, least)) if len(thresholds) else thresholds
        thresholds = thresholds[thresholds <= counts.found_score.max(initial=0.0)]
    n_calls = len(counts.true_score)
    if not len(thresholds) or not n_calls:
        return Choice(None, n_calls)
    hits = _at_least(counts.true_score, thresholds)
    found = np.maximum(_at_least(counts.found_score, thresholds), hits)
    figure = hits / found if target.what == "precision" else hits / n_calls
    reached = _lower(counts, thresholds, target, n_boot, seed) if conservative else figure
    good = np.flatnonzero(reached >= target.value - 1e-9)
    if not len(good):
        return Choice(None, n_calls, best=float(reached.max()))
    i = int(good[0] if target.what == "precision" else good[-1])
    precision, recall = _drawn(counts, thresholds[i : i + 1], n_boot, seed)
    return Choice(
        float(thresholds[i]),
        n_calls,
        int(hits[i]),
        int(found[i] - hits[i]),
        float(hits[i] / found[i]),
        float(hits[i] / n_calls),
        _interval(precision),
        _interval(recall),
        float(figure.max()),
    )


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


def _lower(counts: ClassCounts, thresholds: Floats, target: Target, n_boot: int, seed: int) -> Floats:
    """(D,) lower end of the 90 % interval of the figure at each threshold."""
    is_precision = target.what == "precision"
    hits = _at_least(counts.true_score, thresholds)
    n = (
        _at_least(counts.found_score, thresholds)
        if is_precision
        else np.full(len(hits), len(counts.true_score))
    )
    lower = wilson_low(hits, n)
    if counts.n_groups > 1:
        step = max(1, NUMBERS_AT_ONCE // n_boot)
        for i in range(0, len(thresholds), step):
            drawn = _drawn(counts, thresholds[i : i + step], n_boot, seed)[0 if is_precision else 1]
            ends = np.array([(percentiles(column, 0.9) or [0.0])[0] for column in drawn.T])
            lower[i : i + step] = np.minimum(lower[i : i + step], ends)
    return lower


def wilson_low(hits: Floats, n: Floats) -> Floats:
    """Lower end of Wilson's 90 % interval of a share."""
    n = np.maximum(n, 1)
    p, z2 = hits / n, Z90**2
    return np.asarray((p + z2 / (2 * n) - Z90 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n))


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
