"""One file from the web: whole, checked and under its own name, or not there.

What has arrived lies in `NAME.part`, and beside it `NAME.part.json` says of which version it is part. After
a cut, Ctrl-C or kill -9 the next try asks for the rest with `Range`, and with `If-Range` so that a server
whose file has changed sends all of it (RFC 9110, 13.1.5 and 14). A server that names no version, or that does
not know `Range`, sends all of it too. Only a file that is as long as the server said, has the checksum that
the source states, and opens as sound if it is called like sound, gets its name.
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
from finback.datasets.fetch.errors import Halt, Lasting, Passing

if TYPE_CHECKING:
    from finback.datasets.fetch.web import Web

MIB = 1 << 20
SPARE_BYTES = 16 * MIB  # left free on the disk, for tables
WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)", re.I)


@dataclass(frozen=True)
class Wanted:
    """A file to fetch; `checksum` as `md5:...`; `crawl`: found by following links."""

    url: str
    path: Path
    checksum: str | None = None
    bytes: int | None = None
    crawl: bool = False


@dataclass(frozen=True)
class Got:
    """A file that lies there whole. `note`: something about it that a user should know."""

    url: str
    bytes: int
    sha256: str
    date: str
    note: str = ""


def download(wanted: Wanted, web: Web, progress: Progress = no_progress) -> Got:
    """Fetch one file, going on where an earlier try stopped.

    Raises `Passing` when the last of several tries failed, `Lasting` when none would help, `Halt` when the
    disk is full, `Stopped`. `progress` counts mebibytes.
    """
    part = _Part(wanted.path)
    bad: list[str] = []  # checksums of whole files that were not as the source says

    def once() -> Got:
        url = _receive(wanted, part, web, progress)
        try:
            return finish(wanted, part.path, url)
        except _WrongChecksum as fault:
            part.discard()
            if fault.found in bad:  # the same twice: no accident of the line
                raise Lasting(fault.problem, fault.repair) from None
            bad.append(fault.found)
            raise Passing(fault.problem, fault.repair, wait_s=web.manners.backoff_s) from None
        except Lasting:
            part.discard()
            raise

    try:
        got = web.trying(once, part.size)
        part.forget()
        return got
    except OSError as error:
        raise _disk(wanted.path, error) from error


def finish(wanted: Wanted, whole: Path, url: str) -> Got:
    """Check a file that is all there and give it its name. Raises `Lasting`; then it is still `whole`."""
    sha256 = checksum(whole, "sha256")
    check_sum(wanted, whole, sha256)
    note = check_kind(wanted.path.name, whole, url)
    size = whole.stat().st_size
    with open(whole, "rb") as file:
        os.fsync(file.fileno())
    os.replace(whole, wanted.path)
    return Got(url, size, sha256, now(), note)


def checksum(path: Path, kind: str) -> str:
    """Hex digits of a file's `sha256`, `sha1` or `md5`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


class _WrongChecksum(Lasting):
    found = ""


def check_sum(wanted: Wanted, path: Path, sha256: str) -> None:
    """Raises `Lasting` when the file is not the one that the source states."""
    if wanted.checksum is None:
        return
    kind, _, stated = wanted.checksum.partition(":")
    found = sha256 if kind == "sha256" else checksum(path, kind)
    if found != stated:
        repair = "nothing was kept of it; if the file was renewed at its source, mend the source's checksum"
        fault = _WrongChecksum(f"{wanted.url}: has {kind} {found}, not {stated} as the source states", repair)
        fault.found = found
        raise fault


def check_kind(name: str, path: Path, url: str) -> str:
    """Whether the file is what its name says; returns a note on a header that says more than is there.

    Raises `Lasting` for a web page, for what does not open as sound, and for a broken zip.
    """
    suffix = Path(name).suffix.lower()
    with open(path, "rb") as file:
        head = file.read(512)
    if suffix not in (".html", ".htm") and WEB_PAGE.match(head):
        raise _page(url)
    if suffix == ".zip" and not zipfile.is_zipfile(path):
        raise Lasting(f"{url}: is no zip file, or one that is cut short", "look at it with a browser")
    if suffix in SUFFIXES:
        try:
            info = probe(path)
        except AudioError as error:
            why = error.problem.removeprefix(f"{path}: ")
            raise Lasting(f"{url}: does not open as sound ({why})", "look at it with a browser") from None
        if info.repaired:
            return f"{name}: its header does not tell the true length; read as far as it goes"
    return ""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Part:
    """What has arrived of a file, and of which version it is."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".part")
        self._facts = path.with_name(path.name + ".part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str:
        """The ETag or date that the part is of; "" when nobody knows, so that it cannot be gone on with."""
        try:
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
            return str(facts["version"]) if facts["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError):  # missing, or torn by a power cut
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


def _receive(wanted: Wanted, part: _Part, web: Web, progress: Progress) -> str:
    """One request; returns the address that the file came from, once all of it lies in `part`."""
    have = part.size()
    version = part.version(wanted.url) if have else ""
    headers = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    with web.answer(wanted.url, headers, wanted.crawl) as answer:
        if answer.status_code == 416:  # nothing beyond what is here: it is whole, or of another version
            if _size_in_range(answer) == have:
                return str(answer.url)
            part.discard()
            raise Passing(f"{wanted.url}: the part of it that was here does not fit", wait_s=0.0)
        start = have if answer.status_code == 206 else 0
        if start and not (_starts_at(answer, have) and _version(answer) in ("", version)):
            part.discard()
            raise Passing(f"{wanted.url}: has changed since a part of it was fetched", wait_s=0.0)
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
        raise Passing(f"{wanted.url}: {part.size():,} of {total:,} bytes came")
    _refuse_size(wanted, part.size())
    return str(answer.url)


def _written(chunks: Iterable[bytes], file: RawIOBase) -> Iterator[int]:
    """Write every chunk at once, so that nothing that came is lost; yields once a mebibyte."""
    n = 0
    for chunk in chunks:
        before, n = n, n + len(chunk)
        file.write(chunk)
        yield from range(before // MIB, n // MIB)


def _version(answer: Any) -> str:
    """A strong ETag, else the date; a weak ETag does not vouch for every byte."""
    etag = answer.headers.get("ETag", "")
    return str(etag if etag.startswith('"') else answer.headers.get("Last-Modified", ""))


def _starts_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).replace(" ", "").startswith(f"bytes{have}-")


def _size_in_range(answer: Any) -> int | None:
    found = re.search(r"/(\d+)$", answer.headers.get("Content-Range", ""))
    return int(found.group(1)) if found else None


def _page(url: str) -> Lasting:
    repair = "the site may have moved or want a log-in: open it in a browser"
    return Lasting(f"{url}: gives a web page, not the file", repair)


def _refuse_page(wanted: Wanted, answer: Any) -> None:
    kind = answer.headers.get("Content-Type", "").lower()
    if "text/html" in kind and wanted.path.suffix.lower() not in (".html", ".htm"):
        raise _page(answer.url)


def _refuse_size(wanted: Wanted, total: int | None) -> None:
    if wanted.bytes is not None and total is not None and total != wanted.bytes:
        repair = "if the file was renewed at its source, mend the source's size and checksum"
        raise Lasting(f"{wanted.url}: has {total:,} bytes, not {wanted.bytes:,} as the source states", repair)


def _make_room(path: Path, needed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if needed + SPARE_BYTES > free:
        problem = f"{path}: needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free on that disk"
        raise Halt(problem, "free some space, or give another --out; the same command goes on")


def _disk(path: Path, error: OSError) -> Halt:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        repair = "free some space and run the same command again: it goes on where it stopped"
        return Halt(f"{path}: the disk is full", repair)
    return Halt(f"{path}: could not be written ({error.strerror or error})", "check the folder of --out")
