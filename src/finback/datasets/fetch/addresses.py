"""Web addresses: which ones finback asks for, and how they are shown."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from finback.core.text import printable
from finback.datasets.fetch.errors import PermanentError

MAX_URL = 2000  # characters; browsers and servers use no longer addresses
SHOWN = 200  # characters of an address in a message


def check_address(url: str) -> None:
    """Raises `PermanentError` for an address that finback does not ask for."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise PermanentError(
            f"{shown(url)}: is not a valid address ({printable(str(error))})", "correct the address"
        ) from None
    problem = ""
    if len(url) > MAX_URL:
        problem = f"has {len(url):,} characters, at most {MAX_URL:,} are possible"
    elif parts.scheme.lower() not in ("http", "https") or not host:
        problem = "is not a valid address: finback uses https:// and http:// only"
    elif "%" in parts.netloc:
        problem = "is not a valid address: the name of its host has a %"
    elif not url.isprintable() or printable(url) != url:
        problem = "is not a valid address: it has control characters"
    elif parts.username is not None or parts.password is not None:
        problem = "contains a user name or a password, which would be kept in tables"
    if problem:
        raise PermanentError(f"{shown(url)}: {problem}", "open the site in a browser")


def joined(base: str, target: str) -> str:
    """The address that a redirect leads to. Raises `PermanentError` for one that is not valid."""
    try:
        return urljoin(base, target)
    except ValueError:
        problem = f"{shown(base)}: redirects to {shown(target)}, which is not a valid address"
        raise PermanentError(problem, "open the site in a browser") from None


def shown(url: str) -> str:
    """An address for messages: printable, and not longer than a line or two."""
    text = printable(url[:SHOWN])
    return text if len(url) <= SHOWN else f"{text}... ({len(url):,} characters)"


def same_path(one: str, other: str) -> bool:
    """Whether two addresses are the same but for the host: a site may move."""
    a, b = urlsplit(one), urlsplit(other)
    return (a.path, a.query, a.fragment) == (b.path, b.query, b.fragment)


def is_public(address: str) -> bool:
    """Whether an IP address is reachable from the whole Internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None) or found
    return bool(inner.is_global and not inner.is_multicast)


class Reach:
    """Which addresses may be asked: public ones, and all hosts that the user's source names.

    So a page on the Internet cannot lead to this machine or to the local network. When a host of the source
    is there itself, its pages may lead to others there.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(hosts)
        self._is_local = False

    def allows(self, host: str, address: str) -> bool:
        """Whether `host`, whose IP address is `address`, may be asked."""
        if is_public(address):
            return True
        self._is_local = self._is_local or host in self._hosts
        return self._is_local
