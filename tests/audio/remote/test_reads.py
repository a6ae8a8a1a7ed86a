"""Sound files at addresses give the samples of local files, and little more is fetched than is read."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from misbehaving import Site
from remote_sounds import KINDS, LARGE, RATE, fetched

pytest.importorskip("aiohttp", reason="needs finback[remote]")

from finback.audio import harp, io
from finback.audio.addresses import place
from finback.audio.remote import store
from finback.core.errors import AudioError


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


def test_names_are_asked_for_as_they_are_written(site: Site, folder: Path) -> None:
    body = (folder / "a.wav").read_bytes()
    site.put("/a%20b%2Bc.wav?X-Sig=a%2Fb%3D", body)
    site.put("/a%20b.wav", body)
    for name in ("a%20b%2Bc.wav?X-Sig=a%2Fb%3D", "a b.wav", "a%20b%2Bc.wav?X-Sig=a%2Fb%3D"):
        assert np.array_equal(io.read(f"{site.url}/{name}", 5, 99), io.read(folder / "a.wav", 5, 99))


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
    assert "pip install 'aiohttp>=" in done.stdout
