"""What a source of public recordings is: a TOML file, ours (`sources/*.toml`) or your own.

    name = "harbour"                         # lower case, digits, hyphens
    title = "Porpoises of our harbour"
    homepage = "https://example.org/sounds"
    licence = "CC BY 4.0"                    # short: stands in every row of the tables
    terms = "..."                            # the whole text, shown before the first request
    terms_url = "https://example.org/terms"

    [listing]                                # one of the kinds below
    kind = "pages"
    start = "https://example.org/sounds/index.html"
    pages = 'species\\.php\\?id=\\d+$'          # links on `start`, one a species; without it files are there
    files = '\\.wav$'                         # links on those pages

    [labels]
    species = "link"                         # text of the link to the species' page; or a regex, see `Labels`
    group = '^(\\d{5})'                       # first bracket in the file's name: the tape or deployment

Kinds of list: `pages` (web pages of links), `files` (a fixed list), `zip` (one archive), `zenodo` (a record
of zenodo.org, which tells sizes and checksums), `by-hand` (nothing to fetch, but what to do). Regexes are
searched in whole addresses (in a zip: in paths). An unknown key is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from re import Pattern
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator

from finback.core.errors import InputError, SettingsError
from finback.core.settings import Frozen, build

DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


def _address(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
        raise ValueError("not an address that begins with https:// or http://")
    return text


def _checksum(text: str) -> str:
    """`sha256:` and hex digits; md5 and sha1 too, since archives still publish those."""
    kind, _, digits = text.lower().partition(":")
    if len(digits) != DIGITS.get(kind, -1) or set(digits) - set("0123456789abcdef"):
        raise ValueError("not of the form sha256:<64 hex digits>, sha1:<40> or md5:<32>")
    return f"{kind}:{digits}"


Address = Annotated[str, AfterValidator(_address)]
Checksum = Annotated[str, AfterValidator(_checksum)]


class Pages(Frozen):
    """Web pages of links. `fewest`: with fewer files (or species pages) the site is not what it was."""

    kind: Literal["pages"]
    start: Address
    files: Pattern[str]
    pages: Pattern[str] | None = None
    fewest: int = Field(1, ge=1)


class OneFile(Frozen):
    """A file of a fixed list; what `[labels]` cannot tell from the address is given here."""

    url: Address
    file: str = ""  # what to call it; empty: as the address ends
    species: str = ""
    group: str = ""
    checksum: Checksum | None = None
    bytes: int | None = Field(None, ge=0)


class Files(Frozen):
    kind: Literal["files"]
    files: tuple[OneFile, ...] = Field(min_length=1)


class Zip(Frozen):
    """One archive; `files` is searched in the paths within it."""

    kind: Literal["zip"]
    url: Address
    files: Pattern[str]
    checksum: Checksum | None = None
    bytes: int | None = Field(None, ge=0)


class Zenodo(Frozen):
    """A record of zenodo.org, or of another site with the same interface."""

    kind: Literal["zenodo"]
    record: int = Field(ge=1)
    files: Pattern[str]
    site: Address = "https://zenodo.org"


class ByHand(Frozen):
    """Recordings behind a log-in or in a cloud bucket: what to do instead."""

    kind: Literal["by-hand"]
    steps: tuple[str, ...] = Field(min_length=1)


class Labels(Frozen):
    """How a file's species and group are known.

    `species`: "link" (the text of the link to its page), or a regex with a bracket called `species` in the
    address or path. Underscores become spaces, and `rename` puts names right. `group`: a regex whose first
    bracket is the group, searched in the file's name. `folders`: each species in a folder of its own, for
    sites where two files have one name.
    """

    species: str = ""
    group: Pattern[str] | None = None
    rename: Mapping[str, str] = Field(default_factory=dict)
    folders: bool = False

    @field_validator("species")
    @classmethod
    def _has_bracket(cls, text: str) -> str:
        if text not in ("", "link") and "(?P<species>" not in text:
            raise ValueError("neither 'link' nor a regex with a bracket (?P<species>...)")
        return text


class Source(Frozen):
    """One place with recordings. `untried` says in words what nobody has tried against the real site."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    homepage: Address
    licence: str = Field(min_length=1)
    terms: str = Field(min_length=1)
    terms_url: Address | None = None
    citation: str = ""
    size: str = "not known"
    untried: str = ""
    instead: tuple[str, ...] = ()  # other sources with the same recordings
    index_as: str = "auto"  # --source of finback index
    listing: Pages | Files | Zip | Zenodo | ByHand = Field(discriminator="kind")
    labels: Labels = Labels()


def names() -> list[str]:
    """Names of the sources that come with finback."""
    folder = _folder()
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load(name: str) -> Source:
    """A source by its name, or by the path of a TOML file. Raises `InputError`."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"{name}: no such file", "give the TOML file of a source, see docs/fetching.md")
        return _read(path.read_bytes(), name)
    if name not in names():
        repair = f"there are: {', '.join(names())}; a source of your own is a file ending in .toml"
        raise InputError(f"unknown source '{name}'", repair)
    return _read((_folder() / f"{name}.toml").read_bytes(), name)


def _folder() -> Traversable:
    return resources.files("finback") / "datasets" / "fetch" / "sources"


def _read(data: bytes, name: str) -> Source:
    repair = "see docs/fetching.md for what a source may say"
    try:
        values: dict[str, Any] = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: not valid TOML ({error})", repair) from None
    try:
        return build(Source, values)
    except SettingsError as error:
        raise InputError(f"{name}: {error.problem}", repair) from None
