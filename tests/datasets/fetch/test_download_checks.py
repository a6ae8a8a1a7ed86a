"""What a download must be to be kept: sound, of the length and with the checksum that are stated."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from misbehaving import Site, answer, promise, wav, web_page

from finback.datasets.fetch.download import WantedFile, download
from finback.datasets.fetch.errors import PermanentError, TemporaryError
from finback.datasets.fetch.web import Web

DATA = wav(n=40_000)  # 80 kB


def only(path: Path, data: bytes) -> None:
    """The file is there whole, and nothing else is."""
    assert path.read_bytes() == data
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["text/html", "audio/x-wav", "application/octet-stream"])
def test_a_web_page_is_not_taken_for_sound(site: Site, web: Web, here: Path, kind: str) -> None:
    site.spoil("/a.wav", web_page(kind))
    with pytest.raises(PermanentError, match="web page"):
        download(WantedFile(site.url + "/a.wav", here), web)
    assert not list(here.parent.glob("*"))


def test_a_page_of_words_alone_is_known_by_what_the_server_calls_it(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", b"We are down for maintenance", kind="text/html; charset=utf-8")
    with pytest.raises(PermanentError, match="web page"):
        download(WantedFile(url, here), web)


def test_what_does_not_open_as_sound_is_not_kept(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", b"not a sound at all" * 100)
    with pytest.raises(PermanentError, match="cannot be opened as sound"):
        download(WantedFile(url, here), web)
    assert not list(here.parent.glob("*"))


def test_a_length_that_promises_too_much(site: Site, web: Web, here: Path) -> None:
    """The server that then says "nothing beyond that" is believed."""
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", promise(len(DATA) + 500))
    download(WantedFile(url, here), web)
    only(here, DATA)
    site.put("/b.wav", DATA, etag="")
    site.spoil("/b.wav", *[promise(len(DATA) + 500)] * 9)
    with pytest.raises(TemporaryError):  # it never stops promising: nobody can tell whether the file is whole
        download(WantedFile(site.url + "/b.wav", here.with_name("b.wav")), web)
    assert not here.with_name("b.wav").exists()


def test_a_length_that_promises_too_little_is_told(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", promise(50_000))
    got = download(WantedFile(url, here), web)
    assert got.bytes == 50_000
    assert "a.wav" in got.note
    assert "length" in got.note


def test_a_right_checksum_is_taken(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    for kind in ("md5", "sha1", "sha256"):
        download(WantedFile(url, here, f"{kind}:{hashlib.new(kind, DATA).hexdigest()}"), web)
        only(here, DATA)


def test_a_wrong_checksum_is_refused(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    with pytest.raises(PermanentError, match=r"has md5 .* not 0000"):
        download(WantedFile(url, here, "md5:" + "0" * 32), web)
    assert not list(here.parent.glob("*"))
    assert len(site.asked("/a.wav")) == 2  # once more, since a line may spoil a byte


def test_a_checksum_that_was_wrong_by_accident_is_right_the_second_time(
    site: Site, web: Web, here: Path
) -> None:
    url = site.put("/a.wav", DATA)
    spoilt = DATA[:5000] + b"\0" + DATA[5001:]
    site.spoil("/a.wav", lambda handler, r: answer(handler, 200, spoilt, {"ETag": '"x"'}))
    download(WantedFile(url, here, "sha256:" + hashlib.sha256(DATA).hexdigest()), web)
    only(here, DATA)


def test_a_size_other_than_stated_is_refused_before_it_comes(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    with pytest.raises(PermanentError, match="bytes, not 12 as the source states"):
        download(WantedFile(url, here, bytes=12), web)
