"""The base class of the sources. A source reads labels of one kind into `LabelRow`s, and can name groups.

A source reads only tables and file names. `finback.data.index` then matches names to files, opens the
recordings and checks both; this is the same for all sources.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from finback.audio.time_options import TimeOptions, time_options
from finback.core.registry import looked_up
from finback.core.settings import Frozen
from finback.core.types import Clip
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.numbers import EMPTY
from finback.data.problems import Problem
from finback.data.sources import SOURCES

LONGEST_SPECIES = 500  # characters; longer cells are notes in the wrong column
SUBSET_SYNONYMS = {
    "train": "train training",
    "val": "val valid validation dev",
    "test": "test testing eval evaluation",
}
YES_WORDS = frozenset(("true", "yes", "y", "1", "synthetic"))
NO_WORDS = frozenset(("false", "no", "n", "0", "real"))
_SUBSET_OF_SYNONYM = {word: subset for subset, words in SUBSET_SYNONYMS.items() for word in words.split()}


class LabelledRecordings(Frozen):
    """Recordings and their labels. `groups` is `table.csv:column`: the recording group of each file (a tape,
    a deployment, a site-day)."""

    audio: Path
    labels: Path | None = None
    source: Literal["auto", "folder", "watkins", "beans", "raven", "audacity"] = "auto"
    groups: str | None = None
    file_column: str = "file"
    species_column: str = "species"
    channel: int | None = Field(
        None, ge=0, le=65_535
    )  # from 0; None: the channel in the labels, else the mean of all channels
    min_clips: int = Field(1, ge=1, le=1_000_000_000)


class IndexRequest(LabelledRecordings):
    """What to index."""

    strict: bool = False
    time_pattern: str | None = None  # of start times in file names, as for strptime
    time_zone: str | None = None  # of start times without a zone: America/New_York, UTC-5
    synthetic: tuple[Path, ...] = ()  # manifests of generated clips, or their folders; only used for training

    @model_validator(mode="after")
    def _times_are_valid(self) -> IndexRequest:
        time_options(self.time_pattern, self.time_zone)
        return self

    @property
    def times(self) -> TimeOptions:
        """The pattern and the zone of start times."""
        return time_options(self.time_pattern, self.time_zone)


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
    in_samples: bool = False  # True: start_s and end_s are native samples
    start_at: datetime | None = None  # UTC, in place of start_s
    end_at: datetime | None = None
    channel: int | None = None  # from 0
    subset: str = ""
    licence: str = ""
    cut: bool = False  # True: an end beyond the file is cut there and not refused
    synthetic: bool = False

    def in_seconds(self, sample_rate: int) -> LabelRow:
        """The row with times in seconds; dividing and multiplying by the rate gives the same sample."""
        if not self.in_samples:
            return self
        start, end = (None if t is None else t / sample_rate for t in (self.start_s, self.end_s))
        return replace(self, start_s=start, end_s=end, in_samples=False)

    def problem(self, kind: str, message: str, repair: str) -> Problem:
        where = f" (in {self.table})" if self.table else ""
        file = self.file if len(self.file) <= 300 else f"{self.file[:297]}..."
        return Problem(kind, file, self.row, message + where, repair)


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


@lru_cache(maxsize=4096)  # a table has few species and many rows
def unnamed_species(text: str) -> str:
    """Why a cell names no species, or "" if it names one."""
    name = species_name(text)
    if not name:
        return f"'{text}' is read as no species" if text else "names no species"
    if len(name) > LONGEST_SPECIES:
        return f"a species name of {len(name)} characters (at most {LONGEST_SPECIES})"
    return ""


@lru_cache(maxsize=4096)
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
