"""The files that a source offers: for each its name, species, group, size and checksum.

    offers(source, web, chosen)      # [Offer(url, file, species, ...)], in the order of the site

A file that is on the pages of two species is one file with two species.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from finback.core.errors import FinbackError, InputError
from finback.core.progress import Progress, no_progress
from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.links import Link, Page, links
from finback.datasets.fetch.source import Checksum, Files, Labels, OneFile, Pages, Source, Zenodo

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

# Characters that a file system may refuse; Windows is the strictest.
UNNAMEABLE = re.compile(r'[<>:"|?*\\\x00-\x1f]')


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
            there = ", ".join(sorted(name for name in self._met.values() if name)) or "no named species"
            raise InputError(f"--species: this source has no '{missing[0]}'", f"there are: {there}")


def offers(
    source: Source,
    web: Web,
    chosen: SpeciesFilter,
    progress: Progress = no_progress,
    fault: Callable[[str, FinbackError], None] = lambda url, error: None,
) -> list[Offer]:
    """The files of a source of pages, of a fixed list, or of a Zenodo record; not of a zip, see `archive`.

    `fault` is called with the address of a page that cannot be fetched; the other pages are still read.
    Raises `TemporaryError` when the site does not answer, `PermanentError` when its list has changed,
    `InputError` for a species that the source does not have.
    """
    listing = source.listing
    if isinstance(listing, Pages):
        pages = _species_pages(listing, source.labels, web, chosen)
        found: Iterable[Offer] = _of_pages(pages, listing, source.labels, web, progress, fault)
    elif isinstance(listing, Zenodo):
        found = _of_zenodo(listing, source.labels, web)
    elif isinstance(listing, Files):
        found = [_offer(one.url, "", source.labels, one) for one in listing.files]
    else:
        raise TypeError(f"a list of kind {listing.kind} has no files of its own")
    kept = [offer for offer in found if chosen.takes(offer.species[0] if offer.species else "")]
    chosen.check()
    return merged(kept)


def labelled(address: str, text: str, labels: Labels) -> tuple[str, str]:
    """Species and group of a file, from its address (or path in a zip) and the text of the link to its
    page."""
    if labels.species == "link":
        species = text
    else:
        found = re.search(labels.species, unquote(address)) if labels.species else None
        species = " ".join(found["species"].replace("_", " ").split()) if found else ""
    named = labels.group.search(name_of(address)) if labels.group else None
    group = next((part for part in named.groups() if part), named.group()) if named else ""
    return labels.rename.get(species, species), group


def name_of(address: str) -> str:
    """The file name for an address: its last part, with `_` for characters that a file system may refuse."""
    last = PurePosixPath(unquote(urlsplit(address).path)).name
    return UNNAMEABLE.sub("_", last).strip(". ") or "file"


def placed(name: str, species: str, labels: Labels) -> str:
    """The path of the file in the audio folder."""
    if not labels.folders or not species:
        return name
    return f"{UNNAMEABLE.sub('_', species).replace('/', '_').strip('. ')}/{name}"


def merged(found: Sequence[Offer]) -> list[Offer]:
    """Each address once, with all its species. Raises `PermanentError` when two addresses have one file
    name."""
    by_url: dict[str, Offer] = {}
    for offer in found:
        known = by_url.get(offer.url)
        species = dict.fromkeys((*known.species, *offer.species) if known else offer.species)
        by_url[offer.url] = replace(known or offer, species=tuple(species))
    by_file: dict[str, Offer] = {}
    for offer in by_url.values():
        twin = by_file.setdefault(offer.file.casefold(), offer)
        if twin is not offer:
            problem = f"{offer.url} and {twin.url} have the same file name {offer.file}"
            raise PermanentError(problem, "write folders = true below [labels] in your own TOML file")
    return list(by_url.values())


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
    pages: Sequence[Link | Page],
    listing: Pages,
    labels: Labels,
    web: Web,
    progress: Progress,
    fault: Callable[[str, FinbackError], None],
) -> list[Offer]:
    offered: list[Offer] = []
    last: FinbackError | None = None
    for page in progress(pages, "reading lists", len(pages)):
        try:
            read = web.page(page.url) if isinstance(page, Link) else page
            files = [link for link in links(read.text, read.url) if listing.files.search(link.url)]
            if not files:
                raise _changed(read.url, "no link to a file")
        except PermanentError as error:
            last = error
            fault(page.url, error)
            continue
        for file in files:
            text = page.text if isinstance(page, Link) else file.text
            offered.append(_offer(file.url, text, labels, crawl=True))
    if last is not None and not offered:
        raise last
    return offered


def _changed(url: str, what: str) -> PermanentError:
    return PermanentError(
        f"{url}: {what}; the site is in maintenance, or has changed", "open the address in a browser"
    )


def _offer(url: str, text: str, labels: Labels, one: OneFile | None = None, crawl: bool = False) -> Offer:
    species, group = labelled(url, text, labels)
    if one is None:
        name = placed(name_of(url), species, labels)
        return Offer(url, name, (species,) if species else (), group, crawl=crawl)
    species = one.species or species
    name = placed(name_of(one.file or url), species, labels)
    return Offer(url, name, (species,) if species else (), one.group or group, one.checksum, one.bytes)


def _of_zenodo(listing: Zenodo, labels: Labels, web: Web) -> Iterable[Offer]:
    """https://developers.zenodo.org: `files: [{key, size, checksum: "md5:...", links: {self}}]`."""
    url = f"{listing.site.rstrip('/')}/api/records/{listing.record}"
    record = web.json(url)
    try:
        found = [(str(f["key"]), _zenodo_file(f)) for f in record["files"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _changed(url, f"not a list of files in the format of Zenodo ({error})") from None
    kept = [(key, one) for key, one in found if listing.files.search(key)]
    if not kept:
        raise _changed(url, f"none of {len(found)} file names matches {listing.files.pattern}")
    offered = []
    for key, one in kept:
        species, group = labelled(key, "", labels)
        offered.append(
            _offer(one.url, "", labels, one.model_copy(update={"species": species, "group": group}))
        )
    return offered


def _zenodo_file(file: dict[str, Any]) -> OneFile:
    stated: Checksum | None = file.get("checksum") or None
    return OneFile(url=file["links"]["self"], file=file["key"], checksum=stated, bytes=file["size"])


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
