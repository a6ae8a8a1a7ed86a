"""What a scan found, for the screen, for programs and for the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback.core.text import counted
from finback.scan.journal import Journal
from finback.scan.summary import Summary

SHOWN = 5  # problems that are named on the screen


@dataclass(frozen=True)
class Outcome:
    """Hours are those of all analysed channels together; see `Summary`."""

    summary: Summary
    n_errors: int = 0  # rows of errors.csv
    n_unheard: int = 0  # files that could not be analysed at all
    n_skipped: int = 0  # files that the settings leave out
    problems: tuple[str, ...] = ()  # the first reasons
    is_whole: bool = True  # nothing is left to other processes

    @property
    def n_files(self) -> int:
        """Files that were analysed, in part at least."""
        return self.summary.n_heard

    @property
    def heard_h(self) -> float:
        """Hours that were analysed."""
        return self.summary.heard_h

    @property
    def code(self) -> int:
        """The exit code: 0 all was analysed, 1 a part was not, 2 nothing could be analysed."""
        if not self.n_files and self.n_errors:
            return 2
        return int(self.n_errors > self.n_skipped or not self.is_whole)

    def to_json(self) -> dict[str, Any]:
        """The outcome for programs."""
        return {
            "hours_heard": self.heard_h,
            **self.summary.to_json(),
            "files_skipped": self.n_skipped,
            "files_not_heard": self.n_unheard,
            "errors": self.n_errors,
            "finished": self.is_whole,
        }

    def lines(self, out: Path) -> list[str]:
        """The outcome for a reader who has not seen one before."""
        lines = self.summary.lines()
        if self.n_skipped:
            lines.append(f"{counted(self.n_skipped, 'file')} left out: the band is too narrow for the model")
        if self.problems:
            lines.append("problems:")
        lines += [f"  {problem}" for problem in self.problems]
        more = self.n_errors - len(self.problems)
        if more > 0:
            lines.append(f"  and {more:,} more, see {out / 'errors.csv'}")
        return lines


def outcome_of(journal: Journal, summary: Summary, is_whole: bool = True) -> Outcome:
    """The outcome of all that is in the journal, of which the tables gave a summary."""
    problems = journal.errors()
    states = journal.files()
    return Outcome(
        summary=summary,
        n_errors=len(problems),
        n_unheard=sum(bool(s.reason) and not s.was_skipped for s in states),
        n_skipped=sum(s.was_skipped for s in states),
        problems=tuple(str(p) for p in sorted(problems, key=lambda p: p.was_skipped)[:SHOWN]),
        is_whole=is_whole,
    )
