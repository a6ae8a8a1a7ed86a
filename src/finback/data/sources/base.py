"""What every source is: it turns labels, however they are kept, into `LabelRow`s, and knows its groups.

A source reads tables and names only. Matching names to files, opening sound, and everything that could be
wrong with either is the same for all sources and lives in `finback.data.index`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from finback.core.registry import looked_up
from finback.core.settings import Frozen
from finback.core.types import Clip
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem
from finback.data.sources import SOURCES

# What spreadsheets and other programs write into a cell that holds nothing.
EMPTY = frozenset(("", "nan", "na", "n/a", "null", "?", "-"))
SUBSET_WORDS = {
    "train": "train training",
    "val": "val valid validation dev",
    "test": "test testing eval evaluation",
}
YES_WORDS = frozenset(("true", "yes", "y", "1", "synthetic"))
NO_WORDS = frozenset(("false", "no", "n", "0", "real"))
_SUBSET_OF_WORD = {word: subset for subset, words in SUBSET_WORDS.items() for word in words.split()}


class IndexRequest(Frozen):
    """What to index. `groups` is `table.csv:column`: which tape, deployment or site-day each file is from."""

    audio: Path
    labels: Path | None = None
    source: Literal["auto", "folder", "watkins", "beans", "raven"] = "auto"
    groups: str | None = None
    file_column: str = "file"
    species_column: str = "species"
    channel: int | None = Field(None, ge=0)  # from 0; None = what the labels say, else the mean of all
    strict: bool = False
    min_clips: int = Field(1, ge=1)
    synthetic: tuple[Path, ...] = ()  # manifests of generated clips, or their folders; to be trained on only


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One labelled span as its table gives it: seconds, and names as typed."""

    file: str
    species: str
    row: int | None = None  # in the table, header = 1
    table: str = ""  # which table, where there are several
    also: str = ""  # another name to look for when `file` is not found
    group: str = ""
    start_s: float | None = None  # None = from the beginning
    end_s: float | None = None  # None = to the end
    channel: int | None = None  # from 0
    subset: str = ""
    licence: str = ""
    cut: bool = False  # whether an end beyond the file is cut there, not refused
    synthetic: bool = False

    def problem(self, kind: str, message: str, repair: str) -> Problem:
        where = f" (in {self.table})" if self.table else ""
        return Problem(kind, self.file, self.row, message + where, repair)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a source found: usable rows, problems, and whether the labels name sides."""

    rows: tuple[LabelRow, ...]
    problems: tuple[Problem, ...] = ()
    has_split: bool = False


class Source(ABC):
    """One way of keeping labels."""

    info: ClassVar[SourceInfo]

    @abstractmethod
    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        """All labelled spans. Raises `InputError` or `ManifestError` when the labels cannot be read."""

    def groups(self, clips: Sequence[Clip]) -> tuple[dict[Path, str], tuple[Problem, ...]]:
        """The group of each recording that the labels do not name one for, by its path; none by default."""
        return {}, ()


def load_source(name: str) -> Source:
    """The source of that name in the registry."""
    source: Source = looked_up(SOURCES, name, "source")()
    return source


def seconds(text: str) -> float | None:
    """A time cell in seconds; None when empty. A decimal comma is read as a point.

    Raises `ValueError` for anything else: a word, a clock time, NaN, infinity.
    """
    if text.casefold() in EMPTY:
        return None
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        text = text.replace(",", ".")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not a time")
    return value


def species_name(text: str) -> str:
    """A species as typed, with single plain spaces and composed accents; "" when the cell means nothing."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    return "" if name.casefold() in EMPTY else name


def subset_word(text: str) -> str | None:
    """train, val or test for the words people use for them; "" for nothing; None for an unknown word."""
    word = text.strip().casefold()
    return "" if word in EMPTY else _SUBSET_OF_WORD.get(word)


def yes_word(text: str) -> bool | None:
    """Whether a cell says yes; False for nothing; None for an unknown word."""
    word = text.strip().casefold()
    return word in YES_WORDS if word in YES_WORDS | NO_WORDS | EMPTY else None
