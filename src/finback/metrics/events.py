"""Matching of found events to true events, one to one, at all thresholds at once.

A rule says which pairs can be one event (`MatchRule`). Several found events can meet the rule with one true
event, and several true events with one found event. One true event counts as found once, and one found event
explains one true event. So the pairs are a bipartite graph, and what counts is a matching in this graph.

The matching is the largest possible one at EVERY threshold at the same time. Found events enter in the order
of falling scores. Each one looks for an augmenting path: a true event that is free, or one whose partner can
move to another true event (Berge 1957, "Two theorems in graph theory", PNAS 43:842-844). A found event that
entered stays matched, and a true event that was reached stays reached. The sets of found events that can be
matched together are the independent sets of a matroid (Edmonds & Fulkerson 1965), for which this greedy order
is optimal: after each step the matching is as large as any matching of the events so far. So one pass gives
the exact number of true positives above every threshold, and this number does not depend on the order of
rows. In the greedy matching of many detection benchmarks, an event keeps its first partner; that can miss
matches where events are dense, and never finds more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES = "iou=0.3, collar=3s, midpoint or overlap"
ROUNDING = 1e-9  # tables round times: a ratio or a difference that equals the limit but for this meets it
DEFAULT_RULE = "iou=0.3"


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When a found event and a true event can be the same event.

    - `iou`: the time they share is at least `value` of the time that they cover together.
    - `collar`: their starts differ by at most `value` seconds. Their ends are not compared.
    - `midpoint`: the middle of the found event lies in the true event.
    - `overlap`: they share time. An event of no duration shares it with an event that contains its moment.

    `bands` also demands that their frequency bands overlap, where both state one.
    """

    kind: Literal["iou", "collar", "midpoint", "overlap"]
    value: float = 0.0
    bands: bool = False

    def __str__(self) -> str:
        amount = {"iou": f"={self.value:g}", "collar": f"={self.value:g}s"}.get(self.kind, "")
        return f"{self.kind}{amount}" + (" and bands overlap" if self.bands else "")


def parse_rule(text: str, bands: bool = False) -> MatchRule:
    """The rule that `iou=0.3`, `collar=3s`, `midpoint` or `overlap` names; `SettingsError` for another."""
    kind, _, amount = (part.strip() for part in text.strip().lower().partition("="))
    if kind in ("midpoint", "overlap") and not amount:
        return MatchRule("midpoint" if kind == "midpoint" else "overlap", bands=bands)
    try:
        value = float(amount.removesuffix("s").strip())
    except ValueError:
        value = np.nan
    if kind == "iou" and 0 < value <= 1 and not amount.endswith("s"):
        return MatchRule("iou", value, bands)
    if kind == "collar" and 0 <= value < np.inf:
        return MatchRule("collar", value, bands)
    raise SettingsError(
        f"unknown rule for a match '{text}'",
        f"give {RULES}; iou is above 0 and at most 1, a collar in seconds",
    )


@dataclass(frozen=True, eq=False, slots=True)
class EventArrays:
    """N events as arrays. Events match only within one sound: one class in one recording (and channel).

    `sound` are codes that the caller gives to sounds. `score` None: no scores, all events are equal. Bands
    are NaN where an event states none.
    """

    sound: Ints  # (N,)
    start: Floats  # (N,) s
    stop: Floats  # (N,) s, not before the start
    score: Floats | None = None  # (N,)
    low_hz: Floats | None = None  # (N,)
    high_hz: Floats | None = None  # (N,)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def middle(self) -> Floats:
        return (self.start + self.stop) / 2


@dataclass(frozen=True, eq=False, slots=True)
class Matching:
    """T true events and F found events, matched one to one.

    `true_score` is the highest threshold at which a true event is found; -inf: it is missed at every one.
    At threshold x, `(true_score >= x).sum()` true events are found, by as many found events.
    """

    partner_of_found: Ints  # (F,) index of the true event, -1: none
    partner_of_true: Ints  # (T,) index of the found event, -1: none
    true_score: Floats  # (T,)


def candidate_pairs(true: EventArrays, found: EventArrays, rule: MatchRule) -> tuple[Ints, Ints]:
    """Indices (P,) of true events and (P,) of found events of all pairs that meet the rule.

    The pairs of one found event follow each other, the best first: the largest shared time as a share of the
    time covered together, then the nearest middles, then the earliest true event.
    """
    if rule.kind == "collar":
        reach = rule.value + 2 * ROUNDING
        f, t = _starts_within(found.sound, found.start - reach, found.start + reach, true, "left")
    else:  # of two events that touch, one starts while the other lasts
        f, t = _starts_within(found.sound, found.start, found.stop, true, "left")
        t2, f2 = _starts_within(true.sound, true.start, true.stop, found, "right")
        t, f = np.concatenate([t, t2]), np.concatenate([f, f2])
    iou = _iou(true, found, t, f)
    keep = _meets(rule, true, found, (t, f, iou))
    t, f, iou = t[keep], f[keep], iou[keep]
    distance = np.abs(true.middle[t] - found.middle[f])
    order = np.lexsort((true.stop[t], true.start[t], distance, -iou, f))
    return t[order], f[order]


def _starts_within(
    sound: Ints, low: Floats, high: Floats, others: EventArrays, side: Literal["left", "right"]
) -> tuple[Ints, Ints]:
    """Pairs (i, j) for which the start of others[j] is in [low[i], high[i]], in the same sound.

    Side "right" leaves the low end out: (low[i], high[i]].
    """
    # Sound and time as one integer key, exactly: the rank of the time stands for the time.
    times, ranks = np.unique(np.concatenate([others.start, low, high]), return_inverse=True)
    n, base = len(others), len(times) + 1
    key = others.sound * base + ranks[:n]
    by_key = np.argsort(key, kind="stable")
    first = np.searchsorted(key[by_key], sound * base + ranks[n : n + len(low)], side)
    last = np.searchsorted(key[by_key], sound * base + ranks[n + len(low) :], "right")
    count = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(low)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return i, by_key[np.repeat(first, count) + step]


def _iou(true: EventArrays, found: EventArrays, t: Ints, f: Ints) -> Floats:
    """Shared time divided by covered time of pairs; 1 for two events of no duration at one moment."""
    shared = np.minimum(true.stop[t], found.stop[f]) - np.maximum(true.start[t], found.start[f])
    covered = np.maximum(true.stop[t], found.stop[f]) - np.minimum(true.start[t], found.start[f])
    return np.where(covered > 0, np.maximum(shared, 0) / np.where(covered > 0, covered, 1), 1.0)


def _meets(
    rule: MatchRule, true: EventArrays, found: EventArrays, pairs: tuple[Ints, Ints, Floats]
) -> NDArray[np.bool_]:
    t, f, iou = pairs
    if rule.kind == "iou":
        meets = iou >= rule.value - ROUNDING
    elif rule.kind == "collar":
        meets = np.abs(true.start[t] - found.start[f]) <= rule.value + ROUNDING
    elif rule.kind == "midpoint":
        middle = found.middle[f]
        meets = (true.start[t] - ROUNDING <= middle) & (middle <= true.stop[t] + ROUNDING)
    else:
        moment = (true.start[t] == true.stop[t]) | (found.start[f] == found.stop[f])
        meets = (iou > 0) | moment  # all pairs here touch
    if rule.bands and true.low_hz is not None and found.low_hz is not None:
        if true.high_hz is None or found.high_hz is None:
            raise ValueError("a band has a low and a high frequency")
        apart = (true.low_hz[t] > found.high_hz[f]) | (found.low_hz[f] > true.high_hz[t])  # False for NaN
        meets &= ~apart
    return meets


def match_events(true: EventArrays, found: EventArrays, rule: MatchRule) -> Matching:
    """The largest one-to-one matching at every threshold of the scores (see the module's text)."""
    score = np.ones(len(found)) if found.score is None else found.score
    if np.isnan(score).any():
        raise ValueError("a score is not a number")
    t, f = candidate_pairs(true, found, rule)
    partners = _Partners.none(len(true), len(found))
    simple = (np.bincount(t, minlength=len(true))[t] == 1) & (np.bincount(f, minlength=len(found))[f] == 1)
    partners.of_found[f[simple]], partners.of_true[t[simple]] = t[simple], f[simple]
    partners.reached_by[t[simple]] = f[simple]
    t, f = t[~simple], f[~simple]
    bounds = np.searchsorted(f, np.arange(len(found) + 1))
    entering = np.unique(f)
    order = np.lexsort((found.stop[entering], found.start[entering], -score[entering]))
    for i in entering[order].tolist():
        partners.enter(i, t, bounds)
    reached = partners.reached_by >= 0
    true_score = np.where(reached, score[partners.reached_by] if len(score) else -np.inf, -np.inf)
    return Matching(partners.of_found, partners.of_true, true_score)


@dataclass(frozen=True, eq=False, slots=True)
class _Partners:
    """The matching while it grows."""

    of_found: Ints
    of_true: Ints
    reached_by: Ints  # (T,) the found event that entered when the true event was reached
    closed: set[int] = field(default_factory=set)

    @classmethod
    def none(cls, n_true: int, n_found: int) -> _Partners:
        return cls(np.full(n_found, -1), np.full(n_true, -1), np.full(n_true, -1))

    def enter(self, found: int, candidates: Ints, bounds: Ints) -> None:
        """Matches one more found event by the shortest augmenting path, if there is one.

        True events that a search visited in vain are closed: all events from which they could be freed are
        matched among themselves, so no later search through them can succeed either. Thus all searches in
        vain together look at each pair once.
        """
        came_from: dict[int, int] = {}  # true event -> found event that reached it
        queue = [found]
        for i in queue:  # grows while it is read
            for t in candidates[bounds[i] : bounds[i + 1]].tolist():
                if t in came_from or t in self.closed:
                    continue
                came_from[t] = i
                if self.of_true[t] < 0:
                    self.reached_by[t] = found
                    self._shift(t, came_from)
                    return
                queue.append(int(self.of_true[t]))
        self.closed.update(came_from)

    def _shift(self, t: int, came_from: dict[int, int]) -> None:
        """Gives the free true event t to the event that reached it, and so on to the one that entered."""
        while t >= 0:
            i = came_from[t]
            t_before = int(self.of_found[i])
            self.of_true[t], self.of_found[i] = i, t
            t = t_before
