"""The files that a source offers: for each its name, species, group, size and checksum.

    offers(source, web, chosen)      # [Offer(url, file, species, ...)], in the order of the site

A file that is on the pages of two species is one file with two species.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.storage.paths import folded, portable, quoted
from finback.core.text import printable
from finback.datasets.fetch.addresses import check_address, shown
from finback.datasets.fetch.bounds import LARGEST_STATED
from finback.datasets.fetch.errors import Fault, PermanentError
from finback.datasets.fetch.links import Link, Page, links
from finback.datasets.fetch.names import MAX_SPECIES, name_of, species_name
from finback.datasets.fetch.source import Checksum, Files, Labels, OneFile, Pages, Source, Zenodo

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

MAX_NAMED = 100  # species in an error


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a source offers. `file` is relative to the audio folder, with forward slashes."""

    url: str
    file: str
    species: tuple[str, ...] = ()
    group: str = ""
    checksum: str | None = None
    bytes: int | None = None
    crawl: bool = False
    trusted: bool = False  # `bytes` comes from the user's source, not from the site


class SpeciesFilter:
    """The species that are fetched; all if none are named."""

    def __init__(self, species: Sequence[str] = ()) -> None:
        self._asked = {_plain(name): name for name in species}
        self._met: dict[str, str] = {}

    def takes(self, species: str) -> bool:
        """Whether files of this species are fetched."""
        self._met[_plain(species)] = species
        return not self._asked or _plain(species) in self._asked

    def check(self) -> None:
        """Raises `InputError` when the source does not have one of the named species."""
        missing = [name for plain, name in self._asked.items() if plain not in self._met]
        if missing:
            names = [printable(name[:MAX_SPECIES]) for name in sorted(self._met.values()) if name]
            more = [f"{len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
            there = "; ".join(names[:MAX_NAMED] + more) or "no named species"
            raise InputError(f"--species: this source has no '{missing[0]}'", f"there are: {there}")


def offers(
    source: Source,
    web: Web,
    chosen: SpeciesFilter,
    progress: Progress = no_progress,
    fault: Fault = lambda name, error: None,
) -> list[Offer]:
    """The files of a source of pages, of a fixed list, or of a Zenodo record; not of a zip, see `archive`.

    `fault` is called with the address of each page or file that cannot be fetched; the others still are.
    Raises `TemporaryError` when the site does not answer, `PermanentError` when its list has changed,
    `InputError` for a species that the source does not have.
    """
    listing = source.listing
    if isinstance(listing, Pages):
        pages = _species_pages(listing, source.labels, web, chosen)
        found: Iterable[Offer] = _of_pages(pages, source, web, progress, fault)
    elif isinstance(listing, Zenodo):
        found = _of_zenodo(listing, source.labels, web, fault)
    elif isinstance(listing, Files):
        found = _of_files(listing, source.labels, fault)
    else:
        raise TypeError(f"a list of kind {listing.kind} has no files of its own")
    kept = []
    for i, offer in enumerate(found, 1):
        web.bounds.check_count(source.name, i)
        if chosen.takes(offer.species[0] if offer.species else ""):
            kept.append(offer)
    chosen.check()
    return merged(kept, fault)


def labelled(address: str, text: str, labels: Labels) -> tuple[str, str]:
    """Species and group of a file, from its address (or path in a zip) and the text of the link to its
    page."""
    if labels.species == "link":
        species = text
    else:
        found = re.search(labels.species, unquote(address)) if labels.species else None
        species = " ".join((found["species"] or "").replace("_", " ").split()) if found else ""
    named = labels.group.search(name_of(address)) if labels.group else None
    group = next((part for part in named.groups() if part), named.group()) if named else ""
    return labels.rename.get(species, species), group


def placed(name: str, species: str, labels: Labels) -> str:
    """The path of the file in the audio folder."""
    return f"{portable(species)}/{name}" if labels.folders and species else name


def merged(found: Iterable[Offer], fault: Fault) -> list[Offer]:
    """Each address once, with all its species.

    Of two addresses with one file name, the first is kept, and `fault` is called for the other.
    """
    by_url: dict[str, Offer] = {}
    for offer in found:
        known = by_url.get(offer.url)
        species = dict.fromkeys((*known.species, *offer.species) if known else offer.species)
        by_url[offer.url] = replace(known or offer, species=tuple(species))
    by_file: dict[str, Offer] = {}
    for offer in by_url.values():
        twin = by_file.setdefault(folded(offer.file), offer)
        if twin is not offer:
            problem = f"{shown(offer.url)} and {shown(twin.url)} have the same file name {quoted(offer.file)}"
            repair = "write folders = true below [labels] in your own TOML file"
            fault(offer.file, PermanentError(problem, repair))
    return list(by_file.values())


def limited(found: Sequence[Offer], most: int | None) -> list[Offer]:
    """At most `most` files of each species, in their order."""
    if most is None:
        return list(found)
    taken: dict[str, int] = {}
    kept = []
    for offer in found:
        species = offer.species[0] if offer.species else ""
        taken[species] = taken.get(species, 0) + 1
        if taken[species] <= most:
            kept.append(offer)
    return kept


def _species_pages(listing: Pages, labels: Labels, web: Web, chosen: SpeciesFilter) -> list[Link | Page]:
    """The pages that list files: links still to be asked for, or the first page itself."""
    start = web.page(listing.start)
    pattern, what = (listing.files, "files") if listing.pages is None else (listing.pages, "species pages")
    found = [link for link in links(start.text, start.url) if pattern.search(link.url)]
    if len(found) < listing.fewest:
        raise _changed(start.url, f"{len(found)} links to {what}, at least {listing.fewest} were expected")
    if listing.pages is None:
        return [start]
    if labels.species == "link":  # pages of other species need not be asked for
        found = [link for link in found if chosen.takes(labels.rename.get(link.text, link.text))]
        chosen.check()
    return list(found)


def _of_pages(
    pages: Sequence[Link | Page], source: Source, web: Web, progress: Progress, fault: Fault
) -> Iterator[Offer]:
    listing, n = source.listing, 0
    assert isinstance(listing, Pages)
    web.bounds.check_count(shown(listing.start), len(pages))
    last: PermanentError | None = None
    for page in progress(pages, "reading lists", len(pages)):
        try:
            read = web.page(page.url) if isinstance(page, Link) else page
            files = [link for link in links(read.text, read.url) if listing.files.search(link.url)]
            if not files:
                raise _changed(read.url, "no link to a file")
        except PermanentError as error:
            last = error
            fault(shown(page.url), error)
            continue
        for file in files:
            text = page.text if isinstance(page, Link) else file.text
            try:
                offer = _offer(file.url, text, source.labels, crawl=True)
            except PermanentError as error:
                last = error
                fault(shown(file.url), error)
                continue
            n += 1
            yield offer
    if last is not None and n == 0:
        raise last


def _changed(url: str, what: str) -> PermanentError:
    return PermanentError(
        f"{shown(url)}: {what}; the site is in maintenance, or has changed", "open the address in a browser"
    )


def _offer(
    url: str,
    text: str,
    labels: Labels,
    one: OneFile | None = None,
    crawl: bool = False,
    trusted: bool = False,
) -> Offer:
    """Raises `PermanentError` for an address that is not asked for, and for text that is no species."""
    check_address(url)
    species, group = labelled(url, text, labels)
    if one is None:
        one = OneFile.model_construct(url=url)  # checked above
    species = species_name(one.species or species)
    name = placed(portable(one.file) if one.file else name_of(url), species, labels)
    names = (species,) if species else ()
    return Offer(url, name, names, one.group or group, one.checksum, one.bytes, crawl, trusted)


def _of_files(listing: Files, labels: Labels, fault: Fault) -> Iterator[Offer]:
    for one in listing.files:
        try:
            yield _offer(one.url, "", labels, one, trusted=True)
        except PermanentError as error:
            fault(shown(one.url), error)


def _of_zenodo(listing: Zenodo, labels: Labels, web: Web, fault: Fault) -> Iterator[Offer]:
    """https://developers.zenodo.org: `files: [{key, size, checksum: "md5:...", links: {self}}]`."""
    url = f"{listing.site.rstrip('/')}/api/records/{listing.record}"
    record = web.json(url)
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, list):
        raise _changed(url, "not a list of files in the format of Zenodo")
    web.bounds.check_count(shown(url), len(files))
    last: PermanentError | None = None
    n = 0
    for file in files:
        try:
            one = _zenodo_file(file, url)
            if listing.files.search(one.file):
                species, group = labelled(one.file, "", labels)
                one = one.model_copy(update={"species": species, "group": group})
                offer = _offer(one.url, "", labels, one)
                n += 1
                yield offer
        except PermanentError as error:
            last = error
            fault(_key(file), error)
    if n == 0:
        what = f"none of {len(files)} file names matches {listing.files.pattern}"
        raise last or _changed(url, what)


def _zenodo_file(file: Any, url: str) -> OneFile:
    try:
        stated: Checksum | None = file.get("checksum") or None
        one = OneFile(url=file["links"]["self"], file=file["key"], checksum=stated, bytes=file["size"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise _changed(url, f"its entry {_key(file)} is not in the format of Zenodo") from None
    if one.bytes is not None and one.bytes > LARGEST_STATED:
        raise _changed(url, f"its entry {_key(file)} states a size that no file has")
    return one


def _key(file: Any) -> str:
    return quoted(str(file.get("key", "")) if isinstance(file, dict) else str(file)[:80])


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
