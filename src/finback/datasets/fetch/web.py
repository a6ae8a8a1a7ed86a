"""Requests to web sites within limits, with `requests` (extra package: fetch).

    web = Web(RequestLimits(rate=1.0), say, stop)
    web.page(url).text                      # a web page, if robots.txt allows it
    with web.answer(url, headers) as r:     # one response, streamed; `chunks(r)` yields its body
    web.trying(work)                        # again after each `TemporaryError`

One rate limit applies to the requests of all threads. The User-Agent is finback with its version.
Certificates are checked, and a redirect from https to plain http is not followed. finback waits for the time
of `Retry-After`, up to `longest_wait_s`; without it, the waiting time doubles with each try.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.__version__ import __version__ as requests_version

from finback.core.version import __version__
from finback.datasets.fetch.errors import Cancelled, PermanentError, TemporaryError
from finback.datasets.fetch.links import Page
from finback.datasets.fetch.robots import Robots

Result = TypeVar("Result")
CHUNK = 1 << 16  # largest number of bytes read at once
PAGE_BYTES = 1 << 25  # longer content is not a web page
BUSY = frozenset(
    (408, 425, 429, 500, 502, 503, 504)
)  # another try may succeed; so also with 520-530 of proxies


@dataclass(frozen=True)
class RequestLimits:
    """Limits for requests. `rate`: maximum of requests per second, over all threads; `tries`: in a row
    without a new byte."""

    rate: float = 1.0
    tries: int = 5
    backoff_s: float = 2.0
    longest_wait_s: float = 300.0
    timeout_s: float = 30.0


class _Session(requests.Session):
    """Applies the rate limit to every request and redirect, and refuses a redirect from https to http."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self._before = before
        self.headers["User-Agent"] = f"finback/{__version__} (python-requests/{requests_version})"
        # Otherwise the length is that of the compressed body, and a partial download cannot be continued.
        self.headers["Accept-Encoding"] = "identity"

    def send(self, request: Any, **options: Any) -> Any:
        self._before()
        return super().send(request, **options)

    def get_redirect_target(self, resp: Any) -> Any:
        target = super().get_redirect_target(resp)
        if target and target.startswith("http://") and str(resp.url).startswith("https://"):
            repair = "open the site in a browser"
            raise PermanentError(
                f"{resp.url}: redirects to {target}, which is not a secure connection", repair
            )
        return target


class Web:
    """Requests to any number of sites; may be used by several threads."""

    def __init__(self, limits: RequestLimits, say: Callable[[str], None], stop: threading.Event) -> None:
        self.limits = limits
        self.stop = stop
        self._say = say
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
                return Page(answer.url, _text(body, answer.headers.get("Content-Type", "")))

        return self.trying(once)

    def json(self, url: str) -> Any:
        """A JSON document. Raises as `page`, and `PermanentError` when it is not JSON."""

        def once() -> Any:
            with self.answer(url) as answer:
                body = self._body(answer)
            try:
                return json.loads(body)
            except ValueError:
                raise PermanentError(f"{url}: is not JSON", "open the address in a browser") from None

        return self.trying(once)

    @contextmanager
    def answer(
        self, url: str, headers: Mapping[str, str] | None = None, crawl: bool = False
    ) -> Iterator[Any]:
        """The response (status 200, 206 or 416), without its body. Raises `TemporaryError`, `PermanentError`,
        `Cancelled`.

        `crawl`: the address was found by following links, so robots.txt must allow it.
        """
        if crawl:
            self._ask(url)
        with self._faults(url):
            timeout = (min(15.0, self.limits.timeout_s), self.limits.timeout_s)
            with self._session().get(url, headers=headers, stream=True, timeout=timeout) as answer:
                self._note_move(url, answer.url)
                if crawl and urlsplit(answer.url).netloc != urlsplit(url).netloc:
                    self._ask(answer.url)
                _check_status(answer, self.limits)
                yield answer

    def chunks(self, answer: Any) -> Iterator[bytes]:
        """The body in chunks. Raises `TemporaryError` when the connection is lost or the body ends early,
        `Cancelled`."""
        with self._faults(answer.url):
            # Not `iter_content`: when the connection is lost, it drops the bytes after its last full chunk.
            while chunk := answer.raw.read1(CHUNK, decode_content=True):
                if self.stop.is_set():
                    raise Cancelled
                yield chunk

    def trying(self, work: Callable[[], Result], reached: Callable[[], int] = lambda: 0) -> Result:
        """`work()`, repeated after each `TemporaryError`. A try that increases `reached()` is not counted."""
        best, failed = reached(), 0
        while True:
            try:
                return work()
            except TemporaryError as fault:
                if (now := reached()) > best:
                    best, failed = now, 0
                failed += 1
                asked = fault.wait_s
                if failed >= self.limits.tries or (asked or 0.0) > self.limits.longest_wait_s:
                    raise
                self.pause(asked if asked is not None else self.limits.backoff_s * 2 ** (failed - 1))

    def pause(self, seconds: float) -> None:
        """Wait. Raises `Cancelled` when the work is cancelled."""
        if self.stop.wait(seconds):
            raise Cancelled

    def _session(self) -> _Session:
        if not hasattr(self._local, "session"):
            self._local.session = _Session(self._space)
        session: _Session = self._local.session
        return session

    def _space(self) -> None:
        with self._lock:
            now = time.monotonic()
            wait = max(0.0, self._next - now)
            self._next = max(self._next, now) + self._gap_s
        self.pause(wait)

    def _body(self, answer: Any) -> bytes:
        body = bytearray()
        for chunk in self.chunks(answer):
            body += chunk
            if len(body) > PAGE_BYTES:
                raise PermanentError(
                    f"{answer.url}: is too long for a web page", "check the addresses of the source"
                )
        return bytes(body)

    @contextmanager
    def _faults(self, url: str) -> Iterator[None]:
        host = urlsplit(url).netloc
        try:
            yield
        except requests.exceptions.SSLError as error:
            repair = "finback always checks certificates; try again later, or fetch the file with a browser"
            raise PermanentError(f"{host}: no secure connection ({_reason(error)})", repair) from None
        except requests.exceptions.TooManyRedirects:
            raise PermanentError(f"{url}: redirects in a circle", "open the address in a browser") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise PermanentError(f"{url}: is not a valid address ({error})", "correct the address") from None
        except requests.exceptions.Timeout:
            raise TemporaryError(f"{host}: no answer within {self.limits.timeout_s:.0f} s") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TemporaryError(f"{host}: {_reason(error)}") from None

    def _note_move(self, asked: str, found: str) -> None:
        old, new = urlsplit(asked).netloc, urlsplit(found).netloc
        with self._lock:
            fresh = old != new and (old, new) not in self._moved
            self._moved.add((old, new))
        if fresh:
            self._say(f"{old} redirects to {new}")

    def _ask(self, url: str) -> None:
        if not self._robots.allows(url):
            host = urlsplit(url).netloc
            repair = "fetch the file with a browser, or ask the owners of the site"
            raise PermanentError(
                f"{host}: robots.txt does not allow programs to fetch {urlsplit(url).path}", repair
            )
        self._gap_s = max(self._gap_s, self._robots.delay_s(url))

    def _robots_txt(self, url: str) -> str | None:
        def once() -> str | None:
            try:
                with self.answer(url) as answer:
                    return _text(self._body(answer), answer.headers.get("Content-Type", ""))
            except PermanentError:  # no robots.txt: all addresses may be fetched
                return None

        return self.trying(once)


def _check_status(answer: Any, limits: RequestLimits) -> None:
    status, url = answer.status_code, answer.url
    if status in (200, 206, 416):
        return
    problem = f"{url}: {status} {answer.reason or ''}".rstrip()
    if status in BUSY or 520 <= status <= 530:
        wait_s = _retry_after_s(answer.headers.get("Retry-After", ""))
        repair = ""
        if wait_s is not None and wait_s > limits.longest_wait_s:
            repair = (
                f"the server asks to wait for {wait_s / 60:.0f} min: run the same command again after that"
            )
        raise TemporaryError(problem, repair, wait_s)
    words = {401: "requires a log-in", 403: "not allowed for programs", 404: "not found", 410: "removed"}
    raise PermanentError(f"{problem} ({words.get(status, 'refused')})", "open the address in a browser")


def _retry_after_s(text: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _text(body: bytes, content_type: str) -> str:
    """The text of a page, in the encoding of its header or its `meta`, else UTF-8, else Windows-1252."""
    named = re.search(r"charset=[\"']?([\w-]+)", content_type, re.I)
    meta = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", body[:4096], re.I)
    for encoding in (named and named.group(1), meta and meta.group(1).decode(), "utf-8"):
        try:
            return body.decode(encoding or "utf-8")
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("cp1252", errors="replace")


def _reason(error: BaseException) -> str:
    """A short reason for an error that libraries have wrapped several times."""
    text = str(error)
    for pattern, words in (
        (r"Name or service not known|Failed to resolve|nodename nor servname", "no such host, or no network"),
        (r"refused", "the connection was refused"),
        (r"reset|aborted|RemoteDisconnected|without response|Broken pipe", "the connection was lost"),
        (r"IncompleteRead|Incomplete", "the connection was lost before the end"),
        (r"timed out|Read timed out", "no answer in time"),
        (r"unreachable", "cannot be reached"),
    ):
        if re.search(pattern, text, re.I):
            return words
    return text.splitlines()[0][:120] if text else type(error).__name__
