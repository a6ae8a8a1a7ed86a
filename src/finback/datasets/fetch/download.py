"""Download of one file: it is complete and checked, or it does not exist under its name.

The received bytes are in `NAME.part`, and `NAME.part.json` states which version of the file they belong to.
After a lost connection, Ctrl-C or kill -9, the next try requests the rest with `Range`. It also sends
`If-Range`, so that a server whose file has changed sends the whole file (RFC 9110, 13.1.5 and 14). A server
that states no version or does not support `Range` sends the whole file too. A file gets its final name only
if it has the length that the server states and the checksum that the source states, and if it can be opened
as sound (for names of sound files).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.audio.io import SUFFIXES, probe
from finback.core.errors import AudioError, WriteError
from finback.core.progress import Progress, no_progress
from finback.core.storage.files import sync
from finback.datasets.fetch.addresses import shown
from finback.datasets.fetch.bounds import MIB, Bounds, make_room
from finback.datasets.fetch.errors import PermanentError, TemporaryError, TooLargeError, write_fault
from finback.datasets.fetch.part import VERSION, Part
from finback.datasets.fetch.responses import content_length, is_packed

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

GO_ON = "run the same command again to continue, or give --max-hours"
LOOK_MIB = 64  # mebibytes between two looks at the free space
WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)", re.I)


@dataclass(frozen=True)
class WantedFile:
    """A file to fetch. `checksum` is of the form `md5:...`; `crawl`: the file was found by following
    links. `trusted`: `bytes` comes from the user's source, not from the site."""

    url: str
    path: Path
    checksum: str | None = None
    bytes: int | None = None
    crawl: bool = False
    trusted: bool = False


@dataclass(frozen=True)
class FetchedFile:
    """A complete file. `note`: information about it for the user."""

    url: str
    bytes: int
    sha256: str
    date: str
    note: str = ""


def download(
    wanted: WantedFile,
    web: Web,
    progress: Progress = no_progress,
    hold: Callable[[int], None] = lambda size: None,
) -> FetchedFile:
    """Fetch one file; continue a partial download.

    Raises `TemporaryError` when the last of several tries failed, `PermanentError` when none would help,
    `FetchAborted` when the disk is full, `Cancelled`. `progress` counts mebibytes. `hold` is told the size of
    the file before it is received, or as far as it is known, and raises when it is too much.
    """
    part = Part(wanted.path)
    ends = time.monotonic() + web.bounds.max_hours * 3600
    bad: list[str] = []  # checksums of complete files that differ from the stated one

    def once() -> FetchedFile:
        try:
            url = _receive(wanted, part, web, progress, max(0.0, ends - time.monotonic()), hold)
            hold(part.size())
        except TooLargeError:
            part.discard()
            raise
        try:
            return finish(wanted, part.path, url)
        except _WrongChecksum as fault:
            part.discard()
            if fault.found in bad:  # the same twice: not a transmission error
                raise PermanentError(fault.problem, fault.repair) from None
            bad.append(fault.found)
            raise TemporaryError(fault.problem, fault.repair, wait_s=web.limits.backoff_s) from None
        except PermanentError:
            part.discard()
            raise

    try:
        got = web.trying(once, part.size)
        part.forget()
        return got
    except OSError as error:
        raise write_fault(wanted.path, error) from error
    except WriteError as error:
        cause = error.__cause__
        raise (write_fault(wanted.path, cause) if isinstance(cause, OSError) else error) from cause


def finish(wanted: WantedFile, whole: Path, url: str) -> FetchedFile:
    """Check a complete file and rename it. Raises `PermanentError`; then the file keeps the name `whole`."""
    sha256 = checksum(whole, "sha256")
    check_sum(wanted, whole, sha256)
    note = check_kind(wanted.path.name, whole, url)
    size = whole.stat().st_size
    sync(whole, os.O_RDWR)
    os.replace(whole, wanted.path)
    return FetchedFile(url, size, sha256, now(), note)


def checksum(path: Path, kind: str) -> str:
    """The `sha256`, `sha1` or `md5` of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


class _WrongChecksum(PermanentError):
    found = ""


def check_sum(wanted: WantedFile, path: Path, sha256: str) -> None:
    """Raises `PermanentError` when the checksum of the file is not the one that the source states."""
    if wanted.checksum is None:
        return
    kind, _, stated = wanted.checksum.partition(":")
    found = sha256 if kind == "sha256" else checksum(path, kind)
    if found != stated:
        repair = "the file was not kept; if it has changed on the site, correct the checksum in the TOML file"
        fault = _WrongChecksum(f"{wanted.url}: has {kind} {found}, not {stated} as the source states", repair)
        fault.found = found
        raise fault


def check_kind(name: str, path: Path, url: str) -> str:
    """Check that the content fits the name; return a note if the header states a wrong length.

    Raises `PermanentError` for a web page, for sound that cannot be opened, and for a damaged zip.
    """
    suffix = Path(name).suffix.lower()
    with open(path, "rb") as file:
        head = file.read(512)
    if suffix not in (".html", ".htm") and WEB_PAGE.match(head):
        raise _page(url)
    if suffix == ".zip" and not zipfile.is_zipfile(path):
        raise PermanentError(f"{url}: is not a complete zip file", "open the address in a browser")
    if suffix in SUFFIXES:
        try:
            info = probe(path)
        except AudioError as error:
            why = error.problem.removeprefix(f"{path}: ")
            raise PermanentError(
                f"{url}: cannot be opened as sound ({why})", "open the address in a browser"
            ) from None
        if info.repaired:
            return f"{name}: the header states a wrong length; finback reads all samples of the file"
    return ""


def now() -> str:
    """The current time in UTC, as YYYY-MM-DDTHH:MM:SSZ."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _receive(
    wanted: WantedFile,
    part: Part,
    web: Web,
    progress: Progress,
    longest_s: float,
    hold: Callable[[int], None],
) -> str:
    """One request; returns the final address of the file when all of it is in `part`."""
    have = part.size()
    version = part.version(wanted.url) if have else ""
    asked = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    name = shown(wanted.url)
    with web.answer(wanted.url, asked, wanted.crawl) as answer:
        if answer.status_code != 200 and not asked:
            problem = f"{name}: status {answer.status_code}, although no part was asked for"
            raise PermanentError(problem, "open the address in a browser")
        if answer.status_code == 416:  # nothing after this part: it is complete, or of another version
            if _size_in_range(answer) == have:
                return str(answer.url)
            part.discard()
            raise TemporaryError(f"{name}: the partial download does not fit the file", wait_s=0.0)
        start = have if answer.status_code == 206 else 0
        if start and not (_starts_at(answer, have) and _version(answer) in ("", version)):
            part.discard()
            raise TemporaryError(f"{name}: the file has changed since the partial download", wait_s=0.0)
        length = content_length(answer)
        total = None if length is None else start + length
        if start:  # some servers send a part of the part
            total = _size_in_range(answer) or total
        _refuse_page(wanted, answer)
        _refuse_size(wanted, total, web.bounds)
        hold(start if total is None else total)
        make_room(wanted.path, (total or 0) - start)
        with part.go_on() if start else part.begin(wanted.url, _version(answer)) as file:
            left = None if total is None else (total - start) // MIB
            body = web.chunks(answer, longest_s, GO_ON)
            for n in progress(_written(body, file), f"{wanted.path.name}, MiB", left):
                if total is None:
                    _refuse_size(wanted, start + n * MIB, web.bounds, whole=False)
                    hold(start + n * MIB)
                if n % LOOK_MIB == 0:
                    make_room(wanted.path, 0)
    if total is not None and part.size() != total:
        raise TemporaryError(f"{name}: {part.size():,} of {total:,} bytes were received")
    _refuse_size(wanted, part.size(), web.bounds)
    return str(answer.url)


def _written(chunks: Iterable[bytes], file: RawIOBase) -> Iterator[int]:
    """Write every chunk immediately, so that no byte is lost; yield the number of each mebibyte, from 1."""
    n = 0
    for chunk in chunks:
        before, n = n, n + len(chunk)
        view = memoryview(chunk)
        while view:  # a file without a buffer may write less than it is given
            view = view[file.write(view) :]
        yield from range(before // MIB + 1, n // MIB + 1)


def _version(answer: Any) -> str:
    """A strong ETag, else the date; a weak ETag does not guarantee equal bytes."""
    if is_packed(answer):  # the bytes that are kept are not those that the version names
        return ""
    for header in ("ETag", "Last-Modified"):
        stated = str(answer.headers.get(header, ""))
        if not stated.startswith("W/") and VERSION.fullmatch(stated):
            return stated
    return ""


def _starts_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).replace(" ", "").startswith(f"bytes{have}-")


def _size_in_range(answer: Any) -> int | None:
    found = re.search(r"/([0-9]{1,15})$", str(answer.headers.get("Content-Range", "")))
    return int(found[1]) if found else None


def _page(url: str) -> PermanentError:
    repair = "the site may have moved or require a log-in: open the address in a browser"
    return PermanentError(f"{shown(url)}: is a web page, not the file", repair)


def _refuse_page(wanted: WantedFile, answer: Any) -> None:
    kind = answer.headers.get("Content-Type", "").lower()
    if "text/html" in kind and wanted.path.suffix.lower() not in (".html", ".htm"):
        raise _page(answer.url)


def _refuse_size(wanted: WantedFile, size: int | None, bounds: Bounds, whole: bool = True) -> None:
    """Raises `PermanentError` for a size that the source does not state, or that is over the limit.

    `whole`: it is the size of the whole file, else of what was received so far.
    """
    if size is None:
        return
    stated = wanted.bytes
    if stated is not None and (size != stated if whole else size > stated):
        repair = "if the file has changed on the site, correct its size and checksum in the TOML file"
        raise PermanentError(
            f"{shown(wanted.url)}: has {size:,} bytes, not {stated:,} as the source states", repair
        )
    bounds.check_size(shown(wanted.url), size, stated if wanted.trusted else None)
