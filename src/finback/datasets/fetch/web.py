"""Polite requests, with `requests` (extra package: fetch).

    web = Web(Manners(rate=1.0), say, stop)
    web.page(url).text                      # a web page, robots.txt asked first
    with web.answer(url, headers) as r:     # one answer, streamed; its body by `chunks(r)`
    web.trying(work)                        # again and again while the fault is a `Passing` one

One clock spaces all requests, whichever thread makes them. The name that servers see is finback's own, with
its version. Certificates are checked, and an address that leads from https to plain http is not followed. A
server that says `Retry-After` is waited for, up to `longest_wait_s`; else the wait doubles with each try.
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

from finback import __version__
from finback.datasets.fetch.errors import Lasting, Passing, Stopped
from finback.datasets.fetch.links import Page
from finback.datasets.fetch.robots import Robots

Result = TypeVar("Result")
CHUNK = 1 << 16  # bytes read at a time, at most
PAGE_BYTES = 1 << 25  # a longer "page" is no page
BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))  # worth another try; so are 520-530 of proxies


@dataclass(frozen=True)
class Manners:
    """`rate`: requests a second at most, all threads together; `tries` in a row without a new byte."""

    rate: float = 1.0
    tries: int = 5
    backoff_s: float = 2.0
    longest_wait_s: float = 300.0
    timeout_s: float = 30.0


class _Session(requests.Session):
    """Spaces every request, those of redirects too, and does not go from https to http."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self._before = before
        self.headers["User-Agent"] = f"finback/{__version__} (python-requests/{requests.__version__})"
        # Else a length would be that of the packed body, and a part of it could not be gone on with.
        self.headers["Accept-Encoding"] = "identity"

    def send(self, request: Any, **options: Any) -> Any:
        self._before()
        return super().send(request, **options)

    def get_redirect_target(self, resp: Any) -> Any:
        target = super().get_redirect_target(resp)
        if target and target.startswith("http://") and str(resp.url).startswith("https://"):
            repair = "look at the site with a browser"
            raise Lasting(f"{resp.url}: leads to {target}, which anyone on the way could change", repair)
        return target


class Web:
    """Requests to any number of sites. Safe to be used by several threads."""

    def __init__(self, manners: Manners, say: Callable[[str], None], stop: threading.Event) -> None:
        self.manners = manners
        self.stop = stop
        self._say = say
        self._robots = Robots(self._robots_txt)
        self._lock = threading.Lock()
        self._next = 0.0  # when the next request may go out
        self._gap_s = 1 / manners.rate
        self._moved: set[tuple[str, str]] = set()
        self._local = threading.local()  # a session is no thing to share between threads

    def page(self, url: str) -> Page:
        """A web page. Raises `Passing` after the last try, `Lasting`."""

        def once() -> Page:
            with self.answer(url, crawl=True) as answer:
                body = self._body(answer)
                return Page(answer.url, _text(body, answer.headers.get("Content-Type", "")))

        return self.trying(once)

    def json(self, url: str) -> Any:
        """A JSON document. Raises as `page`, and `Lasting` when it is none."""

        def once() -> Any:
            with self.answer(url) as answer:
                body = self._body(answer)
            try:
                return json.loads(body)
            except ValueError:
                raise Lasting(f"{url}: is no JSON", "look at it with a browser") from None

        return self.trying(once)

    @contextmanager
    def answer(
        self, url: str, headers: Mapping[str, str] | None = None, crawl: bool = False
    ) -> Iterator[Any]:
        """The answer (status 200, 206 or 416), its body not yet read. Raises `Passing`, `Lasting`, `Stopped`.

        `crawl`: the address was found by following links, so robots.txt is asked.
        """
        if crawl:
            self._ask(url)
        with self._faults(url):
            timeout = (min(15.0, self.manners.timeout_s), self.manners.timeout_s)
            with self._session().get(url, headers=headers, stream=True, timeout=timeout) as answer:
                self._note_move(url, answer.url)
                if crawl and urlsplit(answer.url).netloc != urlsplit(url).netloc:
                    self._ask(answer.url)
                _check_status(answer, self.manners)
                yield answer

    def chunks(self, answer: Any) -> Iterator[bytes]:
        """The body in pieces. Raises `Passing` when the line is cut or the body ends early, `Stopped`."""
        with self._faults(answer.url):
            # Not `iter_content`: when the line is cut that loses what came since its last full chunk.
            while chunk := answer.raw.read1(CHUNK, decode_content=True):
                if self.stop.is_set():
                    raise Stopped
                yield chunk

    def trying(self, work: Callable[[], Result], reached: Callable[[], int] = lambda: 0) -> Result:
        """`work()`, again while it raises `Passing`. Tries in which `reached()` grew are not counted."""
        best, failed = reached(), 0
        while True:
            try:
                return work()
            except Passing as fault:
                if (now := reached()) > best:
                    best, failed = now, 0
                failed += 1
                asked = fault.wait_s
                if failed >= self.manners.tries or (asked or 0.0) > self.manners.longest_wait_s:
                    raise
                self.pause(asked if asked is not None else self.manners.backoff_s * 2 ** (failed - 1))

    def pause(self, seconds: float) -> None:
        """Wait, unless called off. Raises `Stopped`."""
        if self.stop.wait(seconds):
            raise Stopped

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
                raise Lasting(f"{answer.url}: is no page but something long", "check the source's addresses")
        return bytes(body)

    @contextmanager
    def _faults(self, url: str) -> Iterator[None]:
        host = urlsplit(url).netloc
        try:
            yield
        except requests.exceptions.SSLError as error:
            repair = "finback does not look away; try again later, or fetch it with a browser"
            raise Lasting(f"{host}: no safe connection ({_reason(error)})", repair) from None
        except requests.exceptions.TooManyRedirects:
            raise Lasting(f"{url}: leads in a circle", "look at it with a browser") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise Lasting(f"{url}: cannot be asked for ({error})", "mend the address") from None
        except requests.exceptions.Timeout:
            raise Passing(f"{host}: no answer within {self.manners.timeout_s:.0f} s") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Passing(f"{host}: {_reason(error)}") from None

    def _note_move(self, asked: str, found: str) -> None:
        old, new = urlsplit(asked).netloc, urlsplit(found).netloc
        with self._lock:
            fresh = old != new and (old, new) not in self._moved
            self._moved.add((old, new))
        if fresh:
            self._say(f"{old} sends on to {new}")

    def _ask(self, url: str) -> None:
        if not self._robots.allows(url):
            host = urlsplit(url).netloc
            repair = "fetch it by hand with a browser, or ask the site's owners"
            raise Lasting(f"{host}: its robots.txt asks programs not to fetch {urlsplit(url).path}", repair)
        self._gap_s = max(self._gap_s, self._robots.delay_s(url))

    def _robots_txt(self, url: str) -> str | None:
        def once() -> str | None:
            try:
                with self.answer(url) as answer:
                    return _text(self._body(answer), answer.headers.get("Content-Type", ""))
            except Lasting:  # none there: everything may be fetched
                return None

        return self.trying(once)


def _check_status(answer: Any, manners: Manners) -> None:
    status, url = answer.status_code, answer.url
    if status in (200, 206, 416):
        return
    said = f"{url}: {status} {answer.reason or ''}".rstrip()
    if status in BUSY or 520 <= status <= 530:
        wait_s = _retry_after_s(answer.headers.get("Retry-After", ""))
        repair = ""
        if wait_s is not None and wait_s > manners.longest_wait_s:
            repair = f"it asks to wait {wait_s / 60:.0f} min: run the same command again then"
        raise Passing(said, repair, wait_s)
    words = {401: "wants a log-in", 403: "does not give it to programs", 404: "is not there", 410: "is gone"}
    raise Lasting(f"{said} ({words.get(status, 'refused')})", "look at it with a browser")


def _retry_after_s(text: str) -> float | None:
    """Seconds, given as a number or as a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _text(body: bytes, content_type: str) -> str:
    """A page's text by the encoding that its header or its `meta` names, else UTF-8, else Windows-1252."""
    named = re.search(r"charset=[\"']?([\w-]+)", content_type, re.I)
    meta = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", body[:4096], re.I)
    for encoding in (named and named.group(1), meta and meta.group(1).decode(), "utf-8"):
        try:
            return body.decode(encoding or "utf-8")
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("cp1252", errors="replace")


def _reason(error: BaseException) -> str:
    """The innermost words of a fault that libraries have wrapped several times."""
    text = str(error)
    for pattern, words in (
        (r"Name or service not known|Failed to resolve|nodename nor servname", "no such host, or no network"),
        (r"refused", "refuses the connection"),
        (r"reset|aborted|RemoteDisconnected|without response|Broken pipe", "the line was cut"),
        (r"IncompleteRead|Incomplete", "the line was cut before the end"),
        (r"timed out|Read timed out", "no answer in time"),
        (r"unreachable", "cannot be reached"),
    ):
        if re.search(pattern, text, re.I):
            return words
    return text.splitlines()[0][:120] if text else type(error).__name__
