"""Zip archives that unpack to far more than they are: bounded in bytes, files and memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving import Site, wav
from zips import listed, run, total, unpacked, write

from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.errors import PermanentError, TooLargeError

ZEROS = b"\0" * (1 << 20)


def test_a_bomb_of_one_member(tmp_path: Path) -> None:
    """The list is honest: 200 MB of zeros from almost nothing. The list may also lie, see below."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.wav", "w") as out:
        for _ in range(200):
            out.write(ZEROS)
    assert path.stat().st_size < 300_000
    with pytest.raises(TooLargeError, match=r"unpack to 210 MB or more, as no recording does.*--max-ratio"):
        listed(path)


def test_a_bomb_of_many_members(tmp_path: Path) -> None:
    """Each member is below the size from which a ratio counts; all together are not."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for i in range(6):
            with file.open(f"{i}.wav", "w") as out:
                for _ in range(40):
                    out.write(ZEROS)
    found, faults = listed(path)
    assert sum(offer.bytes or 0 for offer in found) <= max(100e6, 100 * path.stat().st_size)
    assert len(found) + len(faults) == 6
    assert faults
    assert all("--max-ratio" in fault for fault in faults)


def lie(path: Path, change: Callable[[bytearray, int], None]) -> None:
    """Change each entry of the list of the archive; the data stay as they are."""
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        change(data, at)
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [10, 50_000_000])
def test_a_list_that_lies_about_sizes(tmp_path: Path, size: int) -> None:
    """`size`: what the list says of 40 MB of zeros."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.wav", ZEROS * 40)
    lie(path, lambda data, at: data.__setitem__(slice(at + 24, at + 28), struct.pack("<I", size)))
    told = unpacked(path, tmp_path / "out")
    assert "damaged" in told["a.wav"]
    assert total(tmp_path / "out") == 0


def test_the_memory_of_a_bomb(tmp_path: Path) -> None:
    """300 kB are 300 MB; the list says that they are 1 kB, so no ratio is known before."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.wav", "w") as out:
        for _ in range(300):
            out.write(ZEROS)
    lie(path, lambda data, at: data.__setitem__(slice(at + 24, at + 28), struct.pack("<I", 1000)))
    tracemalloc.start()
    told = unpacked(path, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "damaged" in told["a.wav"]
    assert peak < 20e6


def test_methods_that_unpack_without_bounds_are_not_used(tmp_path: Path) -> None:
    """200 bytes of bzip2 are 300 MB, in one piece."""
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = write(tmp_path / "a.zip", {"a.wav": wav()}, method)
        with pytest.raises(PermanentError, match=f"packed by method {method}"):
            listed(path)


def test_members_that_share_their_data(tmp_path: Path) -> None:
    """A thousand entries of the list for the same bytes (https://www.bamsoftware.com/hacks/zipbomb)."""
    path = write(tmp_path / "one.zip", {"a.wav": ZEROS * 3})
    data = path.read_bytes()
    first = data.find(b"PK\x01\x02")
    entries = b"".join(
        data[first : first + 28] + b"\x09" + data[first + 29 : first + 46] + f"{i:05d}.wav".encode()
        for i in range(1000)
    )
    entries = entries.replace(
        b"\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00", b"\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    )
    tail = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1000, 1000, len(entries), first, 0)
    path.write_bytes(data[:first] + entries + tail)
    told = unpacked(path, tmp_path / "out")
    assert total(tmp_path / "out") <= 100e6
    assert len(told) <= 33


def test_a_zip_in_a_zip_stays_one(site: Site, tmp_path: Path) -> None:
    """Only files that the source names are unpacked, once."""
    inner = write(tmp_path / "inner.zip", {"b.wav": ZEROS}).read_bytes()
    data = write(tmp_path / "a.zip", {"a.wav": wav(), "inner.zip": inner}).read_bytes()
    assert run(site, tmp_path / "out", data).new == 1
    assert [p.name for p in (tmp_path / "out/audio").iterdir()] == ["a.wav"]


def test_a_list_of_millions_is_not_read(tmp_path: Path) -> None:
    entry = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0
    )
    entries = b"".join(entry + b"a.wav" for _ in range(200_000))
    path = tmp_path / "a.zip"
    path.write_bytes(
        entries + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entries), 0, 0)
    )
    with pytest.raises(PermanentError, match=r"its list of files has 10 MB.*--max-files"):
        listed(path, Bounds(max_files=1000))


def test_the_list_of_the_largest_bundled_archive_is_far_below_the_limits(tmp_path: Path) -> None:
    """1,697 members with long paths; the limits are for 100,000."""
    path = write(
        tmp_path / "a.zip", {f"{'Long species name ' * 5}{i}/{i:07d}A.wav": b"x" for i in range(1697)}
    )
    assert len(listed(path)[0]) == 1697
