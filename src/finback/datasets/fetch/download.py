"""Download of one file: it is complete and checked, or it does not exist under its name.

The received bytes are in `NAME.part`, and `NAME.part.json` states which version of the file they belong to.
After a lost connection, Ctrl-C or kill -9, the next try requests the rest with `Range`. It also sends
`If-Range`, so that a server whose file has changed sends the whole file (RFC 9110, 13.1.5 and 14). A server
that states no version or does not support `Range` sends the whole file too. A file gets its final name only
if it has the length that the server states and the checksum that the source states, and if it can be opened
as sound (for names of sound files).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.audio.io import SUFFIXES, probe
from finback.core.errors import AudioError
from finback.core.progress import Progress, no_progress
from finback.datasets.fetch.errors import FetchAborted, PermanentError, TemporaryError

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

MIB = 1 << 20
SPARE_BYTES = 16 * MIB  # left free on the disk, for tables
WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)", re.I)


@dataclass(frozen=True)
class WantedFile:
    """A file to fetch. `checksum` is of the form `md5:...`; `crawl`: the file was found by following
    links."""

    url: str
    path: Path
    checksum: str | None = None
    bytes: int | None = None
    crawl: bool = False


@dataclass(frozen=True)
class FetchedFile:
    """A complete file. `note`: information about it for the user."""

    url: str
    bytes: int
    sha256: str
    date: str
    note: str = ""


def download(wanted: WantedFile, web: Web, progress: Progress = no_progress) -> FetchedFile:
    """Fetch one file; continue a partial download.

    Raises `TemporaryError` when the last of several tries failed, `PermanentError` when none would help,
    `FetchAborted` when the disk is full, `Cancelled`. `progress` counts mebibytes.
    """
    part = _Part(wanted.path)
    bad: list[str] = []  # checksums of complete files that differ from the stated one

    def once() -> FetchedFile:
        url = _receive(wanted, part, web, progress)
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
        raise _disk(wanted.path, error) from error


def finish(wanted: WantedFile, whole: Path, url: str) -> FetchedFile:
    """Check a complete file and rename it. Raises `PermanentError`; then the file keeps the name `whole`."""
    sha256 = checksum(whole, "sha256")
    check_sum(wanted, whole, sha256)
    note = check_kind(wanted.path.name, whole, url)
    size = whole.stat().st_size
    with open(whole, "rb") as file:
        os.fsync(file.fileno())
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


class _Part:
    """The received part of a file, and its version."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".part")
        self._facts = path.with_name(path.name + ".part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str:
        """The ETag or date of the part; "" if unknown, so that the download cannot be continued."""
        try:
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
            return str(facts["version"]) if facts["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError):  # missing, or damaged by a power failure
            return ""

    def begin(self, url: str, version: str) -> None:
        self._facts.parent.mkdir(parents=True, exist_ok=True)
        self._facts.write_text(json.dumps({"url": url, "version": version}), encoding="utf-8")

    def discard(self) -> None:
        for path in (self.path, self._facts):
            with suppress(FileNotFoundError):
                path.unlink()

    def forget(self) -> None:
        with suppress(FileNotFoundError):
            self._facts.unlink()


def _receive(wanted: WantedFile, part: _Part, web: Web, progress: Progress) -> str:
    """One request; returns the final address of the file when all of it is in `part`."""
    have = part.size()
    version = part.version(wanted.url) if have else ""
    headers = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    with web.answer(wanted.url, headers, wanted.crawl) as answer:
        if answer.status_code == 416:  # nothing after this part: it is complete, or of another version
            if _size_in_range(answer) == have:
                return str(answer.url)
            part.discard()
            raise TemporaryError(f"{wanted.url}: the partial download does not fit the file", wait_s=0.0)
        start = have if answer.status_code == 206 else 0
        if start and not (_starts_at(answer, have) and _version(answer) in ("", version)):
            part.discard()
            raise TemporaryError(f"{wanted.url}: the file has changed since the partial download", wait_s=0.0)
        packed = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() and not packed else None
        _refuse_page(wanted, answer)
        _refuse_size(wanted, total)
        _make_room(wanted.path, (total or 0) - start)
        if not start:
            part.begin(wanted.url, "" if packed else _version(answer))
        with open(part.path, "ab" if start else "wb", buffering=0) as file:
            left = None if total is None else (total - start) // MIB
            for _ in progress(_written(web.chunks(answer), file), f"{wanted.path.name}, MiB", left):
                pass
    if total is not None and part.size() != total:
        raise TemporaryError(f"{wanted.url}: {part.size():,} of {total:,} bytes were received")
    _refuse_size(wanted, part.size())
    return str(answer.url)


def _written(chunks: Iterable[bytes], file: RawIOBase) -> Iterator[int]:
    """Write every chunk immediately, so that no byte is lost; yield once for each mebibyte."""
    n = 0
    for chunk in chunks:
        before, n = n, n + len(chunk)
        file.write(chunk)
        yield from range(before // MIB, n // MIB)


def _version(answer: Any) -> str:
    """A strong ETag, else the date; a weak ETag does not guarantee equal bytes."""
    etag = answer.headers.get("ETag", "")
    return str(etag if etag.startswith('"') else answer.headers.get("Last-Modified", ""))


def _starts_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).replace(" ", "").startswith(f"bytes{have}-")


def _size_in_range(answer: Any) -> int | None:
    found = re.search(r"/(\d+)$", answer.headers.get("Content-Range", ""))
    return int(found.group(1)) if found else None


def _page(url: str) -> PermanentError:
    repair = "the site may have moved or require a log-in: open the address in a browser"
    return PermanentError(f"{url}: is a web page, not the file", repair)


def _refuse_page(wanted: WantedFile, answer: Any) -> None:
    kind = answer.headers.get("Content-Type", "").lower()
    if "text/html" in kind and wanted.path.suffix.lower() not in (".html", ".htm"):
        raise _page(answer.url)


def _refuse_size(wanted: WantedFile, total: int | None) -> None:
    if wanted.bytes is not None and total is not None and total != wanted.bytes:
        repair = "if the file has changed on the site, correct its size and checksum in the TOML file"
        raise PermanentError(
            f"{wanted.url}: has {total:,} bytes, not {wanted.bytes:,} as the source states", repair
        )


def _make_room(path: Path, needed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if needed + SPARE_BYTES > free:
        problem = f"{path}: needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free on that disk"
        raise FetchAborted(problem, "make free space, or give another --out, and run the same command again")


def _disk(path: Path, error: OSError) -> FetchAborted:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        repair = "make free space and run the same command again to continue"
        return FetchAborted(f"{path}: the disk is full", repair)
    return FetchAborted(
        f"{path}: could not be written ({error.strerror or error})", "check the folder of --out"
    )
