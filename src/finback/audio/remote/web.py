"""A file on a web server, fetched by ranges (RFC 9110, section 14) through fsspec's session of aiohttp.

Every reply carries the version of its bytes (ETag, Last-Modified, size), and all must be the same. A server
that gives no ranges is asked for the whole file if that is small, and refused if not. Proxies and names of
users are taken from the environment and from ~/.netrc, as other programs do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import fsspec
from fsspec.asyn import sync
from yarl import URL

from finback.audio.addresses import Address, RemoteError
from finback.audio.remote.source import (
    BLOCK,
    SMALL,
    Answer,
    Beginning,
    State,
    changed,
    no_file,
    no_permission,
)
from finback.core.version import __version__

CONNECT_S, READ_S = 30.0, 60.0  # until there is a connection; between two pieces of a body
PASSING = frozenset((408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524))
PIECE = 1 << 18  # bytes
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came: status, headers, body, and the fault that broke it off."""

    status: int
    headers: Mapping[str, str]
    data: bytes = b""
    fault: str = ""

    @property
    def wait_s(self) -> float | None:
        """Seconds that the server asks to wait."""
        text = self.headers.get("Retry-After", "")
        return float(text) if re.fullmatch(r"\d{1,6}", text) else None

    @property
    def first(self) -> int | None:
        """The first byte of a part."""
        match = _CONTENT_RANGE.fullmatch(self.headers.get("Content-Range", ""))
        return int(match[1]) if match and match[1] else None

    @property
    def size(self) -> int | None:
        """Bytes of the whole file."""
        if self.status == 200:
            text = self.headers.get("Content-Length", "")
            return int(text) if text.isdecimal() else None
        match = _CONTENT_RANGE.fullmatch(self.headers.get("Content-Range", ""))
        return int(match[2]) if match else None

    def is_of(self, known: State) -> bool:
        """Whether the headers alone say that the file is in this state."""
        return self.status == 200 and self.size is not None and self.state(self.size) == known

    def state(self, size: int) -> State:
        when = self.headers.get("Last-Modified", "")
        return State(size, _nanoseconds(when), self.headers.get("ETag", ""))


class WebSource:
    """One file on a web server."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.web: Any = fsspec.filesystem(address.scheme, client_kwargs={"trust_env": True})
        # A signed address must stay as it is, letter for letter.
        self.url = URL(address.url, encoded="%" in address.url)

    def begin(self, known: State | None) -> Beginning | Answer:
        """One request for the first bytes tells the state: HEAD is refused by signed addresses."""
        reply = self._get(0, BLOCK if known is None else 1, known)
        if known is not None and reply.is_of(known):
            return Beginning(known)
        if reply.status == 416 and reply.size == 0:
            return Beginning(reply.state(0))
        self._check(reply)
        if reply.fault or reply.status not in (200, 206):
            return Answer(fault=reply.fault or f"HTTP {reply.status}", wait_s=reply.wait_s)
        if reply.status == 200:
            return Beginning(reply.state(len(reply.data)), reply.data, whole=True)
        if reply.size is None or reply.first != 0:
            raise RemoteError(
                "the server does not say which bytes it sends", "copy the file, and give the path of the copy"
            )
        return Beginning(reply.state(reply.size), reply.data)

    def fetch(self, start: int, stop: int, state: State) -> Answer:
        """Bytes `start` to `stop`."""
        reply = self._get(start, stop)
        if reply.status in (404, 410, 412, 416):
            raise changed()
        self._check(reply)
        if reply.status not in (200, 206):
            return Answer(fault=reply.fault or f"HTTP {reply.status}", wait_s=reply.wait_s)
        if reply.size is not None and reply.state(reply.size) != state:
            raise changed()
        if reply.status == 200:
            return Answer(fault="the server sent the whole file in place of a part")
        if reply.first != start or reply.size is None:
            return Answer(fault="other bytes came than were asked for")
        return Answer(reply.data, reply.fault)

    def _check(self, reply: _Reply) -> None:
        """Raises `RemoteError` for replies that trying again does not change."""
        if reply.status in (404, 410):
            raise no_file()
        if reply.status in (401, 403, 407):
            raise no_permission(f"HTTP {reply.status}")
        if reply.status in (200, 206) and "text/html" in reply.headers.get("Content-Type", ""):
            raise RemoteError("a web page, not a sound file", "give the address of the file itself")
        if reply.status == 200 and (reply.size or len(reply.data)) > SMALL:
            raise RemoteError(
                "the server gives no parts of files (no range requests)",
                "copy the file, and give the path of the copy",
            )
        if reply.status and reply.status not in (200, 206) and reply.status not in PASSING:
            raise RemoteError(f"the server answers HTTP {reply.status}", "check the address")

    def _get(self, start: int, stop: int, known: State | None = None) -> _Reply:
        return sync(self.web.loop, self._get_async, start, stop, known)

    async def _get_async(self, start: int, stop: int, known: State | None) -> _Reply:
        session = await self.web.set_session()
        headers = {
            "Range": f"bytes={start}-{stop - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": f"finback/{__version__}",
        }
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
        data, status, found = bytearray(), 0, dict[str, str]()
        try:
            async with session.get(self.url, headers=headers, timeout=patience) as response:
                if self.address.scheme == "https" and response.url.scheme != "https":
                    raise RemoteError("the server leads from https to http", "give the address it leads to")
                status, found = response.status, response.headers
                most = stop - start if status == 206 else SMALL + 1
                head = _Reply(status, found)
                too_long = status == 200 and (head.size or 0) > most
                if status in (200, 206) and not too_long and not (known and head.is_of(known)):
                    async for piece in response.content.iter_chunked(PIECE):
                        data += piece
                        if len(data) >= most:
                            break
        except aiohttp.InvalidURL:
            raise RemoteError("not a valid address", "check how it is written") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, RemoteError):
                raise
            return _Reply(status, found, bytes(data), _words(error))
        return _Reply(status, found, bytes(data[:most]))


def _words(error: Exception) -> str:
    """The fault without any address, which may hold a secret."""
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection broke off"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host} ({error.os_error.strerror or 'unknown'})"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return "the connection broke off"
    return f"the network failed ({type(error).__name__})"


def _nanoseconds(date: str) -> int:
    try:
        return int(parsedate_to_datetime(date).timestamp()) * 1_000_000_000
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
