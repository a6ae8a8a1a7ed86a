"""The events to look at: those that were missed, and the false alarms with the highest scores."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from finback.core.types import Event
from finback.evaluation.detections.prepare import Prepared
from finback.metrics.events import Floats


@dataclass(frozen=True, slots=True)
class Listed:
    """An event to look at, its class and its recording, and what is known of it in words."""

    event: Event
    label: str  # its class
    recording: str
    remark: str = ""


def misses(p: Prepared, thresholds: Floats, remarks: int) -> list[Listed]:
    """True events that are not found: the highest SNR first, where known; then by file and time.

    The first `remarks` have a remark, which takes time to find.
    """
    missed = np.flatnonzero(p.matching.true_score < thresholds[p.true.of_class]).tolist()
    missed.sort(key=lambda i: (_quiet(p.true.events[i]), int(p.true.recording[i]), p.true.events[i].start_s))
    nearby = _Nearby(p)
    return [
        Listed(
            p.true.events[i],
            p.classes[p.true.of_class[i]],
            p.recordings[p.true.recording[i]],
            nearby.of(i, thresholds) if n < remarks else "",
        )
        for n, i in enumerate(missed)
    ]


def false_alarms(p: Prepared, thresholds: Floats, remarks: int) -> list[Listed]:
    """Found events that are false alarms, the highest score first; the first `remarks` with a remark."""
    score = np.ones(len(p.found.events)) if p.found.arrays.score is None else p.found.arrays.score
    wrong = (p.matching.partner_of_found < 0) & p.found.counted & (score >= thresholds[p.found.of_class])
    order = np.lexsort((p.found.arrays.start, p.found.recording, -score))
    chosen = order[wrong[order]].tolist()
    return [
        Listed(
            p.found.events[i],
            p.classes[p.found.of_class[i]],
            p.recordings[p.found.recording[i]],
            _beside(p, i) if n < remarks else "",
        )
        for n, i in enumerate(chosen)
    ]


def _quiet(event: Event) -> float:
    return 0.0 if event.snr_db is None else -event.snr_db


def _beside(p: Prepared, i: int) -> str:
    """What TRUTH has where a false alarm is: another class, or an event that another detection matched."""
    start, stop = p.found.arrays.start[i], p.found.arrays.stop[i]
    here = (
        (p.true.recording == p.found.recording[i])
        & (p.true.arrays.start < stop)
        & (p.true.arrays.stop > start)
    )
    if not here.any():
        return ""
    classes = sorted({p.classes[c] for c in p.true.of_class[here]})
    own = p.classes[p.found.of_class[i]]
    if own in classes:
        return "overlaps a true event of its class that it does not match"
    return "overlaps a true event of " + ", ".join(f"'{name}'" for name in classes)


class _Nearby:
    """What FOUND has where a true event was missed."""

    def __init__(self, p: Prepared) -> None:
        self._p = p
        self._of: dict[int, list[int]] = defaultdict(list)
        for i, r in enumerate(p.found.recording.tolist()):
            self._of[r].append(i)

    def of(self, i: int, thresholds: Floats) -> str:
        p, true, found = self._p, self._p.true.arrays, self._p.found.arrays
        candidates = np.array(self._of[int(p.true.recording[i])], dtype=np.int64)
        here = candidates[(found.start[candidates] < true.stop[i]) & (found.stop[candidates] > true.start[i])]
        if not len(here):
            return "nothing found here"
        own = here[p.found.of_class[here] == p.true.of_class[i]]
        if not len(own):
            names = sorted({p.classes[c] for c in p.found.of_class[here]})
            return "found as " + ", ".join(f"'{name}'" for name in names)
        if found.score is not None and found.score[own].max() < thresholds[p.true.of_class[i]]:
            return f"found with the score {found.score[own].max():.3g}, below the threshold"
        return "found, but not matched"
