"""The links of a web page, by the parser of the standard library: absolute addresses, each once, with
texts."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit


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
    empty. Script and mail links are left out.
    """
    reader = _Reader(base)
    reader.feed(html)
    reader.close()
    reader.end()
    texts: dict[str, str] = {}
    for url, text in reader.found:
        texts[url] = texts.get(url) or text
    return [Link(url, text) for url, text in texts.items()]


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._base = base
        self._url: str | None = None  # of the open link
        self._words: list[str] = []
        self._picture = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and values.get("href"):
            self._base = urljoin(self._base, values["href"])
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
        self._url, self._words, self._picture = None, [], ""

    def _whole(self, target: str) -> str | None:
        try:
            url = urldefrag(urljoin(self._base, target)).url
            parts = urlsplit(url)
        except ValueError:  # for example "http://[": browsers ignore it too
            return None
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return None
        return url.replace(" ", "%20")
