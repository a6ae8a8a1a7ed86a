"""Sound files at addresses when the network, the server or the file changes during a read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from misbehaving import Site, cut, drip, hang, moved, promise, refuse, status, web_page
from remote_sounds import RATE, SECONDS

pytest.importorskip("aiohttp", reason="needs finback[remote]")

from finback.audio import io
from finback.audio.remote import store, web
from finback.core.errors import AudioError


@pytest.mark.parametrize(
    "fault",
    [cut(1000), cut(0), refuse, status(500), status(503, Retry_After="0"), status(429), hang(0.8)],
    ids=["cut", "cut at once", "refused", "500", "503", "429", "silent"],
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_faults_in_the_middle_are_repaired(site: Site, folder: Path, name: str, fault: object) -> None:
    address = site.put(f"/{name}", (folder / name).read_bytes())
    n = io.probe(address).n_samples
    store._store.cache_clear()
    site.spoil(f"/{name}", fault)  # type: ignore[arg-type]
    io.probe(address)
    site.spoil(f"/{name}", fault, fault)  # type: ignore[arg-type]
    assert np.array_equal(
        io.read(address, n // 3, n // 3 + 30_000), io.read(folder / name, n // 3, n // 3 + 30_000)
    )


def test_a_line_that_is_always_cut_makes_progress(site: Site, folder: Path) -> None:
    address = site.put("/a.wav", (folder / "a.wav").read_bytes())
    io.probe(address)
    site.spoil("/a.wav", *[cut(30_000)] * 100)
    assert np.array_equal(io.read(address, 0, 200_000), io.read(folder / "a.wav", 0, 200_000))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_after_the_last_try_the_error_is_clear(site: Site, folder: Path, name: str) -> None:
    address = site.put(f"/{name}", (folder / name).read_bytes()) + "?sig=5ecret"
    site.resources[f"/{name}?sig=5ecret"] = site.resources[f"/{name}"]
    io.probe(address)
    site.spoil(f"/{name}?sig=5ecret", *[status(200)] * 0, *[status(500)] * 1000)
    with pytest.raises(AudioError, match=r"HTTP 500; 4 tries") as failed:
        io.read(address, 20 * RATE, 21 * RATE)
    assert "5ecret" not in str(failed.value)
    assert "damaged" not in str(failed.value)


def test_a_long_wait_is_not_waited_for(site: Site, folder: Path) -> None:
    address = site.put("/a.wav", (folder / "a.wav").read_bytes())
    site.spoil("/a.wav", status(429, Retry_After="3600"))
    with pytest.raises(AudioError, match="asks to wait 3600 s"):
        io.probe(address)


def test_a_file_that_changes_while_it_is_read_is_an_error(site: Site, folder: Path) -> None:
    body = (folder / "a.wav").read_bytes()
    address = site.put("/a.wav", body)
    blocks = io.blocks(address, 5000)
    next(blocks)
    other = body[:44] + body[:43:-1]
    site.put("/a.wav", other)
    with pytest.raises(AudioError, match="changed while it was read"):
        for _ in blocks:
            pass
    (folder / "other.wav").write_bytes(other)
    assert np.array_equal(io.read(address, 5, 900_000), io.read(folder / "other.wav", 5, 900_000))


def test_a_file_that_vanishes_while_it_is_read_is_an_error(site: Site, folder: Path) -> None:
    address = site.put("/a.wav", (folder / "a.wav").read_bytes())
    blocks = io.blocks(address, 5000)
    next(blocks)
    del site.resources["/a.wav"]
    with pytest.raises(AudioError, match="changed while it was read"):
        for _ in blocks:
            pass
    with pytest.raises(AudioError, match="no such file"):
        io.probe(address)


def test_a_file_that_grew_is_read_anew(site: Site, folder: Path) -> None:
    body = (folder / "a.wav").read_bytes()
    address = site.put("/a.wav", body[: len(body) // 2])
    half = io.probe(address)
    assert half.repaired
    site.put("/a.wav", body)
    assert io.probe(address).n_samples == SECONDS * RATE > half.n_samples


def test_small_files_of_servers_without_ranges_are_fetched_whole(site: Site, folder: Path) -> None:
    for name in ("a.wav", "a.flac", "a.ogg"):
        address = site.put(f"/{name}", (folder / name).read_bytes(), ranges=False)
        for _ in range(3):
            assert np.array_equal(io.read(address, 9000, 99_000), io.read(folder / name, 9000, 99_000))
        assert len(site.asked(f"/{name}")) == 3


def test_large_files_of_servers_without_ranges_are_refused(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "SMALL", 1_000_000)
    address = site.put("/a.wav", (folder / "a.wav").read_bytes(), ranges=False)
    with pytest.raises(AudioError, match=r"no range requests.*copy the file"):
        io.probe(address)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(404), "no such file"),
        (status(403), r"no permission to read it \(HTTP 403\)"),
        (status(401), "no permission"),
        (status(418), "HTTP 418"),
        (web_page(), "a web page, not a sound file"),
        (moved("ftp://else/a.wav"), "failed|address"),
    ],
)
def test_answers_that_stay_are_said_at_once(site: Site, fault: object, words: str) -> None:
    address = site.put("/a.wav", b"RIFF")
    site.spoil("/a.wav", *[fault] * 9)  # type: ignore[list-item]
    with pytest.raises(AudioError, match=words) as failed:
        io.probe(address)
    assert str(failed.value).startswith(address)


def test_redirects_are_followed(site: Site, folder: Path) -> None:
    address = site.put("/a.wav", (folder / "a.wav").read_bytes())
    for code in (301, 302, 303, 307, 308):
        site.spoil(f"/old{code}.wav", *[moved(address, code)] * 50)
        assert io.probe(f"{site.url}/old{code}.wav").n_samples == SECONDS * RATE


def test_wrong_lengths_and_slow_bodies(site: Site, folder: Path) -> None:
    body = (folder / "a.ogg").read_bytes()
    for i, fault in enumerate((promise(len(body) + 1000), drip(len(body) // 4, 0.01))):
        address = site.put(f"/{i}.ogg", body, ranges=False)
        site.spoil(f"/{i}.ogg", fault)
        assert io.probe(address).n_samples == io.probe(folder / "a.ogg").n_samples


def test_a_missing_server_is_named_without_a_secret() -> None:
    with pytest.raises(AudioError, match=r"127\.0\.0\.1:1/a\.wav: no connection.*4 tries") as failed:
        io.probe("http://127.0.0.1:1/a.wav?sig=5ecret")
    assert "5ecret" not in str(failed.value)
