"""What is wrong with labels or recordings, one `Problem` each, collected and reported at once.

A user mends a hundred rows in one sitting only when all hundred are named. Rows are counted as a
spreadsheet counts them: the header is row 1. The kinds:

| kind | what it says | the clip is |
|---|---|---|
| missing_file | a row names a file that is not in the audio folder | dropped |
| ambiguous_file | a row names a file that could be several | dropped |
| unlabelled | a recording that no row names | not there |
| unreadable | a recording, or a span of it, that cannot be decoded | dropped |
| file_name | a recording whose name is not valid text | dropped |
| empty_label | a row without a species | dropped |
| bad_span | start or end that is no number, reversed, or outside the file | dropped |
| bad_channel | a channel that the recording does not have | dropped |
| columns | more values than the header has columns | dropped |
| open_quote | a quote that is never closed swallows the rows after it | dropped |
| duplicate_row | one span labelled twice with one species | kept once |
| duplicate_sound | one sound under two names, with one species | kept |
| two_species | one sound under two species | dropped, all of them |
| group_conflict | one recording in two groups | kept, in the commoner group |
| no_group | recordings that the groups file does not name | kept |
| short | shorter than 10 ms | kept, unless under 16 samples |
| synthetic_word | neither true nor false in column synthetic | dropped |
| no_real_clip | a species of synthetic clips that no real clip has | dropped, a note |
| unknown_generator | synthetic clips whose generator's tapes nobody knows | kept, a note |
| split_word | a side that is not train, val or test | kept, on no side |
| spelling | one species spelt in two ways | kept, in the commoner spelling |
| header, nul_byte | a damaged table | kept |
| too_few | a species with fewer clips than asked for | dropped, a note |
| unknown_tape, no_file_offset, cut_at_end, encoding, ignored_column | notes | kept |
| not_a_table | a .txt among selection tables that is none | a note |

Notes tell what was decided; they are no fault of the data, so `strict` lets them pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finback.core.errors import ManifestError

# What `strict` lets pass.
NOTES = frozenset(
    [
        *("too_few", "unknown_tape", "no_file_offset", "cut_at_end", "encoding", "ignored_column"),
        *("not_a_table", "no_real_clip", "unknown_generator"),
    ]
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file, in which spreadsheet row (None: no row), and how to repair it."""

    kind: str
    file: str
    row: int | None
    message: str
    repair: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file} (row {self.row})"
        return f"{where}: {self.message}; {self.repair}"

    @property
    def is_note(self) -> bool:
        return self.kind in NOTES

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def refuse(problems: Sequence[Problem], listed: int = 10) -> None:
    """What `strict` means: `ManifestError` if any problem is more than a note, listing the first ten."""
    real = [p for p in problems if not p.is_note]
    if not real:
        return
    shown = "".join(f"\n  {p}" for p in real[:listed])
    more = f"\n  ... and {len(real) - listed} more" if len(real) > listed else ""
    count = "1 problem" if len(real) == 1 else f"{len(real)} problems"
    raise ManifestError(
        f"{count} in the labels or recordings:{shown}{more}\n", "correct them, or leave out --strict"
    )


def counts(problems: Iterable[Problem]) -> dict[str, int]:
    """How many of each kind, the commonest first."""
    tally: dict[str, int] = {}
    for problem in problems:
        tally[problem.kind] = tally.get(problem.kind, 0) + 1
    return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))
