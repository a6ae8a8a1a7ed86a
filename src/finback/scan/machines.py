"""Detections that a machine may have made: they come at a regular interval, and they are alike.

    for machine in find_machines(journal, found.events, site_of):
        machine.note()                    # "2,375 of 2,401 detections of Fin whale ... come every 30.0 s"
        machine.mute                      # the proposal, for `scan/mutes.py`

A mooring squeaks, a pump runs, a sonar or an air gun sounds: a model may take each beat for a call. Whales
are regular too (song, clicks), so a machine is only ever proposed. A person listens and decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from finback.core.text import plain_label
from finback.scan.beats import FEWEST, Beat, best_period, on_a_line, on_beat
from finback.scan.found_events import FoundEvent, time_at
from finback.scan.journal import Journal
from finback.scan.likeness import alike, vectors
from finback.scan.mutes import Mute, Range
from finback.scan.presence import iso_z

LEVEL = 0.01  # probability that calls that come at random give any proposal of a scan
MOST = 5  # machines of a species at a site
MOST_COMPARED = 2000  # events on the beat whose vectors are read
LEAST_ALIKE = 0.6  # share of the events on the beat
MEASURED_S = 0.1  # how well a measured start is known
MEASURED_SHARE = 0.9  # of the events, so that starts count as measured
EDGES = (0.02, 0.98)  # quantiles of the ranges in a mute
MARGIN = 0.1  # share by which these ranges are wider

# Regular sounds of whales, by words in the names of classes.
REGULAR = {
    ("fin", "physalus"): "fin whales repeat 20 Hz notes every 7 to 40 s, for hours (Watkins et al. 1987)",
    ("sperm", "physeter"): "sperm whales click every 0.5 to 2 s (Goold and Jones 1995)",
    ("blue", "musculus"): "blue whales repeat the units of their song every one to two minutes",
    ("right", "eubalaena"): "right whales make bouts of gunshots (Parks et al. 2005)",
    ("minke", "acutorostrata"): "minke whales make pulse trains and boings at regular intervals",
    ("humpback", "megaptera"): "humpback whales repeat the units of their song",
    ("bowhead", "mysticetus"): "bowhead whales repeat the units of their song",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """Regular detections of one species at one site, and the mute that would leave them out."""

    mute: Mute
    beat: Beat
    n: int  # detections that the mute leaves out
    n_species: int  # detections of the species at the site
    alike: float  # share of the detections on the beat that are alike
    by: str  # what they were compared by: embeddings or logits
    first: datetime | None
    last: datetime | None

    def note(self) -> str:
        """One line: what was found."""
        when = ""
        if self.first is not None and self.last is not None:
            when = f", {_short(self.first)} to {_short(self.last)}"
        what = f"{self.mute.species} at site {self.mute.site}"
        every = f"{self.beat.period_s:.4g} s{when}"
        return f"{self.n:,} of {self.n_species:,} detections of {what} come every {every}"

    def reasons(self) -> list[str]:
        """Why a machine is likely, and what speaks against it, in sentences."""
        share = min(1.0, 2 * self.beat.tolerance_s / self.beat.period_s)
        return [
            self.note() + ".",
            f"Calls at random times would give this with a probability {_chance(self.beat.p)}.",
            f"{100 * self.alike:.0f} % of those on the beat are alike in {self.by}, duration and band.",
            f"While it sounds, about {100 * share:.0f} % of real calls fall on the beat, and are muted if "
            "their duration and band fit too.",
            *self.caveat(),
        ]

    def caveat(self) -> list[str]:
        """The regular sounds of the species, where there are."""
        words = {plain_label(word) for word in self.mute.species.replace("_", " ").replace("-", " ").split()}
        return [f"Careful: {what}." for names, what in REGULAR.items() if words & set(names)]


def find_machines(
    journal: Journal, events: Sequence[FoundEvent], site: Callable[[str], str], level: float = LEVEL
) -> list[Machine]:
    """The machines among the detections of a scan, sorted by site, species and number of detections.

    `site` gives the site of a path. Where calls come at random, the probability of any proposal is below
    `level`. 100,000 detections of a species take seconds.
    """
    groups: dict[tuple[str, str], list[FoundEvent]] = defaultdict(list)
    for event in events:
        groups[site(event.file.path), event.label].append(event)
    large = {key: own for key, own in sorted(groups.items()) if len(own) >= FEWEST}
    found: list[Machine] = []
    for (place, species), own in large.items():
        machines = _of_group(journal, Mute(site=place, species=species), own, level / len(large))
        found += sorted(machines, key=lambda machine: (-machine.n, machine.beat.period_s))
    return found


def _of_group(journal: Journal, mute: Mute, events: list[FoundEvent], level: float) -> list[Machine]:
    n_species, found = len(events), []
    for _ in range(MOST):
        resolution, shortest = _resolution(journal, events)
        # The first event after a break may have begun before it: its start says nothing.
        whole = [e for e in events if e.start > e.stretch[0] and e.extent[0] > e.stretch[0]]
        beat = best_period(on_a_line(whole), resolution, shortest, level)
        if beat is None:
            break
        on = np.flatnonzero(on_beat(on_a_line(events), beat.period_s, beat.tolerance_s))
        if len(on) < FEWEST:
            break
        members = [events[i] for i in on]
        one = _machine(journal, mute, beat, members, events)
        if one is not None:
            found.append(replace(one, n_species=n_species))
        gone = set(on.tolist())
        events = [event for i, event in enumerate(events) if i not in gone]
    return found


def _machine(
    journal: Journal, mute: Mute, beat: Beat, members: list[FoundEvent], events: list[FoundEvent]
) -> Machine | None:
    """The machine of these events on the beat, or None where they are not alike."""
    some = np.unique(np.linspace(0, len(members) - 1, MOST_COMPARED).astype(np.int64))
    members = [members[i] for i in some.tolist()]
    same = alike(vectors(journal, members), members)
    if same.mean() < LEAST_ALIKE:
        return None
    members = [event for event, is_same in zip(members, same.tolist(), strict=True) if is_same]
    own = mute.model_copy(
        update={
            "period_s": round(beat.period_s, 4),
            "tolerance_s": round(beat.tolerance_s, 4),
            "duration_s": _range([event.duration_s for event in members]),
            **_bands(members),
        }
    )
    muted = [events[i] for i in own.chosen(events, [own.site] * len(events))]
    if len(muted) < FEWEST:
        return None
    starts = [time_at(event.file, event.extent[0]) for event in muted]
    times = [start for start in starts if start is not None]
    first, last = (min(times), max(times)) if len(times) == len(starts) else (None, None)
    if first is not None and last is not None:
        end = last.replace(microsecond=0) + timedelta(seconds=1)
        own = own.model_copy(update={"start_utc": first.replace(microsecond=0), "stop_utc": end})
    by = "embeddings" if journal.header.settings.keep_embeddings else "logits"
    return Machine(own, beat, len(muted), len(events), float(same.mean()), by, first, last)


def _bands(members: Sequence[FoundEvent]) -> dict[str, Range | None]:
    """The edges of the measured bands, where nearly all have one."""
    boxes = [event.box for event in members if event.box is not None]
    lows = [box.low_hz for box in boxes if box.low_hz is not None]
    highs = [box.high_hz for box in boxes if box.high_hz is not None]
    if min(len(lows), len(highs)) < max(1.0, MEASURED_SHARE * len(members)):
        return {"low_hz": None, "high_hz": None}
    return {"low_hz": _range(lows), "high_hz": _range(highs)}


def _resolution(journal: Journal, events: Sequence[FoundEvent]) -> tuple[float, float]:
    """How well starts are known, and the shortest period that windows can tell apart, in seconds."""
    rate = events[0].file.sample_rate if events else journal.header.sample_rate
    hop, window = journal.header.hop_in(rate) / rate, journal.header.window_in(rate) / rate
    measured = sum(event.box is not None and event.box.low_hz is not None for event in events)
    if events and measured >= MEASURED_SHARE * len(events):
        return min(hop, MEASURED_S), window
    return hop, window


def _range(values: Sequence[float]) -> Range:
    """The least and the most of nearly all values, and a margin."""
    low, high = np.quantile(np.array(values), EDGES).tolist()
    return round(max(low * (1 - MARGIN) - 0.005, 0.0), 2), round(high * (1 + MARGIN) + 0.005, 2)


def _chance(p: float) -> str:
    return "below 1e-9" if p < 1e-9 else f"of about {p:.1g}"


def _short(when: datetime) -> str:
    return iso_z(when.replace(microsecond=0))
