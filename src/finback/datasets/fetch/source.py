"""A source of public recordings: a TOML file, a bundled one (`sources/*.toml`) or your own.

    name = "harbour"                         # lower case, digits, hyphens
    title = "Porpoises of our harbour"
    homepage = "https://example.org/sounds"
    licence = "CC BY 4.0"                    # short name, in every row of the tables
    terms = "..."                            # the whole text; shown before the first request
    terms_url = "https://example.org/terms"

    [listing]                                # one of the kinds below kind = "pages" start =
    "https://example.org/sounds/index.html" pages = 'species\\.php\\?id=\\d+$'          # links on `start`,
    one for each species; without this key, `start` has the files files = '\\.wav$'                         #
    links on these pages

    [labels] species = "link"                         # the text of the link to the page of the species; or a
    regex, see `Labels` group = '^(\\d{5})'                       # first group of the regex in the file name:
    the tape or deployment

Kinds of lists: `pages` (web pages with links), `files` (a fixed list), `zip` (one archive), `zenodo` (a
record of zenodo.org, which states sizes and checksums), `by-hand` (a program cannot fetch it; the steps for a
person). Regexes are searched in whole addresses (in a zip: in paths). An unknown key is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from re import Pattern
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator

from finback.core.errors import InputError, SettingsError
from finback.core.settings import Frozen, build
from finback.core.toml import parsed_toml

LARGEST, MOST_DOTS = 1 << 22, 10_000  # a source can be a list of thousands of files, on one line
DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


def _address(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
        raise ValueError("not an address that begins with https:// or http://")
    if "@" in urlsplit(text).netloc:
        raise ValueError("an address with a user name or a password, which would be kept in tables")
    return text


def _checksum(text: str) -> str:
    """`sha256:` and hexadecimal digits; md5 and sha1 are also possible, because archives still publish
    them."""
    kind, _, digits = text.lower().partition(":")
    if len(digits) != DIGITS.get(kind, -1) or set(digits) - set("0123456789abcdef"):
        raise ValueError("not of the form sha256:<64 hex digits>, sha1:<40> or md5:<32>")
    return f"{kind}:{digits}"


Address = Annotated[str, AfterValidator(_address)]
Checksum = Annotated[str, AfterValidator(_checksum)]


class Pages(Frozen):
    """Web pages with links. `fewest`: with fewer files (or species pages), the site has changed."""

    kind: Literal["pages"]
    start: Address
    files: Pattern[str]
    pages: Pattern[str] | None = None
    fewest: int = Field(1, ge=1)


class OneFile(Frozen):
    """A file of a fixed list, with the values that `[labels]` cannot find in the address."""

    url: Address
    file: str = ""  # file name; empty: the last part of the address
    species: str = ""
    group: str = ""
    checksum: Checksum | None = None
    bytes: int | None = Field(None, ge=0)


class Files(Frozen):
    """A fixed list of files."""

    kind: Literal["files"]
    files: tuple[OneFile, ...] = Field(min_length=1)


class Zip(Frozen):
    """One zip archive; `files` is searched in the paths of its files."""

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
    """Recordings that a program cannot fetch (a log-in, a cloud bucket): the steps for a person."""

    kind: Literal["by-hand"]
    steps: tuple[str, ...] = Field(min_length=1)


class Labels(Frozen):
    """How the species and the recording group of a file are found.

    `species`: "link" (the text of the link to the page of the file), or a regex with a group called
    `species`, which is searched in the address or path. Underscores become spaces, and `rename` corrects
    names. `group`: a regex that is searched in the file name; its first group is the recording group.
    `folders`: each species has its own folder, for sites where two files have the same name.
    """

    species: str = ""
    group: Pattern[str] | None = None
    rename: Mapping[str, str] = Field(default_factory=dict)
    folders: bool = False

    @field_validator("species")
    @classmethod
    def _has_bracket(cls, text: str) -> str:
        if text not in ("", "link") and "(?P<species>" not in text:
            raise ValueError("neither 'link' nor a regex with a group (?P<species>...)")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a valid regex ({error})") from None
        return text


class Source(Frozen):
    """A source of recordings. `untried`: what has not been tested with the real site."""

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
    """Names of the bundled sources."""
    folder = _folder()
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load(name: str) -> Source:
    """The source with this name, or from this TOML file. Raises `InputError` if there is none or it is not
    valid."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise InputError(
                f"{name}: no such file", "give the TOML file of a source; docs/fetching.md describes it"
            )
        with open(path, "rb") as file:
            return _read(file.read(LARGEST + 1), name)
    if name not in names():
        repair = f"there are: {', '.join(names())}; your own source is a file with the suffix .toml"
        raise InputError(f"unknown source '{name}'", repair)
    return _read((_folder() / f"{name}.toml").read_bytes(), name)


def at_address(source: Source, url: str | None) -> Source:
    """The source with another address for its list or its zip. Raises `InputError` for other kinds."""
    if url is None:
        return source
    if isinstance(source.listing, Pages):
        listing = source.listing.model_copy(update={"start": url})
    elif isinstance(source.listing, Zip):
        listing = source.listing.model_copy(update={"url": url})  # type: ignore[assignment]
    else:
        raise InputError(f"{source.name}: --url is not possible for this source", "leave out --url")
    return source.model_copy(update={"listing": listing})


def hosts(source: Source) -> set[str]:
    """The names of the hosts that the user has accepted with the source."""
    listing = source.listing
    if isinstance(listing, Files):
        urls = [one.url for one in listing.files]
    elif isinstance(listing, Pages):
        urls = [listing.start]
    else:
        urls = [
            listing.site if isinstance(listing, Zenodo) else listing.url if isinstance(listing, Zip) else ""
        ]
    return {urlsplit(url).hostname or "" for url in urls}


def _folder() -> Traversable:
    return resources.files("finback") / "datasets" / "fetch" / "sources"


def _read(data: bytes, name: str) -> Source:
    repair = "docs/fetching.md describes the keys of a source"
    try:
        values = parsed_toml(data, LARGEST, MOST_DOTS)
    except ValueError as error:
        raise InputError(f"{name}: not valid TOML ({error})", repair) from None
    try:
        return build(Source, values)
    except SettingsError as error:
        raise InputError(f"{name}: {error.problem}", repair) from None
