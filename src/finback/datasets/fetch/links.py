"""The links of a web page: absolute addresses, each once, with texts.

The page is cut into tags here, and one tag at a time is read by the parser of the standard library. So the
time is proportional to the length of the page. With a whole page that was made for it, that parser needs
hours (`<a <a <a ...`) or fails in a way of its own (`<![`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from finback.datasets.fetch.addresses import MAX_URL
from finback.datasets.fetch.errors import PermanentError

MAX_TAG = 8192  # characters of one tag; a longer one is left out
MAX_TAGS = 500_000  # of links and images
MAX_BROKEN = 10_000  # tags without an end; each costs a search of MAX_TAG characters
MAX_ADDRESSES = 1 << 25  # characters of all addresses together
START = re.compile(r"<(?:!--|[!?]|/?[a-zA-Z])")
TAG = re.compile(r"""</?([a-zA-Z][a-zA-Z0-9:-]*)(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""")
READ = frozenset(("a", "option", "select", "img", "base"))
HIDDEN = frozenset(("script", "style", "template", "textarea", "title"))  # their content is not shown as text
NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")  # characters that do not exist


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `text` is its text, or else the description of its image."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A web page and its final address."""

    url: str
    text: str


def links(html: str, base: str) -> list[Link]:
    """Links and list options, in the order of the page; `base` is the address of the page.

    An address that occurs several times (around an image and around a name) gets its first text that is not
    empty. Script and mail links are left out, and addresses of more than `MAX_URL` characters. Raises
    `PermanentError` for a page that was not made for readers: too many links, or tags without an end.
    """
    reader = _Reader(base)
    for tag, text in _tags(NUMBER.sub("\ufffd", html), base):
        reader.tag(tag)
        reader.handle_data(unescape(text))
    reader.end()
    texts: dict[str, str] = {}
    for url, text in reader.found:
        texts[url] = texts.get(url) or text
    return [Link(url, text) for url, text in texts.items()]


def _tags(html: str, url: str) -> Iterator[tuple[str, str]]:
    """Each tag that is read here, or "", with the text behind it; without comments and scripts."""
    at, n_read, n_broken = 0, 0, 0
    while at >= 0:
        opening = START.search(html, at)
        yield "", html[at : opening.start() if opening else None]
        if opening is None:
            return
        start, kind = opening.start(), opening[0]
        if kind == "<!--":
            at = _behind(html, "-->", opening.end())
        elif kind in ("<!", "<?"):
            at = _behind(html, ">", start)
        elif found := TAG.match(html, start, start + MAX_TAG):
            at, name = found.end(), found[1].lower()
            if name in READ:
                n_read += 1
                yield found[0], ""
            elif name in HIDDEN and kind[1:2] != "/":
                end = re.compile(f"</{name}", re.I).search(html, at)
                at = end.start() if end else -1
        else:
            n_broken += 1
            at = html.find("<", start + 1)
        if n_read > MAX_TAGS or n_broken > MAX_BROKEN:
            what = "links" if n_read > MAX_TAGS else "tags without an end"
            raise PermanentError(f"{url}: has too many {what}", "open the address in a browser")


def _behind(html: str, mark: str, start: int) -> int:
    """The place behind the next `mark`; -1 without one."""
    at = html.find(mark, start)
    return at + len(mark) if at >= 0 else -1


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._page = self._base = base
        self._url: str | None = None  # of the open link
        self._words: list[str] = []
        self._picture = ""
        self._characters = 0  # of all addresses

    def tag(self, tag: str) -> None:
        """Read one tag, apart from all others."""
        if tag:
            self.reset()
            self.feed(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and values.get("href"):
            self._base = self._whole(values["href"]) or self._base
        elif tag == "img" and self._url is not None:
            self._picture = self._picture or values.get("alt", "")
        elif tag in ("a", "option"):
            self.end()
            target = values.get("href" if tag == "a" else "value", "").strip()
            self._url = self._whole(target) if target else None

    def handle_endtag(self, tag: str) -> None:
        if tag in ("a", "option", "select"):
            self.end()

    def handle_data(self, data: str) -> None:
        if self._url is not None:
            self._words.append(data)

    def end(self) -> None:
        """Close the open link; some pages do not."""
        if self._url is not None:
            text = " ".join("".join(self._words).split())
            self.found.append((self._url, text or " ".join(self._picture.split())))
            self._characters += len(self._url)
            if self._characters > MAX_ADDRESSES:
                raise PermanentError(f"{self._page}: has too many links", "open the address in a browser")
        self._url, self._words, self._picture = None, [], ""

    def _whole(self, target: str) -> str | None:
        try:
            url = urldefrag(urljoin(self._base, target)).url
            parts = urlsplit(url)
        except ValueError:  # for example "http://[": browsers ignore it too
            return None
        if len(url) > MAX_URL or parts.scheme not in ("http", "https") or not parts.netloc:
            return None
        return url.replace(" ", "%20")
