"""What a scan found, in numbers and in sentences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finback.scan.journal import Journal
from finback.scan.spans import UNHEARD, Fault

REASONS = {
    Fault.SILENT: "digital silence",
    Fault.DROPOUT: "dropouts of the recorder",
    Fault.CLIPPED: "clipping",
    Fault.UNREADABLE: "unreadable",
}
SHOWN = 5  # problems that are named on the screen


@dataclass(frozen=True)
class Outcome:
    """Hours are those of all analysed channels together."""

    n_files: int  # that were heard, in part at least
    heard_h: float
    unheard_h: dict[str, float] = field(default_factory=dict)  # by reason
    n_errors: int = 0  # rows of errors.csv
    n_unheard: int = 0  # files that could not be heard at all
    n_skipped: int = 0  # files that the settings leave out
    problems: tuple[str, ...] = ()  # the first reasons
    is_whole: bool = True  # nothing is left to other processes

    @property
    def code(self) -> int:
        """The exit code: 0 all was heard, 1 a part was not, 2 nothing could be heard."""
        if not self.n_files and self.n_errors:
            return 2
        return int(self.n_errors > self.n_skipped or not self.is_whole)

    def to_json(self) -> dict[str, Any]:
        return {
            "files": self.n_files,
            "hours_heard": round(self.heard_h, 6),
            "hours_not_heard": {reason: round(h, 6) for reason, h in self.unheard_h.items()},
            "files_not_heard": self.n_unheard,
            "files_skipped": self.n_skipped,
            "errors": self.n_errors,
            "finished": self.is_whole,
        }

    def lines(self, out: Path) -> list[str]:
        """The outcome for a reader who has not seen one before."""
        lines = [f"heard {hours(self.heard_h)} in {self.n_files:,} files"]
        if self.unheard_h:
            parts = [f"{hours(h)} {reason}" for reason, h in self.unheard_h.items()]
            lines.append(f"not heard: {'; '.join(parts)}")
        if self.n_skipped:
            lines.append(f"{self.n_skipped:,} files left out, because their band is too narrow for the model")
        if self.n_unheard:
            lines.append(f"{self.n_unheard:,} files could not be heard at all")
        lines += [f"  {problem}" for problem in self.problems]
        more = self.n_errors - len(self.problems)
        if more > 0:
            lines.append(f"  and {more:,} more, see {out / 'errors.csv'}")
        return lines


def outcome_of(journal: Journal, is_whole: bool = True) -> Outcome:
    """The outcome of all that is in the journal."""
    heard, files = 0.0, set()
    unheard: dict[str, float] = defaultdict(float)
    for sound in journal.sounds():
        seconds = (sound.cell_stop - sound.start) / sound.file.sample_rate
        lost = sound.faults & UNHEARD != 0
        files.add(sound.file.path)
        heard += float(seconds[~lost].sum())
        rest = lost
        for fault, reason in REASONS.items():  # a cell with several faults counts once
            which = rest & (sound.faults & fault != 0)
            unheard[reason] += float(seconds[which].sum())
            rest = rest & ~which
    problems = journal.errors()
    for p in problems:
        reason = "left out: the band is too narrow" if p.was_skipped else "could not be analysed"
        unheard[reason] += (p.stop - p.start) / (p.file.sample_rate or 1)
    states = journal.files()
    return Outcome(
        n_files=len(files),
        heard_h=heard / 3600,
        unheard_h={reason: s / 3600 for reason, s in unheard.items() if s},
        n_errors=len(problems),
        n_unheard=sum(bool(s.reason) and not s.was_skipped for s in states),
        n_skipped=sum(s.was_skipped for s in states),
        problems=tuple(p.reason for p in sorted(problems, key=lambda p: p.was_skipped)[:SHOWN]),
        is_whole=is_whole,
    )


def hours(h: float) -> str:
    """`24.0 h`, `12.5 min`, `3.2 s`."""
    if h >= 1:
        return f"{h:,.1f} h"
    return f"{60 * h:.1f} min" if 60 * h >= 1 else f"{3600 * h:.1f} s"
