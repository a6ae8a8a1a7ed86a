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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from pydantic import Field

from finback.core.errors import FinbackError, InputError, SettingsError, WriteError
from finback.core.extras import install as install_line
from finback.core.progress import Progress, no_progress
from finback.core.settings import Frozen
from finback.core.storage.locks import only_writer
from finback.core.storage.paths import inside
from finback.datasets.fetch import archive, tables
from finback.datasets.fetch.addresses import Reach, same_path, shown
from finback.datasets.fetch.bounds import Bounds, Total
from finback.datasets.fetch.concurrency import in_threads
from finback.datasets.fetch.download import FetchedFile, WantedFile, check_kind, check_sum, checksum, download
from finback.datasets.fetch.errors import (
    Cancelled,
    FetchAborted,
    PermanentError,
    TemporaryError,
    TotalReached,
    aborted,
)
from finback.datasets.fetch.listing import Offer, SpeciesFilter, limited, offers
from finback.datasets.fetch.names import name_of
from finback.datasets.fetch.source import Address, ByHand, Source, Zip, at_address, hosts

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
    bounds: Bounds = Bounds()


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
            raise SettingsError(f"fetching needs the package {package}", install_line("fetch"))
    if isinstance(request.source.listing, ByHand):
        steps = "; ".join(request.source.listing.steps)
        raise InputError(f"{request.source.name}: cannot be fetched by a program", steps)
    from finback.datasets.fetch.web import RequestLimits, Web

    source = at_address(request.source, request.url)
    stop = threading.Event()
    limits = RequestLimits(request.rate, request.tries, request.backoff_s, timeout_s=request.timeout_s)
    web = Web(limits, say, stop, request.bounds, Reach(hosts(source)))
    work = _Fetcher(request, source, web, Report(request.out), Total(request.bounds))
    try:
        with only_writer(request.out):
            work.run(progress, say)
    finally:
        stop.set()
    return work.report


def _make(folder: Path) -> None:
    """Raises `WriteError` when no file can be kept in the folder; so it is known before the first request."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"{folder}: could not be made ({reason})", "give another --out") from error


@dataclass
class _Fetcher:
    request: Request
    source: Source
    web: Web
    report: Report
    total: Total
    fetched: dict[str, tables.Fetched] = field(default_factory=dict)
    there: list[Offer] = field(default_factory=list)
    saved: float = field(default_factory=time.monotonic)

    def run(self, progress: Progress, say: Callable[[str], None]) -> None:
        self.fetched = tables.read_fetched(self.request.out)
        try:
            zipped = self._zip(progress) if isinstance(self.source.listing, Zip) else None
            with self._list(zipped, progress) as (archived, listed):
                found = [o for o in limited(listed, self.request.limit) if self._is_possible(o)]
                _make(self.request.out / AUDIO)
                self._run(found, archived, progress, say)
        except (TemporaryError, PermanentError) as fault:
            raise aborted(fault, self.source.homepage, self.source.instead) from None

    @contextmanager
    def _list(self, zipped: Path | None, progress: Progress) -> Iterator[tuple[ZipFile | None, list[Offer]]]:
        """The open archive, if the source is one, and the files of the source."""
        chosen = SpeciesFilter(self.request.species)
        if zipped is None:
            yield None, offers(self.source, self.web, chosen, progress, self._fault)
            return
        with archive.opened(zipped, self.request.bounds) as file:
            yield file, archive.offers(self.source, file, chosen, self.request.bounds, self._fault)

    def _run(
        self, found: Sequence[Offer], archived: ZipFile | None, progress: Progress, say: Callable[[str], None]
    ) -> None:
        self.report.listed = len(found)
        missing = [offer for offer in found if not self._has(offer)]
        self.report.had = len(found) - len(missing)
        if missing and archived is None:
            seconds = len(missing) / self.request.rate
            time_s = f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(1, seconds):.0f} s"
            pace = f"at most {self.request.rate:g} per second: at least {time_s}"
            say(f"{len(missing)} of {len(found)} files to fetch, {pace}")
        try:
            self._all(missing, archived, progress)
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

    def _all(self, missing: Sequence[Offer], archived: ZipFile | None, progress: Progress) -> None:
        what = "unpacking" if archived else f"fetching {self.source.name}"
        silent = 0
        done = in_threads(
            lambda o: self._one(o, archived), missing, 1 if archived else self.request.jobs, self.web.stop
        )
        for offer, outcome in progress(done, what, len(missing)):
            if isinstance(outcome, FetchedFile):
                self._keep(offer, outcome)
                self.report.new += 1
                self.report.bytes += outcome.bytes
                silent = 0
                continue
            if isinstance(outcome, TotalReached):  # files that were begun are still received
                continue
            if isinstance(outcome, FetchAborted | Cancelled):
                raise outcome
            self._fault(offer.file, outcome)
            silent = silent + 1 if isinstance(outcome, TemporaryError) else 0
            if silent == SILENT:
                raise aborted(outcome, self.source.homepage, self.source.instead)
        if self.total.reached:
            raise self.total.reached

    def _one(self, offer: Offer, archived: ZipFile | None) -> FetchedFile | FinbackError:
        if self.total.reached:
            return self.total.reached
        hold = partial(self.total.hold, offer.file)
        try:
            path = self._path(offer)
            if archived is not None:
                return archive.unpack(archived, offer, path, self.request.bounds, hold)
            facts = (offer.checksum, offer.bytes, offer.crawl, offer.trusted)
            return download(WantedFile(offer.url, path, *facts), self.web, hold=hold)
        except FinbackError as error:
            self.total.drop(offer.file)
            return error

    def _zip(self, progress: Progress) -> Path:
        """The archive; it is fetched if it is not complete."""
        listing = self.source.listing
        assert isinstance(listing, Zip)
        name = name_of(listing.url)
        offer = Offer(listing.url, f"../{DOWNLOADS}/{name}", checksum=listing.checksum, bytes=listing.bytes)
        path = inside(self.request.out / DOWNLOADS, name)
        if not self._has(offer):
            wanted = WantedFile(listing.url, path, listing.checksum, listing.bytes, trusted=True)
            self._keep(offer, download(wanted, self.web, progress))
        return path

    def _has(self, offer: Offer) -> bool:
        """Whether the file is complete, according to fetched.csv or, without a row there, by its content."""
        path = self._path(offer)
        if not path.is_file():
            return False
        row, size = self.fetched.get(offer.file), path.stat().st_size
        moved = row is not None and not same_path(row.url, offer.url)
        if moved and offer.checksum is None:
            return False
        if row is not None and row.bytes == size and not (moved or self.request.check):
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
        """Raises `InputError` for a name that leads out of the folder, also through a link."""
        if offer.file.startswith(f"../{DOWNLOADS}/"):
            return inside(self.request.out / DOWNLOADS, offer.file.removeprefix(f"../{DOWNLOADS}/"))
        return inside(self.request.out / AUDIO, offer.file)

    def _is_possible(self, offer: Offer) -> bool:
        """Whether the file can be written here, and is not another one than the file of this name."""
        try:
            self._path(offer)
            row = self.fetched.get(offer.file)
            if row is not None and not same_path(row.url, offer.url):
                problem = f"{offer.file}: the folder has a file of this name from {shown(row.url)}"
                raise PermanentError(problem, f"to fetch {shown(offer.url)}, give another --out")
        except FinbackError as error:
            self._fault(offer.file, error)
            return False
        return True

    def _keep(self, offer: Offer, got: FetchedFile) -> None:
        self.fetched[offer.file] = tables.Fetched.of(got, offer, self.source)
        self.there.append(offer)
        if got.note:
            self.report.notes.append(got.note)
        if time.monotonic() - self.saved > SAVE_S:
            tables.write_fetched(self.request.out, self.fetched)
            self.saved = time.monotonic()

    def _save(self, found: Sequence[Offer]) -> None:
        there = {offer.file for offer in self.there}
        tables.write_fetched(self.request.out, self.fetched)
        tables.write_failed(self.request.out, self.report.failed)
        labelled = [offer for offer in found if offer.file in there]
        self.report.rows = tables.write_labels(self.request.out, labelled, self.source)
        if unnamed := sum(not offer.species for offer in labelled):
            self.report.notes.append(f"{unnamed} files have no species and are not in {tables.LABELS}")

    def _fault(self, name: str, error: FinbackError) -> None:
        self.report.failed.append((name, str(error)))
