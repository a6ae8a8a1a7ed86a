"""Requests that are polite, safe, and understood when they fail."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from misbehaving import Site, moved, status

from finback.datasets.fetch.errors import Cancelled, PermanentError, TemporaryError
from finback.datasets.fetch.session import Session
from finback.datasets.fetch.web import PAGE_BYTES, RequestLimits, Web


def web_of(**limits: float) -> Web:
    given = {"rate": 1000, "tries": 3, "backoff_s": 0.01, "timeout_s": 2, **limits}
    return Web(RequestLimits(**given), lambda text: None, threading.Event())  # type: ignore[arg-type]


def test_one_clock_for_all_threads(site: Site) -> None:
    site.put("/page", "hello")
    web = web_of(rate=20)
    threads = [threading.Thread(target=web.json, args=(site.url + "/page",)) for _ in range(6)]
    site.put("/page", "{}")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(at for _, _, at in site.log)
    assert len(times) == 6
    assert times[-1] - times[0] >= 0.22  # five gaps of 50 ms


def test_robots_txt_is_asked_once_and_obeyed(site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /private/", kind="text/plain")
    site.put("/open/1", "one")
    site.put("/open/2", "two")
    site.put("/private/1", "secret")
    web = web_of()
    assert web.page(site.url + "/open/1").text == "one"
    assert web.page(site.url + "/open/2").text == "two"
    with pytest.raises(PermanentError, match=r"robots\.txt"):
        web.page(site.url + "/private/1")
    assert len(site.asked("/robots.txt")) == 1
    assert not site.asked("/private/1")


def test_a_crawl_delay_slows_everything_down(site: Site) -> None:
    site.put("/robots.txt", "User-agent: finback\nCrawl-delay: 1", kind="text/plain")
    site.put("/p", "p")
    web = web_of()
    for _ in range(2):
        web.page(site.url + "/p")
    first, second = (at for path, _, at in site.log if path == "/p")
    assert second - first >= 0.9


def test_no_robots_txt_forbids_nothing(site: Site) -> None:
    site.put("/p", "p")
    assert web_of().page(site.url + "/p").text == "p"


def test_a_page_that_sends_on_to_another_site_asks_the_robots_there(site: Site) -> None:
    with Site() as other:
        other.put("/robots.txt", "User-agent: *\nDisallow: /", kind="text/plain")
        there = other.put("/p", "p")
        site.spoil("/p", moved(there))
        with pytest.raises(PermanentError, match=r"robots\.txt"):
            web_of().page(site.url + "/p")


def test_pages_in_the_encoding_they_name(site: Site) -> None:
    text = "<meta charset='{}'>baleine à bosse"
    site.put("/header", text.encode("latin-1"), kind="text/html; charset=iso-8859-1")
    site.put("/meta", text.format("cp1252").encode("cp1252"), kind="text/html")
    site.put("/none", "baleine à bosse".encode("cp1252"), kind="text/html")
    site.put("/wrong", "baleine à bosse".encode(), kind="text/html; charset=klingon")
    for path in ("/header", "/meta", "/none", "/wrong"):
        assert web_of().page(site.url + path).text.endswith("baleine à bosse"), path


def test_what_is_no_json_is_told(site: Site) -> None:
    url = site.put("/j", "<html>")
    with pytest.raises(PermanentError, match="not JSON"):
        web_of().json(url)


def test_a_connection_that_is_not_safe_is_not_made(site: Site) -> None:
    with pytest.raises(PermanentError, match="no secure connection"):
        web_of().page(site.url.replace("http:", "https:") + "/p")


def test_https_does_not_lead_to_http() -> None:
    session = Session(lambda: None)
    answer = SimpleNamespace(
        url="https://a.org/x", is_redirect=True, headers={"location": "http://a.org/x"}, status_code=302
    )
    with pytest.raises(PermanentError, match="not a secure connection"):
        session.get_redirect_target(answer)
    answer.headers["location"] = "https://b.org/x"
    assert session.get_redirect_target(answer) == "https://b.org/x"


def test_waits_double(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    web = web_of(tries=4, backoff_s=2)
    waits: list[float] = []
    monkeypatch.setattr(web, "pause", waits.append)
    site.spoil("/p", *[status(502)] * 4)
    with pytest.raises(TemporaryError):
        web.json(site.url + "/p")
    assert [wait for wait in waits if wait >= 1] == [2, 4, 8]


def test_waiting_ends_when_the_work_is_called_off() -> None:
    web = web_of()
    threading.Timer(0.1, web.stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        web.pause(30)
    assert time.monotonic() - begun < 20


def test_a_page_without_end_is_no_page(site: Site) -> None:
    url = site.put("/p", "x" * (PAGE_BYTES + 1))
    with pytest.raises(PermanentError, match="too long for a web page"):
        web_of().page(url)
