"""A journal file by file: its state, what became of each channel's samples, and its problems.

    for walked in walk(journal):
        walked.state, walked.coverages, walked.problems

Memory is that of the faults of one channel of one recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finback.scan.effort import Coverage, coverage_of
from finback.scan.journal import Journal
from finback.scan.spans import Cells, FileState, Problem


@dataclass(frozen=True, eq=False, slots=True)
class HeardFile:
    """One file of a scan. There is one coverage for each channel that the settings name, at least one."""

    state: FileState
    coverages: list[Coverage]
    problems: list[Problem]

    @property
    def was_heard(self) -> bool:
        """Whether any part of it was analysed."""
        return any(coverage.analysed() for coverage in self.coverages)


def walk(journal: Journal) -> Iterator[HeardFile]:
    """All files of a journal, sorted by path."""
    errors: dict[str, list[Problem]] = {}
    for problem in journal.errors():
        errors.setdefault(problem.file.path, []).append(problem)
    for state in journal.files():
        problems = errors.get(state.file.path, [])
        wanted = journal.header.settings.channels_of(state.file.n_channels)
        coverages: dict[int | None, Coverage] = {}
        for channel, cells in journal.cells(state.file):
            coverages[channel] = _coverage(state, channel, cells, problems)
        for channel in wanted or (() if coverages else (_only(journal),)):
            if channel not in coverages:
                coverages[channel] = _coverage(state, channel, None, problems)
        order = sorted(coverages, key=lambda channel: -1 if channel is None else channel)
        yield HeardFile(state, [coverages[channel] for channel in order], problems)


def _coverage(
    state: FileState, channel: int | None, cells: Cells | None, problems: Sequence[Problem]
) -> Coverage:
    # The problem of a whole file is in its state already.
    own = [] if state.reason else [p for p in problems if p.channel == channel]
    return coverage_of(state, channel, cells, own)


def _only(journal: Journal) -> int | None:
    """The channel of a file that has no channels that are known."""
    channels = journal.header.settings.channels
    return channels if isinstance(channels, int) else None
