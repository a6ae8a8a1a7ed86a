"""A site that attacks: each answer is bounded in time and bytes, is named, and does not end the others."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import Fault, Site, moved, raw, response, wav

from finback.core.errors import FinbackError
from finback.core.settings import build
from finback.datasets.fetch.addresses import Reach
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.download import WantedFile, download
from finback.datasets.fetch.errors import PermanentError, TemporaryError, TooLargeError
from finback.datasets.fetch.listing import SpeciesFilter, offers
from finback.datasets.fetch.responses import page_text, retry_after_s
from finback.datasets.fetch.robots import Robots
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source
from finback.datasets.fetch.web import RequestLimits, Web

DATA = wav(n=40_000)
SMALL = Bounds(max_file_gb=0.001)  # 1 MB
MIB = b"\0" * (1 << 20)
BOUNDED_S = 30  # a busy machine needs several seconds; what is not bounded takes minutes
WAV = {"Content-Type": "audio/x-wav"}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "audio" / "a.wav"


def web_of(bounds: Bounds = SMALL, **limits: float) -> Web:
    quick = {"rate": 1000, "tries": 2, "backoff_s": 0.01, "timeout_s": 1, "window_s": 0.4, "page_s": 1.5}
    given = {**quick, **limits}
    return Web(RequestLimits(**given), lambda text: None, threading.Event(), bounds)  # type: ignore[arg-type]


def own(site: Site, files: dict[str, str]) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "Take it."}
    listed = [{"url": site.url + path, "species": species} for path, species in files.items()]
    return build(Source, {**facts, "listing": {"kind": "files", "files": listed}})


def run(source: Source, out: Path, **more: Any) -> Report:
    quick = {"rate": 1000, "backoff_s": 0.01, "tries": 2, "timeout_s": 1}
    return fetch(build(Request, {"source": source, "out": out, **quick, **more}))


TRICKLE = raw(response({}), b"x", pause_s=0.1, times=100)
# Each answer, and the words of the error that names it.
ANSWERS: dict[str, tuple[Fault, str | None]] = {
    "no length, no end": (raw(response(WAV), MIB, times=64), "--max-file-gb"),
    "a length over the limit": (raw(response({**WAV, "Content-Length": "2000000"})), "--max-file-gb"),
    "a length of 400 digits": (raw(response({**WAV, "Content-Length": "9" * 400})), "states the length"),
    "a length of 5000 digits": (raw(response({**WAV, "Content-Length": "9" * 5000})), "states the length"),
    "a negative length": (raw(response({**WAV, "Content-Length": "-5"}), DATA), "states the length"),
    "a length that is no number": (
        raw(response({**WAV, "Content-Length": "5_0"}), DATA),
        "states the length",
    ),
    "a length in other digits": (raw(response({**WAV, "Content-Length": "\xb2\xb3"}), DATA), "length"),
    "chunks without end": (
        raw(response({**WAV, "Transfer-Encoding": "chunked"}), b"100000\r\n" + MIB + b"\r\n", times=64),
        "--max-file-gb",
    ),
    "a chunk of an absurd size": (
        raw(response({**WAV, "Transfer-Encoding": "chunked"}), b"f" * 5000 + b"\r\n", MIB, MIB),
        None,
    ),
    "a chunk of a negative size": (
        raw(response({**WAV, "Transfer-Encoding": "chunked"}), b"-5\r\nabc\r\n", times=3),
        None,
    ),
    "lines behind the last chunk, without end": (
        raw(
            response({**WAV, "Transfer-Encoding": "chunked"}) + b"3\r\nabc\r\n0\r\n",
            b"x: y\r\n",
            pause_s=0.01,
            times=1000,
        ),
        "bytes per second",
    ),
    "a byte now and then": (raw(response(WAV), b"x", pause_s=0.1, times=100), "bytes per second"),
    "a header now and then": (raw(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", pause_s=0.2, times=60), "no answer"),
    "a letter now and then": (
        raw(b"HTTP/1.1 200 OK\r\n", b"x", pause_s=0.2, times=60),
        "no answer",
    ),
    "go on, go on": (raw(b"", b"HTTP/1.1 100 Continue\r\n\r\n", times=400_000), "no answer"),
    "headers without end": (raw(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", times=100_000), None),
    "a header line without end": (raw(b"HTTP/1.1 200 OK\r\nx: ", MIB, times=16), None),
    "no HTTP": (raw(b"\x00\xff" * 1000), None),
    "gzip that was not asked for": (
        raw(response({**WAV, "Content-Encoding": "gzip"}) + gzip.compress(MIB * 16)),
        "--max-file-gb",
    ),
    "br that was not asked for": (raw(response({**WAV, "Content-Encoding": "br"}), DATA), "not asked for"),
    "packed ten times": (
        raw(response({**WAV, "Content-Encoding": ", ".join(["gzip"] * 10)}), DATA),
        "not asked for",
    ),
    "gzip that is no gzip": (raw(response({**WAV, "Content-Encoding": "gzip"}), DATA), "cannot be unpacked"),
    "a part that was not asked for": (
        raw(response({**WAV, "Content-Range": "bytes 0-9/80044"}, "206 Partial Content"), DATA[:10]),
        "no part was asked for",
    ),
    "nothing behind a part that was not asked for": (
        raw(response({"Content-Range": "bytes */0"}, "416 Range Not Satisfiable")),
        "no part was asked for",
    ),
    "a wait of a century": (
        raw(response({"Retry-After": "9" * 400, "Content-Length": "0"}, "503 Busy")),
        "asks to wait",
    ),
    "a reason for the terminal": (raw(response({"Content-Length": "0"}, "418 \x1b[2Jtea")), r"\\x1b\[2Jtea"),
    "to a file": (moved("file:///etc/passwd"), "not a valid address"),
    "to another protocol": (moved("ftp://127.0.0.1/a.wav"), "not a valid address"),
    "to nowhere": (moved("http://[/"), "not a valid address"),
    "to a password": (moved("http://user:secret@127.0.0.1/a.wav"), "a user name or a password"),
    "to 50,000 dots": (moved("http://" + "a." * 25_000 + "org/a.wav"), "characters, at most"),
    "to bytes": (
        raw(b"HTTP/1.1 302 Found\r\nLocation: http://h/\xff\xfe\r\nContent-Length: 0\r\n\r\n"),
        None,
    ),
    "to other letters": (moved("http://%E2%84%80.org/a.wav"), "not a valid address"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_one_answer_is_bounded_and_named(site: Site, here: Path, name: str) -> None:
    fault, words = ANSWERS[name]
    site.put("/a.wav", DATA)
    site.spoil("/a.wav", *[fault] * 4)
    begun = time.monotonic()
    with pytest.raises((TemporaryError, PermanentError), match=words) as caught:
        download(WantedFile(site.url + "/a.wav", here), web_of())
    assert time.monotonic() - begun < BOUNDED_S
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    assert not here.exists()


def test_redirects_without_end_are_not_read(site: Site, here: Path) -> None:
    """Each redirect has a body without end, which a client that reads it never leaves."""
    endless = raw(response({"Location": "/a.wav"}, "302 Found"), MIB, times=2000)
    site.spoil("/a.wav", *[endless] * 40)
    with pytest.raises(PermanentError, match="circle, or more than 10 times"):
        download(WantedFile(site.url + "/a.wav", here), web_of())
    assert len(site.asked("/a.wav")) == 11


def test_a_body_that_unpacks_to_far_more_is_stopped(site: Site, here: Path) -> None:
    bomb = gzip.compress(MIB * 150)  # 0.15 MB
    site.spoil("/a.wav", raw(response({**WAV, "Content-Encoding": "gzip"}) + bomb))
    with pytest.raises(TooLargeError, match=r"as no recording does.*--max-ratio"):
        download(WantedFile(site.url + "/a.wav", here), web_of(Bounds(max_file_gb=1)))
    assert not list(here.parent.iterdir())


@pytest.mark.parametrize("kind", ["gzip", "x-gzip", "deflate"])
def test_a_file_that_is_packed_honestly_is_unpacked(site: Site, here: Path, kind: str) -> None:
    packed = zlib.compress(DATA) if kind == "deflate" else gzip.compress(DATA)
    site.put("/a.wav", packed, headers={"Content-Encoding": kind})
    download(WantedFile(site.url + "/a.wav", here), web_of())
    assert here.read_bytes() == DATA


def test_a_server_that_gives_a_byte_each_time_is_given_up(site: Site, here: Path) -> None:
    """Each try brings something, so counting tries alone never ends."""
    site.put("/a.wav", DATA)
    for i in range(400):
        head = {**WAV, "ETag": '"x"', "Content-Length": "80044", "Content-Range": f"bytes {i}-80043/80044"}
        status = "206 Partial Content" if i else "200 OK"
        site.spoil("/a.wav", raw(response(head, status) + DATA[i : i + 1]))
    with pytest.raises(TemporaryError):
        download(WantedFile(site.url + "/a.wav", here), web_of(rate=100))
    assert len(site.asked("/a.wav")) < 10


def test_a_server_that_gives_parts_of_the_part(site: Site, here: Path) -> None:
    """Some servers send at most so many bytes; the rest is asked for again, and never left out."""
    etag = '"x"'
    site.put("/a.wav", DATA, etag=etag)
    for start in (0, 20_000, 40_000, 60_000):
        piece = DATA[start : start + 20_000]
        head = {**WAV, "ETag": etag, "Content-Length": str(len(piece))}
        head["Content-Range"] = f"bytes {start}-{start + len(piece) - 1}/{len(DATA)}"
        cut = raw(response({**head, "Content-Length": str(len(DATA))}) + piece)
        site.spoil("/a.wav", raw(response(head, "206 Partial Content") + piece) if start else cut)
    download(WantedFile(site.url + "/a.wav", here), web_of())
    assert here.read_bytes() == DATA


def test_a_time_for_one_file(site: Site, here: Path) -> None:
    site.put("/a.wav", DATA)
    site.spoil(
        "/a.wav", raw(response({**WAV, "Content-Length": "80044"}), DATA[:2000], pause_s=0.1, times=40)
    )
    bounds = Bounds(max_hours=1 / 3600)
    with pytest.raises(PermanentError, match=r"more than 1 s; .*--max-hours"):
        download(WantedFile(site.url + "/a.wav", here), web_of(bounds, window_s=60))
    assert 5000 < here.with_name("a.wav.part").stat().st_size < 40_000


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


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_for_an_answer_are_an_error_or_a_file(site: Site, tmp_path: Path, answer: bytes) -> None:
    for head in (b"", b"HTTP/1.1 200 OK\r\n", response({"Transfer-Encoding": "chunked"})):
        site.faults["/a.bin"] = [raw(head + answer)] * 2
        with suppress(TemporaryError, PermanentError):
            download(WantedFile(site.url + "/a.bin", tmp_path / "a.bin"), web_of(timeout_s=0.5))


def test_one_bad_file_does_not_end_the_others(site: Site, tmp_path: Path) -> None:
    """Every answer above in one list, with good files between them."""
    files: dict[str, str] = {}
    for i, (fault, words) in enumerate(ANSWERS.values()):
        if words == "asks to wait" or i % 3:
            continue
        site.put(f"/bad{i}.wav", DATA)
        site.spoil(f"/bad{i}.wav", *[fault] * 2)
        site.put(f"/good{i}.wav", wav(i))
        files |= {f"/bad{i}.wav": "Walrus", f"/good{i}.wav": "Walrus"}
    source = own(site, files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestLimits, "window_s", 0.4)
        report = run(source, tmp_path, bounds={"max_file_gb": 0.001}, jobs=1)
    good = sorted(path[1:] for path in files if "good" in path)
    assert sorted(p.name for p in (tmp_path / "audio").glob("*.wav")) == good
    assert len(report.failed) == len(files) - len(good)
    with open(tmp_path / "failed.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["why"]) for row in rows] == report.failed
    site.faults.clear()
    again = run(source, tmp_path)
    assert (again.new, again.had, again.failed) == (len(files) - len(good), len(good), [])
    assert (tmp_path / "failed.csv").read_text() == "file,why\n"


def test_what_a_page_may_list(site: Site) -> None:
    page = "".join(f'<a href="/s/{i}.wav">{i}</a>' for i in range(2000))
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "l", "terms": "t"}
    listing = {"kind": "pages", "start": site.put("/list.html", page), "files": "wav$"}
    source = build(Source, {**facts, "listing": listing})
    assert len(offers(source, web_of(page_s=30), SpeciesFilter())) == 2000
    with pytest.raises(PermanentError, match="--max-files"):
        offers(source, web_of(Bounds(max_files=1999), page_s=30), SpeciesFilter())
    listing |= {"pages": "wav$"}
    with pytest.raises(PermanentError, match="--max-files"):
        offers(build(Source, {**facts, "listing": listing}), web_of(Bounds(max_files=1999)), SpeciesFilter())


def zenodo(site: Site, record: object, **labels: object) -> tuple[list[str], list[str]]:
    """The files of a record, and the errors."""
    body = record if isinstance(record, str) else json.dumps(record)
    site.put("/api/records/12", body, kind="application/json")
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "l", "terms": "t"}
    listing = {"kind": "zenodo", "record": 12, "files": ".", "site": site.url}
    source = build(Source, {**facts, "listing": listing, "labels": labels})
    faults: list[str] = []
    found = offers(
        source, web_of(), SpeciesFilter(), fault=lambda name, error: faults.append(f"{name}: {error}")
    )
    return [offer.file for offer in found], faults


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"files": ' + "9" * 5000 + "}", "\xff", "NaN", '"x"', "", "{}"]
)
def test_what_is_no_list_of_files(site: Site, body: str) -> None:
    with pytest.raises(PermanentError, match=r"not JSON|not a list"):
        zenodo(site, body)


def test_one_bad_entry_of_a_record_does_not_end_the_others(site: Site) -> None:
    def entry(key: Any, url: Any = None, size: Any = 3, **more: Any) -> dict[str, Any]:
        return {"key": key, "size": size, "links": {"self": url or f"{site.url}/{key}"}, **more}

    good = entry("good.wav")
    bad = [
        entry("a.wav", "file:///etc/passwd"),
        entry("b.wav", "http://u:p@h/b.wav"),
        entry("c.wav", "http://h/" + "c" * 5000),
        entry("d.wav", size=-1),
        entry("e.wav", size=1e300),
        entry("f.wav", size=10**30),
        entry("g.wav", checksum="md5:nonsense"),
        entry("h.wav", f"{site.url}/\ud800"),
        entry({"x": []}),
        entry("GOOD.WAV"),
        "words",
        None,
        {"key": "i.wav"},
    ]
    found, faults = zenodo(site, {"files": [good, *bad]})
    assert found == ["good.wav"]
    assert len(faults) == len(bad)
    assert all(fault.isprintable() for fault in faults)


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "key": JUNK,
        "size": JUNK,
        "checksum": JUNK,
        "links": JUNK | st.fixed_dictionaries({"self": JUNK}),
    },
)


@given(JUNK | st.fixed_dictionaries({"files": JUNK | st.lists(ENTRY | JUNK, max_size=4)}))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_record_breaks_it(site: Site, record: object) -> None:
    with suppress(PermanentError):
        zenodo(site, record, species="(?P<species>[a-z]+)?", folders=True)


def test_no_password_and_no_cookie_is_sent(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Site() as other:
        there = other.put("/b.wav", DATA)
        head = {"Location": there, "Set-Cookie": "a=b; Path=/", "Content-Length": "0"}
        site.spoil("/a.wav", raw(response(head, "302 Found")), raw(response(head, "302 Found")))
        web = web_of()
        for name in ("a.wav", "c.wav"):
            download(WantedFile(site.url + "/a.wav", tmp_path / name), web)
        asked = [*site.asked("/a.wav"), *other.asked("/b.wav")]
    assert len(asked) == 4
    assert not [
        name for headers in asked for name in headers if name in ("authorization", "cookie", "referer")
    ]


def test_a_public_source_does_not_lead_to_this_machine(site: Site, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    reach = Reach(["e.org"])
    web = Web(RequestLimits(rate=1000, tries=1), lambda text: None, threading.Event(), reach=reach)
    for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433")):
        with pytest.raises(PermanentError, match="address of this machine or of the local network"):
            download(WantedFile(address, here), web)
    assert not site.log


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # what cloud machines tell their passwords at
        ("0.0.0.0", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("words", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert Reach([]).allows("a.org", address) is public


def test_a_source_in_the_local_network_may_lead_to_others_there() -> None:
    reach = Reach(["nas.lab"])
    assert not reach.allows("other.lab", "10.0.0.2")
    assert reach.allows("nas.lab", "10.0.0.1")
    assert reach.allows("other.lab", "10.0.0.2")


def test_the_address_of_a_redirect_is_not_kept(site: Site, tmp_path: Path) -> None:
    """It can be signed: whoever has it can read the file, and more."""
    site.put("/there.wav?X-Signature=secret", DATA)
    site.spoil("/a.wav", moved("/there.wav?X-Signature=secret"))
    run(own(site, {"/a.wav": "Walrus"}), tmp_path)
    assert f"{site.url}/a.wav" in (tmp_path / "fetched.csv").read_text()
    assert "secret" not in (tmp_path / "fetched.csv").read_text()


def test_another_file_of_the_same_name_is_not_taken_for_it(site: Site, tmp_path: Path) -> None:
    """Over all runs into one folder: the second source says another species for another file."""
    site.put("/x/a.wav", wav(1))
    site.put("/y/a.wav", wav(2))
    run(own(site, {"/x/a.wav": "Walrus"}), tmp_path)
    report = run(own(site, {"/y/a.wav": "Orca"}), tmp_path)
    assert (report.had, report.new) == (0, 0)
    assert "has a file of this name from" in report.failed[0][1]
    assert (tmp_path / "audio/a.wav").read_bytes() == wav(1)


def _peak(work: Callable[[], object]) -> float:
    """The most memory that Python had during the work, in MB."""
    import tracemalloc

    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_bomb(site: Site, here: Path) -> None:
    bomb = gzip.compress(MIB * 120, compresslevel=9)
    site.spoil("/a.wav", raw(response({**WAV, "Content-Encoding": "gzip"}) + bomb))

    def work() -> None:
        with pytest.raises(FinbackError):
            download(WantedFile(site.url + "/a.wav", here), web_of(Bounds(max_file_gb=1)))

    assert _peak(work) < 20


def test_the_memory_of_a_list_of_nothing(site: Site) -> None:
    """Each empty list of JSON has two bytes, and fifty in memory."""
    body = '{"files": [' + "[]," * 1_300_000 + "[]]}"

    def work() -> None:
        with pytest.raises(PermanentError, match="--max-files"):
            zenodo(site, body)
        with pytest.raises(PermanentError, match="too long"):
            zenodo(site, body + " " * 1_000_000)

    assert _peak(work) < 200


def test_formulas_and_escapes_in_a_listing(site: Site, tmp_path: Path) -> None:
    """What a spreadsheet runs is text in the tables, what a terminal obeys is no name."""
    page = '<a href="/=cmd.wav">x</a><a href="/a.wav">\x1b[2J</a>'
    site.put("/=cmd.wav", wav(1))
    site.put("/a.wav", wav(2))
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "=l", "terms": "t"}
    listing = {"kind": "pages", "start": site.put("/list.html", page), "files": "wav$"}
    source = build(Source, {**facts, "listing": listing, "labels": {"species": "link"}})
    report = run(source, tmp_path)
    assert report.new == 1
    assert "is no name" in report.failed[0][1]
    for name in ("labels.csv", "fetched.csv"):
        rows = list(csv.reader(io.StringIO((tmp_path / name).read_text())))
        assert not [value for row in rows[1:] for value in row if value.startswith(("=", "+", "-", "@"))], (
            name
        )
    assert run(source, tmp_path).had == 1
    assert (tmp_path / "labels.csv").read_text().count("cmd.wav") == 1
