"""Problems of labels and recordings, each a `Problem`.

All problems are reported together, so that a user can correct all rows at once. Rows have the numbers that a
spreadsheet shows: the header is row 1. The kinds:

| kind | meaning | the clip is |
|---|---|---|
| missing_file | a row names a file that is not in the audio folder | dropped |
| ambiguous_file | a row names a file that matches several files | dropped |
| unlabelled | a recording that no row names | not used |
| unreadable | a recording or a span that cannot be decoded | dropped |
| file_name | a recording whose name is not valid text | dropped |
| empty_label | a row without a species | dropped |
| bad_span | start or end is not a number, or reversed, or outside the file | dropped |
| bad_channel | a channel that the recording does not have | dropped |
| bad_line | a line of JSON that is no event | dropped |
| columns | more values than the header has columns | dropped |
| open_quote | a quote that is never closed, so the next rows are read as one value | dropped |
| duplicate_row | a span that is labelled twice with the same species | kept once |
| duplicate_sound | one sound in two files with the same species | kept |
| two_species | one sound with two species | dropped (all clips of the sound) |
| group_conflict | one recording in two groups | kept, in the more frequent group |
| no_group | recordings that the groups file does not name | kept |
| half_span | rows with only one of start and end | kept, to the beginning or the end of the file, a note |
| short | shorter than 10 ms | kept, unless under 16 samples |
| synthetic_word | neither true nor false in column synthetic | dropped |
| no_real_clip | synthetic clips of a species without real clips | dropped, a note |
| unknown_generator | synthetic clips of a generator whose training groups are unknown | kept, a note |
| split_word | a set that is not train, val or test | kept, in no set |
| spelling | one species in two spellings | kept, in the more frequent spelling |
| header, nul_byte | a damaged table | kept |
| line_break | a file name or a species with a line break | dropped |
| other_header | another header in the middle of a table | dropped, with all rows below |
| no_species_column | a table, one of several, in which no column says the species | dropped |
| unread_folder | a sub-folder that cannot be read | not used |
| too_few | a species with fewer clips than `min_clips` | dropped, a note |
| unknown_tape, no_file_offset, cut_at_end, encoding, ignored_column | notes | kept |
| remark | what was repaired, guessed or left out when a recording was opened | kept, a note |
| repeated_header | the header of a table again, where tables were joined | none (a note) |
| no_calls | a recording whose table has no selections: effort without calls | none (a note) |
| layout | the program whose columns were recognised | kept, a note |
| skipped | hidden files, recycle bins, links to folders that were read already | none (a note) |
| start_time | a start time that is unknown, or on which sources disagree | kept, a note |
| lot_table | the table of all recordings, beside the tables of the recordings | not read, a note |
| repeated_event | an event in two tables of a folder | kept once, a note |
| unread_table | a table of a folder that cannot be read | dropped |
| not_a_table | a .txt that is not a selection table, among others | none (a note) |

Notes describe a decision of finback and not a fault of the labels, so `strict` accepts them. A recording
whose header is wrong is a note, because its sound is read: `unreadable` is for sound that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finback.core.errors import ManifestError

# The kinds that `strict` accepts.
NOTES = frozenset(
    [
        *("too_few", "unknown_tape", "no_file_offset", "cut_at_end", "encoding", "ignored_column"),
        *("not_a_table", "no_real_clip", "unknown_generator", "remark", "start_time"),
        *("repeated_header", "no_calls", "layout", "skipped", "half_span", "repeated_event", "lot_table"),
    ]
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its file, its row in a spreadsheet (None: no row), what is wrong, and the repair."""

    kind: str
    file: str
    row: int | None
    message: str
    repair: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file} (row {self.row})"
        return f"{where}: {self.message}" + (f"; {self.repair}" if self.repair else "")

    @property
    def is_note(self) -> bool:
        """Whether this is a note, which `strict` accepts."""
        return self.kind in NOTES

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def remark(file: str, text: str) -> Problem:
    """A recording's remark, "what; advice" (see `core.types.Recording`), as a note."""
    message, _, advice = text.partition("; ")
    return Problem("remark", file, None, message, advice)


def refuse(problems: Sequence[Problem], listed: int = 10) -> None:
    """Raises `ManifestError` with the first ten problems that are not notes, if there are any (`strict`)."""
    real = [p for p in problems if not p.is_note]
    if not real:
        return
    shown = "".join(f"\n  {p}" for p in real[:listed])
    more = f"\n  ... and {len(real) - listed} more" if len(real) > listed else ""
    count = "1 problem" if len(real) == 1 else f"{len(real)} problems"
    raise ManifestError(
        f"{count} in the labels or recordings:{shown}{more}\n",
        "correct the labels or recordings, or leave out --strict",
    )


def counts(problems: Iterable[Problem]) -> dict[str, int]:
    """Number of problems of each kind, the most frequent first."""
    tally: dict[str, int] = {}
    for problem in problems:
        tally[problem.kind] = tally.get(problem.kind, 0) + 1
    return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))
