"""A site that attacks: each answer is bounded in time and bytes, is named, and does not end the others."""

from __future__ import annotations

import csv
import gzip
import time
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from fetched import peak_mb
from hostile import BOUNDED_S, DATA, MIB, own, run, web_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import Fault, Site, moved, raw, response, wav

from finback.core.errors import FinbackError
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.download import WantedFile, download
from finback.datasets.fetch.errors import PermanentError, TemporaryError, TooLargeError
from finback.datasets.fetch.web import RequestLimits

WAV = {"Content-Type": "audio/x-wav"}


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


def test_the_memory_of_a_bomb(site: Site, here: Path) -> None:
    bomb = gzip.compress(MIB * 120, compresslevel=9)
    site.spoil("/a.wav", raw(response({**WAV, "Content-Encoding": "gzip"}) + bomb))

    def work() -> None:
        with pytest.raises(FinbackError):
            download(WantedFile(site.url + "/a.wav", here), web_of(Bounds(max_file_gb=1)))

    assert peak_mb(work) < 20
