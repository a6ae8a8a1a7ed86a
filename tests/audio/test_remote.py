"""Sound files at addresses give the same samples as files of this computer, whatever the network does."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from misbehaving import Site, cut, drip, hang, moved, promise, refuse, status, web_page

pytest.importorskip("aiohttp", reason="needs finback[remote]")

from finback.audio import harp, io
from finback.audio.addresses import place
from finback.audio.remote import store, web
from finback.core.errors import AudioError

RATE = 24_000
KINDS = {
    "a.wav": ("WAV", "PCM_16", 2),
    "f.wav": ("WAV", "FLOAT", 1),
    "a.flac": ("FLAC", "PCM_16", 2),
    "b.flac": ("FLAC", "PCM_24", 1),
    "a.aiff": ("AIFF", "PCM_24", 1),
    "a.au": ("AU", "PCM_16", 1),
    "a.caf": ("CAF", "PCM_16", 1),
    "a.w64": ("W64", "PCM_16", 1),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 1),
    "a.ogg": ("OGG", "VORBIS", 1),
    "a.opus": ("OGG", "OPUS", 1),
}
LARGE = [name for name in KINDS if name.split(".")[1] not in ("mp3", "ogg", "opus")]
SECONDS = 40  # more than 1 MiB, so that files are read by ranges


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    noise = np.random.default_rng(1).standard_normal((SECONDS * RATE, 2)).astype(np.float32)
    noise = (0.1 * noise).clip(-1, 1)
    for name, (kind, subtype, channels) in KINDS.items():
        soundfile.write(folder / name, noise[:, :channels], RATE, subtype, format=kind)
    return folder


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept from another test, and waits are short."""
    store._store.cache_clear()
    monkeypatch.setattr(store, "FRESH_S", 0.0)
    monkeypatch.setattr(store, "WAITS_S", (0.0, 0.01, 0.01))
    monkeypatch.setattr(web, "READ_S", 0.5)


def fetched(site: Site, path: str) -> int:
    """Bytes that were asked for."""
    size, total = len(site.resources[path].body), 0
    for asked in site.asked(path):
        first, _, last = asked["range"].removeprefix("bytes=").partition("-")
        total += min(int(last) + 1, size) - int(first)
    return total


@pytest.mark.parametrize("name", KINDS)
def test_reads_equal_local_reads(site: Site, folder: Path, name: str) -> None:
    path = folder / name
    address = site.put(f"/site/{name}", path.read_bytes())
    here, there = io.probe(path), io.probe(address)
    facts = ("sample_rate", "n_samples", "n_channels", "format", "subtype", "remarks")
    assert [getattr(there, f) for f in facts] == [getattr(here, f) for f in facts]
    n = here.n_samples
    for start, stop in ((0, 1), (n - 5000, n), (n // 2, n // 2 + RATE), (1000, 3000)):
        assert np.array_equal(io.read_channels(address, start, stop), io.read_channels(path, start, stop))
    both = zip(io.blocks(address, 70_000, 500, n), io.blocks(path, 70_000, 500, n), strict=True)
    assert all(np.array_equal(one, two) for one, two in both)


@pytest.mark.parametrize("name", LARGE)
def test_a_short_span_costs_little(site: Site, folder: Path, name: str) -> None:
    path = f"/{name}"
    address = site.put(path, (folder / name).read_bytes())
    size = len(site.resources[path].body)
    io.probe(address)
    assert fetched(site, path) <= max(size // 5, 6 * store.BLOCK)
    io.read(address, 20 * RATE, 21 * RATE)
    assert fetched(site, path) <= max(size // 2, 20 * store.BLOCK)
    assert len(site.asked(path)) <= 14


@pytest.mark.parametrize("name", KINDS)
def test_spans_in_order_fetch_each_byte_once(site: Site, folder: Path, name: str) -> None:
    path = f"/{name}"
    address = site.put(path, (folder / name).read_bytes())
    n = io.probe(address).n_samples
    for start in range(0, n, 8 * RATE):
        for _ in io.blocks(address, 5000, start, min(start + 8 * RATE, n)):
            pass
    assert fetched(site, path) <= 1.15 * len(site.resources[path].body)
    assert store._store(place(address), os.getpid())._blocks.keys() <= set(range(10_000))


def test_memory_is_bounded(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT", 4)
    address = site.put("/a.wav", (folder / "a.wav").read_bytes())
    for _ in io.blocks(address, 5000):
        pass
    kept = store._store(place(address), os.getpid())._blocks
    assert 1 <= len(kept) <= 4
    assert np.array_equal(io.read(address, 0, 9000), io.read(folder / "a.wav", 0, 9000))


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


def test_names_are_asked_for_as_they_are_written(site: Site, folder: Path) -> None:
    body = (folder / "a.wav").read_bytes()
    site.put("/a%20b%2Bc.wav?X-Sig=a%2Fb%3D", body)
    site.put("/a%20b.wav", body)
    for name in ("a%20b%2Bc.wav?X-Sig=a%2Fb%3D", "a b.wav", "a%20b%2Bc.wav?X-Sig=a%2Fb%3D"):
        assert np.array_equal(io.read(f"{site.url}/{name}", 5, 99), io.read(folder / "a.wav", 5, 99))


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


def test_one_look_at_a_file_asks_once_for_its_state(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FRESH_S", 60.0)
    address = site.put("/a.wav", (folder / "a.wav").read_bytes()[:500_000])
    for _ in range(3):
        io.read(address, 0, 9)
    assert len(site.asked("/a.wav")) == 1  # the state came with the first block


def test_empty_and_tiny_files_are_refused(site: Site) -> None:
    with pytest.raises(AudioError, match="empty, 0 bytes"):
        io.probe(site.put("/a.wav", b""))
    with pytest.raises(AudioError, match="not a sound file"):
        io.probe(site.put("/b.wav", b"RIFF"))


def test_damaged_flacs_are_surveyed_as_local_ones(site: Site, folder: Path) -> None:
    body = (folder / "a.flac").read_bytes()
    damaged = {
        "cut.flac": body[: 2 * len(body) // 3],
        "joined.flac": body + body,
        "unknown.flac": body[:21] + bytes([body[21] & 0xF0, 0, 0, 0, 0]) + body[26:],
    }
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
        here, there = io.probe(folder / name), io.probe(site.put(f"/{name}", content))
        assert (there.n_samples, there.remarks) == (here.n_samples, here.remarks)
        n = here.n_samples
        assert np.array_equal(io.read(there.path, n - 50_000), io.read(folder / name, n - 50_000))


def test_harp_schedules_and_start_times(site: Site, folder: Path) -> None:
    x = np.zeros(4000, np.int16).tobytes()
    entries = [(20, 1, 2, 3, 4, 5, 0), (20, 1, 2, 4, 4, 5, 0)]
    head = bytes([1]) + bytes(35) + struct.pack("<H", 2) + bytes(18)
    start = 12 + 24 + 8 + 56 + 2 * 32 + 8
    for i, when in enumerate(entries):
        head += struct.pack("<6BH4IB7x", *when, start + i * 4000, 4000, 8, 2000, 1)
    fmt = struct.pack("<HHIIHH", 1, 1, 2000, 4000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + fmt + b"harp" + struct.pack("<I", len(head)) + head
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", len(x)) + x
    body = b"RIFF" + struct.pack("<I", len(body)) + body
    (folder / "a_200102_030405.x.wav").write_bytes(body)
    address = site.put("/a_200102_030405.x.wav", body)
    assert harp.schedule(address) == harp.schedule(folder / "a_200102_030405.x.wav")
    assert len(harp.schedule(address)) == 2
    here, there = (io.start_of(io.probe(p)) for p in (folder / "a_200102_030405.x.wav", address))
    assert here == there
    assert here[0].source == "HARP chunk"


def test_the_time_in_a_name_is_read_without_the_query(site: Site, folder: Path) -> None:
    path = "/20200102_030405.wav?X-Date=20990101T000000Z"
    address = site.put(path, (folder / "a.wav").read_bytes())
    found, _ = io.start_of(io.probe(address))
    assert found.utc is not None
    assert found.utc.isoformat() == "2020-01-02T03:04:05+00:00"


def test_nothing_of_fsspec_is_imported_for_paths(folder: Path) -> None:
    script = (
        f"import sys; from finback.audio import io; io.read({str(folder / 'a.wav')!r}, 0, 9)\n"
        "print([m for m in ('fsspec', 'aiohttp', 's3fs', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("address", ["s3://bucket/a.wav", "gs://bucket/a.wav", "https://host/a.wav"])
def test_a_missing_extra_is_named(address: str) -> None:
    script = (
        "import sys, importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('fsspec',) else found(name, *a)\n"
        "from finback.audio import io\nfrom finback.core.errors import FinbackError\n"
        f"try: io.probe({address!r})\nexcept FinbackError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert "pip install 'finback[remote]'" in done.stdout
