"""What a site says about itself: robots.txt, waiting times and encodings are bounded."""

from __future__ import annotations

import gzip
import time
from contextlib import nullcontext

import pytest
from hostile import BOUNDED_S, MIB, web_of
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving import Fault, Site, raw, response

from finback.datasets.fetch.errors import TemporaryError
from finback.datasets.fetch.responses import page_text, retry_after_s
from finback.datasets.fetch.robots import Robots

TRICKLE = raw(response({}), b"x", pause_s=0.1, times=100)


@pytest.mark.parametrize(
    "body",
    [
        raw(response({}), MIB, times=64),
        TRICKLE,
        raw(response({}) + b"User-agent: *\nCrawl-delay: " + b"9" * 5000),
        raw(response({}) + "User-agent: *\nCrawl-delay: ²\nRequest-rate: ²/³".encode()),
        raw(response({"Content-Encoding": "gzip"}) + gzip.compress(MIB * 64)),
        raw(response({}) + b"User-agent: *\nDisallow: /x" + b"*" * 400_000),
    ],
    ids=["1 GB", "trickle", "5000 digits", "superscripts", "gzip", "long line"],
)
def test_robots_txt_is_bounded(site: Site, body: Fault) -> None:
    site.put("/p", "hello")
    site.spoil("/robots.txt", *[body] * 4)
    begun = time.monotonic()
    slow = pytest.raises(TemporaryError, match="bytes per second") if body is TRICKLE else nullcontext()
    with slow:
        assert web_of().page(site.url + "/p").text == "hello"
    assert time.monotonic() - begun < BOUNDED_S


@given(
    st.text(alphabet="user-agent:*\n disallow crawl-delay/0123456789²#%5B[]", max_size=300),
    st.text(max_size=60),
)
@settings(max_examples=200)
def test_no_robots_txt_breaks_it(text: str, path: str) -> None:
    robots = Robots(lambda url: text)
    robots.allows("http://h/" + path.replace("\n", ""))
    assert 0 <= robots.delay_s("http://h/") <= 60


@given(
    st.one_of(
        st.text(max_size=80), st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]?\w+")
    )
)
@settings(max_examples=300)
def test_any_waiting_time_is_a_number_or_nothing(text: str) -> None:
    seconds = retry_after_s(text)
    assert seconds is None or 0 <= seconds < 1e9


@pytest.mark.parametrize(
    "codec", ["punycode", "idna", "undefined", "unicode_escape", "hex", "zlib", "klingon"]
)
def test_only_encodings_of_pages_are_used(codec: str) -> None:
    begun = time.monotonic()
    page = b"<meta charset=%s>" % codec.encode() + b"a-b\\u0041" * 200_000
    assert page_text(page, f"text/html; charset={codec}") == page.decode()
    assert time.monotonic() - begun < BOUNDED_S
