"""The base class of the sources. A source reads labels of one kind into `LabelRow`s, and can name groups.

A source reads only tables and file names. `finback.data.index` then matches names to files, opens the
recordings and checks both; this is the same for all sources.
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

# What spreadsheets and other programs write into an empty cell.
EMPTY = frozenset(("", "nan", "na", "n/a", "null", "?", "-"))
SUBSET_SYNONYMS = {
    "train": "train training",
    "val": "val valid validation dev",
    "test": "test testing eval evaluation",
}
YES_WORDS = frozenset(("true", "yes", "y", "1", "synthetic"))
NO_WORDS = frozenset(("false", "no", "n", "0", "real"))
_SUBSET_OF_SYNONYM = {word: subset for subset, words in SUBSET_SYNONYMS.items() for word in words.split()}


class IndexRequest(Frozen):
    """What to index. `groups` is `table.csv:column`: the recording group of each file (a tape, a
    deployment, a site-day)."""

    audio: Path
    labels: Path | None = None
    source: Literal["auto", "folder", "watkins", "beans", "raven"] = "auto"
    groups: str | None = None
    file_column: str = "file"
    species_column: str = "species"
    channel: int | None = Field(
        None, ge=0
    )  # from 0; None: the channel in the labels, else the mean of all channels
    strict: bool = False
    min_clips: int = Field(1, ge=1)
    synthetic: tuple[Path, ...] = ()  # manifests of generated clips, or their folders; only used for training


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One labelled span as the table gives it: times in seconds, and names as typed."""

    file: str
    species: str
    row: int | None = None  # in the table, header = 1
    table: str = ""  # the name of the table, if there are several
    also: str = ""  # another name to look for when `file` is not found
    group: str = ""
    start_s: float | None = None  # None = from the beginning
    end_s: float | None = None  # None = to the end
    channel: int | None = None  # from 0
    subset: str = ""
    licence: str = ""
    cut: bool = False  # True: an end beyond the file is cut there and not refused
    synthetic: bool = False

    def problem(self, kind: str, message: str, repair: str) -> Problem:
        where = f" (in {self.table})" if self.table else ""
        return Problem(kind, self.file, self.row, message + where, repair)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The result of a source: usable rows, problems, and whether the labels have a split of their own."""

    rows: tuple[LabelRow, ...]
    problems: tuple[Problem, ...] = ()
    has_split: bool = False


class Source(ABC):
    """A reader for one layout of labels."""

    info: ClassVar[SourceInfo]

    @abstractmethod
    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        """All labelled spans. Raises `InputError` or `ManifestError` when the labels cannot be read."""

    def groups(self, clips: Sequence[Clip]) -> tuple[dict[Path, str], tuple[Problem, ...]]:
        """Groups of recordings without a group in the labels, by path; none by default."""
        return {}, ()


def load_source(name: str) -> Source:
    """The source with this name in the registry."""
    source: Source = looked_up(SOURCES, name, "source")()
    return source


def seconds(text: str) -> float | None:
    """A time cell in seconds; None when empty. A decimal comma is read as a point.

    Raises `ValueError` for any other text, such as a word, a clock time, NaN or infinity.
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
    """A species as typed, with single plain spaces and composed accents; "" for an empty cell."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    return "" if name.casefold() in EMPTY else name


def subset_word(text: str) -> str | None:
    """train, val or test for a usual word for this set; "" for an empty cell; None for an unknown word."""
    word = text.strip().casefold()
    return "" if word in EMPTY else _SUBSET_OF_SYNONYM.get(word)


def yes_word(text: str) -> bool | None:
    """True or False for a usual word for yes or no; False for an empty cell; None for an unknown word."""
    word = text.strip().casefold()
    return word in YES_WORDS if word in YES_WORDS | NO_WORDS | EMPTY else None
