"""Events that come at a regular interval: which periods there are, and which events are on the beat.

    line = on_a_line(events)                             # (N,) seconds; breaks in the sound are long gaps
    beat = best_period(line, resolution_s=0.1, shortest_s=1.0, level=0.01)
    on_beat(line, beat.period_s, beat.tolerance_s)       # (N,) of bool

A recorder that sleeps and wakes makes every sound regular, so only events of one stretch of sound without a
break are compared; recordings that follow each other without a gap are one stretch.

The test: the number of pairs of events whose distance is within the tolerance of a period, beside the number
in two windows of the same width, a little shorter and a little longer; the larger one of these counts. Where
calls come at random, each pair is as likely here as there, so the number is binomial (Przyborowski and
Wilenski 1940, "Homogeneity of results in testing samples from Poisson series", Biometrika 31:313-323),
also when the rate of calls changes slowly. The level is divided by the number of periods that are tried
(Bonferroni), and the pairs must be twice as many as beside it, also at twice the period: events of one class
cannot overlap, so dense ones have a usual distance without a machine, but no second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from finback.scan.found_events import FoundEvent, time_at

Floats = NDArray[np.float64]
APART_S = 1e5  # between recordings on the line; more than BEATS of the longest period
SEAM_S = 2.0  # recordings with less between them follow each other: names often have whole seconds
LONGEST_S = 900.0  # the longest period that is looked for
BEATS = 3  # so many periods before and after an event another one is looked for
PARTNERS = 2  # so many of these an event on the beat needs
FEWEST = 20  # events on the beat
TOLERANCES = (0.02, 0.04, 0.08)  # of the period
WIDEST = 0.15  # of the period: with a wider tolerance nothing is regular
ORDER = 24  # an event is compared with so many next ones
STEP = 1.01  # from one period that is tried to the next
NEAR = 1.2  # periods within this factor are one
MOST_PAIRS = 0.8  # share of the pairs that the tolerance must hold
EXCESS = 2.0  # times as many pairs as beside the period
SEED = 20  # of the noise that hides the grid of windows


@dataclass(frozen=True, slots=True)
class Beat:
    """A period that is not there by chance; `p` is corrected for the number of periods that were tried."""

    period_s: float
    tolerance_s: float
    p: float


def on_a_line(events: Sequence[FoundEvent]) -> Floats:
    """The start (N,) of each event in seconds on a line, on which stretches of sound lie far apart."""
    keys = [(e.file.path, -1 if e.channel is None else e.channel, *e.stretch) for e in events]
    of = dict(zip(keys, events, strict=True))
    places: dict[tuple[str, int, int, int], float] = {}
    end, last, channel = 0.0, None, None
    for key in sorted(of, key=lambda k: (k[1], *_when(of[k]), k)):
        event, length = of[key], (key[3] - key[2]) / of[key].file.sample_rate
        start = time_at(event.file, key[2])
        gap = None if start is None or last is None else (start - last).total_seconds()
        if gap is None or key[1] != channel or abs(gap) > SEAM_S:
            gap = APART_S
        places[key] = end + gap
        end, last, channel = end + gap + length, time_at(event.file, key[3], is_end=True), key[1]
    starts = [
        places[key] + (event.extent[0] - key[2]) / event.file.sample_rate
        for key, event in zip(keys, events, strict=True)
    ]
    return np.array(starts, dtype=np.float64)


def _when(event: FoundEvent) -> tuple[bool, float]:
    start: datetime | None = time_at(event.file, event.stretch[0])
    return (start is None, 0.0 if start is None else start.timestamp())


def on_beat(line: Floats, period_s: float, tolerance_s: float) -> NDArray[np.bool_]:
    """Which events (N,) have two others at one, two or three periods before or after them.

    So beats that were missed do no harm, and a clock that drifts does none.
    """
    ordered = np.sort(line)
    partners = np.zeros(len(line), np.int64)
    for k in range(-BEATS, BEATS + 1):
        if k:
            middle = line + k * period_s
            first = np.searchsorted(ordered, middle - tolerance_s - 1e-6, side="left")
            partners += np.searchsorted(ordered, middle + tolerance_s + 1e-6, side="right") > first
    return partners >= PARTNERS


def best_period(line: Floats, resolution_s: float, shortest_s: float, level: float) -> Beat | None:
    """The shortest of the clear periods of events (N,) on a line, or None.

    `resolution_s` is the grid on which events lie; noise of this width hides it. By chance a period is found
    with a probability below `level`.
    """
    from scipy.special import betainc  # 25 MB that a scan without mutes does not need

    if len(line) < FEWEST:
        return None
    noise = np.random.default_rng(SEED).uniform(-0.5, 0.5, len(line)) * resolution_s
    lags = _lags(np.sort(line + noise), shortest_s)
    period, tolerance = _tried(1.2 * resolution_s, shortest_s)
    if not len(period) or not len(lags):
        return None
    there, beside = _counts(lags, period, tolerance)
    twice, beside_twice = _counts(lags, 2 * period, tolerance)
    p = np.minimum(betainc(np.maximum(there, 1), beside + 1.0, 0.5) * len(period), 1.0)
    clear = (p <= level) & (there >= FEWEST) & (there >= EXCESS * beside) & (twice >= EXCESS * beside_twice)
    if not clear.any():
        return None
    excess = np.where(clear, there - beside, 0)
    shortest = float(period[excess >= excess.max() / 2].min())
    near = np.where(period <= NEAR * shortest, excess, 0)
    # The narrowest tolerance that holds most of the pairs: a wide one mutes more calls.
    i = int(np.where(near >= MOST_PAIRS * near.max(), tolerance, np.inf).argmin())
    middle = float(period[i])
    for _ in range(2):
        first, last = np.searchsorted(lags, [middle - tolerance[i], middle + tolerance[i]])
        middle = float(np.median(lags[first:last]))
    return Beat(middle, float(tolerance[i]), float(p[i]))


def _lags(ordered: Floats, shortest_s: float) -> Floats:
    """The distances of each event from the next ones, sorted."""
    found = []
    for k in range(1, min(ORDER, len(ordered) - 1) + 1):
        lags = ordered[k:] - ordered[:-k]
        found.append(lags[(lags > shortest_s / 4) & (lags < 3 * LONGEST_S)])
    return np.sort(np.concatenate(found)) if found else np.zeros(0)


def _tried(least_s: float, shortest_s: float) -> tuple[Floats, Floats]:
    """Periods and tolerances (n,) that are tried; a tolerance is at least `least_s`."""
    n = int(np.log(max(LONGEST_S / shortest_s, 1.0)) / np.log(STEP)) + 1
    periods = shortest_s * STEP ** np.arange(n)
    pairs = np.array([(p, max(share * p, least_s)) for p in periods for share in TOLERANCES])
    pairs = np.unique(pairs[pairs[:, 1] <= WIDEST * pairs[:, 0]], axis=0)
    return pairs[:, 0], pairs[:, 1]


def _counts(lags: Floats, period: Floats, tolerance: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many distances are at a period, and how many beside it."""
    before, there, after = (_within(lags, period, shift, tolerance) for shift in (-3, 0, 3))
    return there, np.maximum(before, after)


def _within(lags: Floats, period: Floats, shift: int, tolerance: Floats) -> NDArray[np.int64]:
    """How many distances lie within the tolerance of the period, moved by `shift` tolerances."""
    middle = period + shift * tolerance
    last = np.searchsorted(lags, middle + tolerance, side="right")
    return np.asarray(last - np.searchsorted(lags, middle - tolerance, side="left"), dtype=np.int64)
