"""What the tables of a scan say, in sentences and in numbers. An empty result says how long was listened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finback.core.text import counted
from finback.scan.effort import EFFORT_KINDS, HOUR_US, SKIPPED_WORDS, Kind

SHOWN = 12  # species that are named


@dataclass(frozen=True)
class Summary:
    """Times are microseconds, of all analysed channels together."""

    us: Mapping[Kind, int]
    n_files: int
    n_heard: int  # files that were analysed, in part at least
    n_unreadable: int
    n_untimed: int  # analysed files without a start time
    sites: tuple[str, ...]
    counts: Mapping[str, int]  # detections of each species
    notes: tuple[str, ...] = ()

    @property
    def heard_h(self) -> float:
        """Hours that were analysed."""
        return sum(self.us[kind] for kind in EFFORT_KINDS) / HOUR_US

    @property
    def missing_h(self) -> float:
        """Hours that are not analysed yet."""
        return self.us[Kind.NOT_YET] / HOUR_US

    def skipped_h(self) -> dict[str, float]:
        """Hours that were not analysed, by reason."""
        return {why: self.us[kind] / HOUR_US for kind, why in SKIPPED_WORDS.items() if self.us[kind]}

    def lines(self) -> list[str]:
        """Sentences; a first one about an unfinished scan."""
        lines = []
        if self.missing_h:
            lines.append(
                f"PARTIAL: {hours(self.missing_h)} are not analysed yet, so nothing is said about them; "
                "run the same finback scan again, then finback tables"
            )
        places = f", {len(self.sites):,} sites" if len(self.sites) > 1 else ""
        lines.append(
            f"{hours(self.heard_h)} analysed in {self.n_heard:,} of {counted(self.n_files, 'file')}{places}"
        )
        skipped = [
            f"{hours(self.us[kind] / HOUR_US)} ({SKIPPED_WORDS[kind]})"
            for kind in SKIPPED_WORDS
            if self.us[kind]
        ]
        if skipped:
            lines.append("not analysed: " + "; ".join(skipped))
        if self.n_unreadable:
            lines.append(f"{counted(self.n_unreadable, 'file')} could not be read, see errors.csv")
        lines.append(self.detections())
        if self.n_untimed:
            lines.append(
                f"no start time in {counted(self.n_untimed, 'file')}: in presence-files.csv and in no hour; "
                "give --time-pattern or --time-zone to finback scan"
            )
        return [*lines, *self.notes]

    def detections(self) -> str:
        """How many of each species, or how long was listened in vain."""
        found = {name: n for name, n in self.counts.items() if n}
        if not found:
            return f"no detections in {hours(self.heard_h)} of analysed sound"
        most = sorted(found, key=lambda name: (-found[name], name))
        shown = ", ".join(f"{found[name]:,} {name}" for name in most[:SHOWN])
        more = f", and {len(most) - SHOWN} more species" if len(most) > SHOWN else ""
        return f"{counted(sum(found.values()), 'detection')}: {shown}{more}"

    def to_json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            "hours_analysed": self.heard_h,
            "hours_skipped": self.skipped_h(),
            "hours_not_analysed_yet": self.missing_h,
            "partial": bool(self.missing_h),
            "files": self.n_files,
            "files_heard": self.n_heard,
            "files_unreadable": self.n_unreadable,
            "files_without_start_time": self.n_untimed,
            "sites": list(self.sites),
            "detections": dict(self.counts),
            "notes": list(self.notes),
        }


def hours(h: float) -> str:
    """`24.0 h`, `12.5 min`, `3.2 s`, `0.02 s`."""
    if h >= 1:
        return f"{h:,.1f} h"
    if 60 * h >= 1:
        return f"{60 * h:.1f} min"
    return f"{3600 * h:.1f} s" if 3600 * h >= 0.1 else f"{3600 * h:.1g} s"
