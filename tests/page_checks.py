"""What every HTML page of finback must have, checked in its text: `problems(html)` names what is wrong."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

VOID = {"meta", "img", "br", "input", "link", "hr"}
COLUMNS_ON_A_PHONE = 3  # a table with more scrolls in a box of its own


@dataclass
class Element:
    """An element with its attributes, the elements in it, and its own text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    parent: Element | None = None
    inside: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *tags: str) -> Iterator[Element]:
        for one in self.inside:
            if one.tag in tags:
                yield one
            yield from one.all(*tags)

    def within(self, tag: str, word: str = "") -> bool:
        """Is it in an element with this tag and this class?"""
        at = self.parent
        while at is not None:
            if at.tag == tag and (not word or word in at.classes):
                return True
            at = at.parent
        return False

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def words(self) -> str:
        return " ".join([self.text, *(one.words for one in self.inside)]).strip()


class Tree(html.parser.HTMLParser):
    """The elements of a page. Raises `ValueError` where an element is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self.at = Element("page")
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        one = Element(tag, {name: value or "" for name, value in attributes}, self.at)
        self.at.inside.append(one)
        if tag not in VOID:
            self.at = one

    def handle_endtag(self, tag: str) -> None:
        if tag != self.at.tag or self.at.parent is None:
            raise ValueError(f"</{tag}> in <{self.at.tag}>")
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.text += data


def problems(page: str) -> list[str]:
    """Everything that a reader with a keyboard, a telephone or a screen reader would miss."""
    root = Tree(page).root
    return [*_verdict(root), *_tables(root), *_media(root), *_controls(root), *_links(root)]


def _verdict(root: Element) -> Iterator[str]:
    headings, header = list(root.all("h1")), next(root.all("header"))
    if len(headings) != 1 or header.inside[0] is not headings[0]:
        yield "the page does not begin with its one h1"
    after = header.inside[1]
    if "verdict" not in after.classes or not re.search(r"\w{3}.*\.$", after.words, re.S):
        yield f"no verdict in a sentence after the h1, but {after.words[:60]!r}"


def _tables(root: Element) -> Iterator[str]:
    for table in root.all("table"):
        rows = [row for body in table.all("tbody") for row in body.all("tr")]
        if not rows or any(not list(row.all("td")) for row in rows):
            yield f"a table without rows: {table.words[:60]!r}"
        columns = max((len(list(row.all("td", "th"))) for row in table.all("tr")), default=0)
        if columns > COLUMNS_ON_A_PHONE and not table.within("div", "wide"):
            yield f"a table of {columns} columns that does not scroll in a box: {table.words[:60]!r}"
        for heading in table.all("th"):
            if heading.attributes.get("scope") != "col":
                yield f"a heading without a scope: {heading.words!r}"
            if "sortable" in table.classes and not list(heading.all("button")):
                yield f"a heading that sorts without a button: {heading.words!r}"


def _media(root: Element) -> Iterator[str]:
    for one in root.all("img"):
        if not one.attributes.get("alt") or not one.attributes.get("width"):
            yield "a picture without words or width"
    for one in root.all("audio", "canvas", "section"):
        named = one.attributes.get("aria-label") or (one.tag == "section" and any(one.all("h2")))
        if not named:
            yield f"<{one.tag}> has no name"
    for box in root.all("div"):
        if "wide" in box.classes and not box.attributes.get("aria-label"):
            yield f"a box that scrolls has no name: {box.words[:60]!r}"
    for figure in root.all("figure"):
        if not any(img.within("div", "wide") for img in figure.all("img")):
            yield "a figure that does not scroll in a box"


def _controls(root: Element) -> Iterator[str]:
    for one in root.all("input", "select", "textarea"):
        if not one.within("label"):
            yield f"<{one.tag}> has no label"
    for one in root.all("button"):
        if one.attributes.get("type") != "button" or not one.words:
            yield "a button without a type or words"


def _links(root: Element) -> Iterator[str]:
    ids = [one.attributes["id"] for one in _everything(root) if "id" in one.attributes]
    if len(ids) != len(set(ids)):
        yield "two elements have the same id"
    for one in _everything(root):
        for name in ("src", "href"):
            value = one.attributes.get(name, "#")
            if value.startswith("#") and value != "#" and value[1:] not in ids:
                yield f"a link to {value}, which is not on the page"
            if not value.startswith(("#", "data:")) and not (one.tag == "a" and value.startswith("https://")):
                yield f"<{one.tag}> loads {value[:60]}"


def _everything(root: Element) -> Iterator[Element]:
    for one in root.inside:
        yield one
        yield from _everything(one)
