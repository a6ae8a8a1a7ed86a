"""Fetch a source: list its files, fetch the missing ones, write the tables.

    report = fetch(Request(source=load("watkins"), out="watkins"), progress, say)

The folder has `audio/`, the tables of `tables`, and for a zip `downloads/`. After an interruption, the same
request continues: existing files are not fetched again, partial downloads are continued, and files that
arrived after the tables were written are recognised by their content. A file that cannot be fetched is
reported, and the others are fetched; several files in a row without an answer, or a full disk, stop the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from finback.core.errors import FinbackError, InputError, SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.settings import Frozen
from finback.datasets.fetch import archive, tables
from finback.datasets.fetch.concurrency import in_threads, only_one
from finback.datasets.fetch.download import FetchedFile, WantedFile, check_kind, check_sum, checksum, download
from finback.datasets.fetch.errors import Cancelled, FetchAborted, PermanentError, TemporaryError, aborted
from finback.datasets.fetch.listing import Offer, SpeciesFilter, limited, name_of, offers
from finback.datasets.fetch.source import Address, ByHand, Pages, Source, Zip

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

SAVE_S = 20.0  # seconds between two updates of the tables
SILENT = 3  # after so many files in a row without an answer, the site counts as down
AUDIO, DOWNLOADS = "audio", "downloads"


class Request(Frozen):
    """Which files to fetch, and how fast. `rate`: requests per second; `limit`: files of each species at
    most."""

    source: Source
    out: Path
    species: tuple[str, ...] = ()
    limit: int | None = Field(None, ge=1)
    rate: float = Field(1.0, gt=0)
    jobs: int = Field(2, ge=1, le=8)
    url: Address | None = None  # instead of the address in the source, if the site has moved
    check: bool = False  # compare every file with its checksum in fetched.csv
    tries: int = Field(5, ge=1)
    backoff_s: float = Field(2.0, ge=0)
    timeout_s: float = Field(30.0, gt=0)


@dataclass
class Report:
    """The result. `failed`: (file, reason); `notes`: information about fetched files for the user."""

    out: Path
    listed: int = 0
    had: int = 0
    new: int = 0
    bytes: int = 0
    rows: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fetch(
    request: Request, progress: Progress = no_progress, say: Callable[[str], None] = lambda text: None
) -> Report:
    """Fetch the missing files. The caller has shown `tables.terms(source)`, and the user has accepted them.

    Raises `FetchAborted` when the site is down or has moved or the disk is full, `InputError` for a source
    that cannot be fetched by a program, `SettingsError` without the extra package. In any case, the tables
    list the files that exist.
    """
    for package in ("requests", "filelock"):
        if find_spec(package) is None:
            raise SettingsError(f"fetching needs the package {package}", "pip install 'finback[fetch]'")
    if isinstance(request.source.listing, ByHand):
        steps = "; ".join(request.source.listing.steps)
        raise InputError(f"{request.source.name}: cannot be fetched by a program", steps)
    from finback.datasets.fetch.web import RequestLimits, Web

    source = at_address(request.source, request.url)
    stop = threading.Event()
    limits = RequestLimits(request.rate, request.tries, request.backoff_s, timeout_s=request.timeout_s)
    work = _Fetcher(request, source, Web(limits, say, stop), Report(request.out))
    try:
        with only_one(request.out):
            work.run(progress, say)
    finally:
        stop.set()
    return work.report


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


@dataclass
class _Fetcher:
    request: Request
    source: Source
    web: Web
    report: Report
    fetched: dict[str, tables.Fetched] = field(default_factory=dict)
    there: list[Offer] = field(default_factory=list)
    saved: float = field(default_factory=time.monotonic)

    def run(self, progress: Progress, say: Callable[[str], None]) -> None:
        self.fetched = tables.read_fetched(self.request.out)
        chosen = SpeciesFilter(self.request.species)
        try:
            zipped = self._zip(progress) if isinstance(self.source.listing, Zip) else None
            found = (
                archive.offers(self.source, zipped, chosen)
                if zipped is not None
                else offers(self.source, self.web, chosen, progress, self._page_fault)
            )
        except (TemporaryError, PermanentError) as fault:
            raise aborted(fault, self.source.homepage, self.source.instead) from None
        found = limited(found, self.request.limit)
        self.report.listed = len(found)
        missing = [offer for offer in found if not self._has(offer)]
        self.report.had = len(found) - len(missing)
        if missing and zipped is None:
            seconds = len(missing) / self.request.rate
            time_s = f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(1, seconds):.0f} s"
            pace = f"at most {self.request.rate:g} per second: at least {time_s}"
            say(f"{len(missing)} of {len(found)} files to fetch, {pace}")
        try:
            self._all(missing, zipped, progress)
        except FetchAborted:
            with suppress(
                FinbackError
            ):  # a full disk has no space for the tables; the first error is reported
                self._save(found)
            raise
        except KeyboardInterrupt:
            self._save(found)
            raise
        self._save(found)

    def _all(self, missing: Sequence[Offer], zipped: Path | None, progress: Progress) -> None:
        what = "unpacking" if zipped else f"fetching {self.source.name}"
        silent = 0
        done = in_threads(
            lambda o: self._one(o, zipped), missing, 1 if zipped else self.request.jobs, self.web.stop
        )
        for offer, outcome in progress(done, what, len(missing)):
            if isinstance(outcome, FetchedFile):
                self._keep(offer, outcome)
                self.report.new += 1
                self.report.bytes += outcome.bytes
                silent = 0
                continue
            if isinstance(outcome, FetchAborted | Cancelled):
                raise outcome
            self.report.failed.append((offer.file, str(outcome)))
            silent = silent + 1 if isinstance(outcome, TemporaryError) else 0
            if silent == SILENT:
                raise aborted(outcome, self.source.homepage, self.source.instead)

    def _one(self, offer: Offer, zipped: Path | None) -> FetchedFile | FinbackError:
        path = self._path(offer)
        try:
            if zipped is not None:
                return archive.unpack(zipped, offer, path)
            return download(WantedFile(offer.url, path, offer.checksum, offer.bytes, offer.crawl), self.web)
        except FinbackError as error:
            return error

    def _zip(self, progress: Progress) -> Path:
        """The archive; it is fetched if it is not complete."""
        listing = self.source.listing
        assert isinstance(listing, Zip)
        name = name_of(listing.url)
        offer = Offer(listing.url, f"../{DOWNLOADS}/{name}", checksum=listing.checksum, bytes=listing.bytes)
        path = self.request.out / DOWNLOADS / name
        if not self._has(offer):
            wanted = WantedFile(listing.url, path, listing.checksum, listing.bytes)
            self._keep(offer, download(wanted, self.web, progress))
        return path

    def _has(self, offer: Offer) -> bool:
        """Whether the file is complete, according to fetched.csv or, without a row there, by its content."""
        path = self._path(offer)
        if not path.is_file():
            return False
        row, size = self.fetched.get(offer.file), path.stat().st_size
        if row is not None and row.bytes == size and not self.request.check:
            self.there.append(offer)
            return True
        sha256 = checksum(path, "sha256")
        try:
            check_sum(WantedFile(offer.url, path, offer.checksum), path, sha256)
            note = check_kind(path.name, path, offer.url)
        except PermanentError:
            return False
        if offer.bytes not in (None, size) or (row is not None and row.sha256 != sha256):
            return False
        if row is None:
            date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(path.stat().st_mtime))
            self._keep(offer, FetchedFile(offer.url, size, sha256, date, note))
        else:
            self.there.append(offer)
        return True

    def _path(self, offer: Offer) -> Path:
        return self.request.out / AUDIO / offer.file

    def _keep(self, offer: Offer, got: FetchedFile) -> None:
        self.fetched[offer.file] = tables.Fetched.of(got, self.source)
        self.there.append(offer)
        if got.note:
            self.report.notes.append(got.note)
        if time.monotonic() - self.saved > SAVE_S:
            tables.write_fetched(self.request.out, self.fetched)
            self.saved = time.monotonic()

    def _save(self, found: Sequence[Offer]) -> None:
        there = {offer.file for offer in self.there}
        tables.write_fetched(self.request.out, self.fetched)
        labelled = [offer for offer in found if offer.file in there]
        self.report.rows = tables.write_labels(self.request.out, labelled, self.source)
        if unnamed := sum(not offer.species for offer in labelled):
            self.report.notes.append(f"{unnamed} files have no species and are not in {tables.LABELS}")

    def _page_fault(self, url: str, error: FinbackError) -> None:
        self.report.failed.append((url, str(error)))
