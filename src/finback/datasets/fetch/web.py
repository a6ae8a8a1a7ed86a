"""Requests to web sites within limits, with `requests` (extra package: fetch).

    web = Web(RequestLimits(rate=1.0), say, stop)
    web.page(url).text                      # a web page, if robots.txt allows it
    with web.answer(url, headers) as r:     # one response, streamed; `chunks(r)` yields its body
    web.trying(work)                        # again after each `TemporaryError`

One rate limit applies to the requests of all threads. The User-Agent is finback with its version.
Certificates are checked, and a redirect from https to plain http is not followed. finback waits for the time
of `Retry-After`, up to `longest_wait_s`; without it, the waiting time doubles with each try. Everything that
a site sends is bounded: see `session` for connections and headers, `pace` for time, `bounds` for sizes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from finback.datasets.fetch.addresses import Reach, check_address, joined, shown
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.errors import Cancelled, PermanentError, TemporaryError
from finback.datasets.fetch.links import Page
from finback.datasets.fetch.pace import Pace
from finback.datasets.fetch.responses import check_status, encoding, is_packed, page_text, reason
from finback.datasets.fetch.robots import MAX_BYTES as ROBOTS_BYTES
from finback.datasets.fetch.robots import Robots
from finback.datasets.fetch.session import Session

Result = TypeVar("Result")
CHUNK = 1 << 16  # largest number of bytes read at once
PAGE_BYTES = 1 << 24  # longer content is not a web page
JSON_BYTES = 1 << 22  # a byte can become 50 in memory: `[],[],[]`
MAX_REDIRECTS = 10
UNPACKED = ("gzip", "x-gzip", "deflate")  # what is read although it was not asked for


@dataclass(frozen=True)
class RequestLimits:
    """Limits for requests. `rate`: maximum of requests per second, over all threads; `tries`: in a row
    without enough new bytes; `slowest_bps`: bytes per second over `window_s`; `page_s`: time for a page."""

    rate: float = 1.0
    tries: int = 5
    backoff_s: float = 2.0
    longest_wait_s: float = 300.0
    timeout_s: float = 30.0
    slowest_bps: float = 1000.0
    window_s: float = 60.0
    page_s: float = 300.0


class Web:
    """Requests to any number of sites; may be used by several threads. `reach`: see `Session`."""

    def __init__(
        self,
        limits: RequestLimits,
        say: Callable[[str], None],
        stop: threading.Event,
        bounds: Bounds | None = None,
        reach: Reach | None = None,
    ) -> None:
        self.limits = limits
        self.stop = stop
        self.bounds = bounds or Bounds()
        self._say = say
        self._reach = reach
        self._robots = Robots(self._robots_txt)
        self._lock = threading.Lock()
        self._next = 0.0  # time of the next request
        self._gap_s = 1 / limits.rate
        self._moved: set[tuple[str, str]] = set()
        self._local = threading.local()  # threads cannot share a session

    def page(self, url: str) -> Page:
        """A web page. Raises `TemporaryError` after the last try, `PermanentError`."""

        def once() -> Page:
            with self.answer(url, crawl=True) as answer:
                body = self._body(answer)
                return Page(answer.url, page_text(body, answer.headers.get("Content-Type", "")))

        return self.trying(once)

    def json(self, url: str) -> Any:
        """A JSON document. Raises as `page`, and `PermanentError` when it is not JSON."""

        def once() -> Any:
            with self.answer(url) as answer:
                body = self._body(answer, JSON_BYTES)
            try:
                return json.loads(body)
            except (ValueError, RecursionError):
                problem = f"{shown(url)}: is not JSON"
                raise PermanentError(problem, "open the address in a browser") from None

        return self.trying(once)

    @contextmanager
    def answer(
        self, url: str, headers: Mapping[str, str] | None = None, crawl: bool = False
    ) -> Iterator[Any]:
        """The response (status 200, 206 or 416), without its body. Raises `TemporaryError`, `PermanentError`,
        `Cancelled`.

        `crawl`: the address was found by following links, so robots.txt must allow it.
        """
        there = url
        for _ in range(MAX_REDIRECTS + 1):
            check_address(there)
            if crawl:
                self._ask(there)
            with self._faults(there), self._get(there, headers) as answer:
                # The body of a redirect is not read: it can be without end.
                target = self._session().get_redirect_target(answer)
                if target is None:
                    self._note_move(url, there)
                    check_status(answer, self.limits.longest_wait_s)
                    yield answer
                    return
                there = joined(there, target)
        raise PermanentError(
            f"{shown(url)}: redirects in a circle, or more than {MAX_REDIRECTS} times",
            "open the address in a browser",
        )

    def chunks(self, answer: Any, longest_s: float, repair: str) -> Iterator[bytes]:
        """The body in chunks.

        Raises `TemporaryError` when the connection is lost or too slow or the body ends early,
        `PermanentError` with `repair` after `longest_s` seconds, `TooLargeError` for a body that unpacks to
        far more, `Cancelled`.
        """
        name = shown(answer.url)
        if is_packed(answer) and encoding(answer) not in UNPACKED:
            problem = f"{name}: is packed in a way that was not asked for ('{shown(encoding(answer))}')"
            raise PermanentError(problem, "open the address in a browser")
        n = 0
        pace = (self.limits.slowest_bps, self.limits.window_s, longest_s, repair)
        with Pace(answer.raw, name, *pace) as watch, self._faults(answer.url):
            # Not `iter_content`: when the connection is lost, it drops the bytes after its last full chunk.
            while chunk := answer.raw.read1(CHUNK, decode_content=True):
                if self.stop.is_set():
                    raise Cancelled
                n += len(chunk)
                watch.add(len(chunk))
                self.bounds.check_ratio(name, answer.raw.tell(), n)
                yield chunk

    def trying(self, work: Callable[[], Result], reached: Callable[[], int] = lambda: 0) -> Result:
        """`work()`, repeated after each `TemporaryError`. A try that increases `reached()` is not counted,
        unless it needs more time for that than the slowest server may."""
        best, failed, since = reached(), 0, time.monotonic()
        while True:
            try:
                return work()
            except TemporaryError as fault:
                gained, now = reached() - best, time.monotonic()
                if gained > self.limits.slowest_bps * (now - since):
                    failed = 0
                if gained > 0:
                    best, since = best + gained, now
                failed += 1
                asked = fault.wait_s
                if failed >= self.limits.tries or (asked or 0.0) > self.limits.longest_wait_s:
                    raise
                self.pause(asked if asked is not None else self.limits.backoff_s * 2 ** (failed - 1))

    def pause(self, seconds: float) -> None:
        """Wait. Raises `Cancelled` when the work is cancelled."""
        if self.stop.wait(seconds):
            raise Cancelled

    def _get(self, url: str, headers: Mapping[str, str] | None) -> Any:
        timeout = (min(15.0, self.limits.timeout_s), self.limits.timeout_s)
        given = dict(headers or {})
        return self._session().get(url, headers=given, stream=True, timeout=timeout, allow_redirects=False)

    def _session(self) -> Session:
        if not hasattr(self._local, "session"):
            self._local.session = Session(self._space, self._reach)
        session: Session = self._local.session
        return session

    def _space(self) -> None:
        with self._lock:
            now = time.monotonic()
            wait = max(0.0, self._next - now)
            self._next = max(self._next, now) + self._gap_s
        self.pause(wait)

    def _body(self, answer: Any, most: int = PAGE_BYTES, whole: bool = True) -> bytes:
        """The body. Raises `PermanentError` for more than `most` bytes, if it must be `whole`."""
        body = bytearray()
        for chunk in self.chunks(answer, self.limits.page_s, "open the address in a browser"):
            body += chunk
            if not whole and len(body) >= most:
                return bytes(body[:most])
            if len(body) > most:
                raise PermanentError(
                    f"{shown(answer.url)}: is too long for a web page", "check the addresses of the source"
                )
        return bytes(body)

    @contextmanager
    def _faults(self, url: str) -> Iterator[None]:
        host = shown(urlsplit(url).netloc)
        try:
            yield
        except requests.exceptions.SSLError as error:
            repair = "finback always checks certificates; try again later, or fetch the file with a browser"
            raise PermanentError(f"{host}: no secure connection ({reason(error)})", repair) from None
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationParseError,
            UnicodeError,  # a host name, or the address of a redirect
        ) as error:
            problem = f"{shown(url)}: is not a valid address ({reason(error)})"
            raise PermanentError(problem, "correct the address") from None
        except requests.exceptions.Timeout:
            raise TemporaryError(f"{host}: no answer within {self.limits.timeout_s:.0f} s") from None
        except urllib3.exceptions.DecodeError:
            problem = f"{shown(url)}: is packed, and cannot be unpacked"
            raise PermanentError(problem, "open the address in a browser") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TemporaryError(f"{host}: {reason(error)}") from None

    def _note_move(self, asked: str, found: str) -> None:
        old, new = urlsplit(asked).netloc, urlsplit(found).netloc
        with self._lock:
            fresh = old != new and (old, new) not in self._moved
            self._moved.add((old, new))
        if fresh:
            self._say(f"{shown(old)} redirects to {shown(new)}")

    def _ask(self, url: str) -> None:
        if not self._robots.allows(url):
            parts = urlsplit(url)
            repair = "fetch the file with a browser, or ask the owners of the site"
            raise PermanentError(
                f"{parts.netloc}: robots.txt does not allow programs to fetch {shown(parts.path)}", repair
            )
        self._gap_s = max(self._gap_s, self._robots.delay_s(url))

    def _robots_txt(self, url: str) -> str | None:
        def once() -> str | None:
            try:
                with self.answer(url) as answer:
                    body = self._body(answer, ROBOTS_BYTES, whole=False)
                    return page_text(body, answer.headers.get("Content-Type", ""))
            except PermanentError:  # no robots.txt: all addresses may be fetched
                return None

        return self.trying(once)
