"""robots.txt: which addresses a site does not allow programs to fetch, and how fast they may fetch (RFC
9309)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

AGENT = "finback"
MAX_BYTES = 500 * 1024  # what a program must read at least, by RFC 9309; the rest is not read
MAX_LINE = 2000  # characters; a longer line is not read
# Numbers that the parser of the standard library fails on (`²`, 5000 digits) are not read.
NUMBER = re.compile(r"\s*(crawl-delay|request-rate)\s*:(?!\s*[0-9]{1,6}\s*(/\s*[0-9]{1,6}\s*)?(#|$))", re.I)
MOST_DELAY_S = 60.0  # a longer Crawl-delay is more likely a mistake than intended


class Robots:
    """The rules of the sites used so far. `fetch(url)` returns the text of a robots.txt, or None."""

    def __init__(self, fetch: Callable[[str], str | None]) -> None:
        self._fetch = fetch
        self._rules: dict[str, RobotFileParser] = {}
        self._lock = threading.Lock()

    def allows(self, url: str) -> bool:
        """Whether finback may fetch this address."""
        try:
            return self._of(url).can_fetch(AGENT, url)
        except ValueError:  # an address that the rules cannot be compared with
            return False

    def delay_s(self, url: str) -> float:
        """Time between requests that the site requires, in seconds; 0 if it requires none."""
        asked = self._of(url).crawl_delay(AGENT)
        return min(float(asked), MOST_DELAY_S) if asked else 0.0

    def _of(self, url: str) -> RobotFileParser:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        with self._lock:  # one request for each site, for any number of threads
            if site not in self._rules:
                rules = RobotFileParser()
                lines = (self._fetch(f"{site}/robots.txt") or "")[:MAX_BYTES].splitlines()
                lines = ["crawl-delay:" if NUMBER.match(line) else line for line in lines]
                rules.parse([line for line in lines if len(line) <= MAX_LINE])
                self._rules[site] = rules
            return self._rules[site]
