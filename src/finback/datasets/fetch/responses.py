"""What a response says about itself: status, length, waiting time, encoding of its text.

All of it comes from outside, so none of it is believed further than it can be checked.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from finback.core.text import printable
from finback.datasets.fetch.addresses import shown
from finback.datasets.fetch.bounds import LARGEST_STATED
from finback.datasets.fetch.errors import PermanentError, TemporaryError

BUSY = frozenset(
    (408, 425, 429, 500, 502, 503, 504)
)  # another try may succeed; so also with 520-530 of proxies
MAX_WAIT_S = 10.0 * 365 * 24 * 3600
# Not every codec of Python: some need hours for a page (punycode), or are no encodings of pages (idna).
ENCODING = re.compile(
    r"(us-?)?ascii|utf-?(8|16(-?[lb]e)?)|latin-?\d|iso-?8859-?\d+|(windows|cp)-?\d+|koi8-?[ru]|"
    r"gbk|gb2312|gb18030|big5(-hkscs)?|euc-?(jp|kr)|shift[-_]?jis|iso-?2022-?jp|mac-?(roman|cyrillic)",
    re.I,
)


def check_status(answer: Any, longest_wait_s: float) -> None:
    """Raises `TemporaryError` or `PermanentError` for a status other than 200, 206 and 416."""
    status, url = answer.status_code, shown(answer.url)
    if status in (200, 206, 416):
        return
    problem = f"{url}: {status} {printable(str(answer.reason or '')[:80])}".rstrip()
    if status in BUSY or 520 <= status <= 530:
        wait_s = retry_after_s(answer.headers.get("Retry-After", ""))
        repair = ""
        if wait_s is not None and wait_s > longest_wait_s:
            repair = (
                f"the server asks to wait for {wait_s / 60:.0f} min: run the same command again after that"
            )
        raise TemporaryError(problem, repair, wait_s)
    words = {401: "requires a log-in", 403: "not allowed for programs", 404: "not found", 410: "removed"}
    raise PermanentError(f"{problem} ({words.get(status, 'refused')})", "open the address in a browser")


def content_length(answer: Any) -> int | None:
    """The length that the server states, in bytes; None if it states none, or that of the packed body.

    Raises `PermanentError` for a length that is no number of bytes.
    """
    stated = str(answer.headers.get("Content-Length", "")).strip()
    if not stated or is_packed(answer):
        return None
    if not re.fullmatch("[0-9]{1,16}", stated) or int(stated) > LARGEST_STATED:
        text = printable(stated[:30]) + ("..." if len(stated) > 30 else "")
        raise PermanentError(
            f"{shown(answer.url)}: states the length '{text}', which no file has",
            "open the address in a browser",
        )
    return int(stated)


def is_packed(answer: Any) -> bool:
    """Whether the body is packed for the transport, which was not asked for."""
    return encoding(answer) not in ("", "identity")


def encoding(answer: Any) -> str:
    """The value of Content-Encoding, in lower case."""
    return str(answer.headers.get("Content-Encoding", "")).strip().lower()


def retry_after_s(text: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None if it is neither."""
    text = text.strip()
    if re.fullmatch("[0-9]+", text):
        return min(float(text), MAX_WAIT_S)
    try:
        date = parsedate_to_datetime(text[:100])
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return min(max(0.0, (date - datetime.now(UTC)).total_seconds()), MAX_WAIT_S)
    except (ValueError, TypeError, OverflowError, IndexError):  # by years and zones without end
        return None


def page_text(body: bytes, content_type: str) -> str:
    """The text of a page, in the encoding of its header or its `meta`, else UTF-8, else Windows-1252."""
    named = re.search(r"charset=[\"']?([\w-]+)", content_type[:1000], re.I)
    meta = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", body[:4096], re.I)
    for name in (named and named[1], meta and meta[1].decode("ascii"), "utf-8"):
        if name is None or not ENCODING.fullmatch(name):
            continue
        try:
            return body.decode(name)
        except (UnicodeError, LookupError):
            continue
    return body.decode("cp1252", errors="replace")


def reason(error: BaseException) -> str:
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
    return printable(text.splitlines()[0][:120]) if text else type(error).__name__
