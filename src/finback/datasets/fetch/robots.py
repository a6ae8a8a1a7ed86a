"""robots.txt: what a site asks programs that follow links to leave alone, and how slowly to go (RFC 9309)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

AGENT = "finback"
MOST_DELAY_S = 60.0  # a longer Crawl-delay is a typing error more often than a wish


class Robots:
    """Rules of the sites met so far. `fetch(url)` gives a robots.txt, or None where there is none."""

    def __init__(self, fetch: Callable[[str], str | None]) -> None:
        self._fetch = fetch
        self._rules: dict[str, RobotFileParser] = {}
        self._lock = threading.Lock()

    def allows(self, url: str) -> bool:
        return self._of(url).can_fetch(AGENT, url)

    def delay_s(self, url: str) -> float:
        """Seconds between requests that the site asks for; 0 when it does not."""
        asked = self._of(url).crawl_delay(AGENT)
        return min(float(asked), MOST_DELAY_S) if asked else 0.0

    def _of(self, url: str) -> RobotFileParser:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        with self._lock:  # one request a site, however many threads ask
            if site not in self._rules:
                rules = RobotFileParser()
                rules.parse((self._fetch(f"{site}/robots.txt") or "").splitlines())
                self._rules[site] = rules
            return self._rules[site]
