"""Links of pages in the forms that real sites use."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.links import Link, links

BASE = "https://site.org/a/b.html"


def test_texts_addresses_and_pictures() -> None:
    page = """
    <a href="c.html?x=1&amp;y=2"><img alt="picture"><h3>Grampus,
       Risso&#39;s  Dolphin</h3></a>
    <a href="/top.wav#t=3">top</a> <a href='//other.org/o.wav'><img src=i alt="  an   orca "></a>
    <a name=here>no link</a> <a href="">empty</a>
    <a href="javascript:go('x.wav')">script</a> <a href="mailto:a@b.c">mail</a>
    <select><option>Choose<option value="one.cfm">One<option value='two.cfm'>Two</select> after
    <a href="a b.wav">space"""
    assert links(page, BASE) == [
        Link("https://site.org/a/c.html?x=1&y=2", "Grampus, Risso's Dolphin"),
        Link("https://site.org/top.wav", "top"),
        Link("https://other.org/o.wav", "an orca"),
        Link("https://site.org/a/one.cfm", "One"),
        Link("https://site.org/a/two.cfm", "Two"),
        Link("https://site.org/a/a%20b.wav", "space"),
    ]


def test_an_address_keeps_its_first_text_that_says_something() -> None:
    page = '<a href="x.html"><img src="p"></a><a href="x.html">Walrus</a><a href="x.html">more</a>'
    assert links(page, BASE) == [Link("https://site.org/a/x.html", "Walrus")]


def test_the_page_may_say_what_its_links_are_relative_to() -> None:
    assert links('<base href="/z/"><a href="x.wav">x</a>', BASE)[0].url == "https://site.org/z/x.wav"


def test_a_link_that_is_never_closed_ends_where_the_next_begins() -> None:
    assert [link.text for link in links('<a href="1">one<a href="2">two', BASE)] == ["one", "two"]


@given(st.text(alphabet="<>a/=\"'hrefoptin [:&#; \n", max_size=200))
def test_no_page_breaks_it(page: str) -> None:
    assert all(link.url.startswith("http") for link in links(page, BASE))


HOSTILE = (
    "<a ",
    "<a '",
    "<!--",
    "<![",
    "<",
    "</",
    '<a"<a"',
    "&#1",
    "<div>",
    "<script>",
    "<title",
    "<a href=1><b>",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_for_a_page_is_proportional_to_its_length(piece: str) -> None:
    """With 4 MB, the parser of the standard library needs hours for some of these pages."""
    page = piece * (4_000_000 // len(piece))
    begun = time.monotonic()
    with suppress(PermanentError):
        links(page, BASE)
    assert time.monotonic() - begun < 60


def test_numbers_and_addresses_that_nobody_can_read() -> None:
    page = f'<base href="http://["><a href="x.wav">&#{"9" * 5000};</a><a href="http://[">b</a>'
    page += f'<a href="{"y" * 3000}">c</a><a href="&#55296;.wav">d</a>'
    assert [link.text for link in links(page, BASE)] == ["\ufffd", "d"]


def test_a_page_of_links_to_exhaust_the_memory() -> None:
    """A short address becomes a long one by the base of the page."""
    page = f'<base href="/{"b" * 1900}/">' + "".join(f"<a href={i}>" for i in range(50_000))
    with pytest.raises(PermanentError, match="too many links"):
        links(page, BASE)
