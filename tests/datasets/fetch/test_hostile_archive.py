"""Zip archives that were made to harm: names, bombs, lies about sizes, and damage of every kind."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import Site, wav

from finback.core.settings import build
from finback.core.storage.paths import is_portable
from finback.datasets.fetch import archive
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.errors import FetchAborted, PermanentError, TooLargeError
from finback.datasets.fetch.listing import Offer, SpeciesFilter
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source

ZEROS = b"\0" * (1 << 20)


def own(url: str = "https://e.org/a.zip", **labels: object) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "t"}
    listing = {"kind": "zip", "url": url, "files": "(?i)wav$"}
    return build(Source, {**facts, "listing": listing, "labels": labels})


def listed(path: Path, bounds: Bounds | None = None, **labels: object) -> tuple[list[Offer], list[str]]:
    """The files of an archive, and the errors of the others."""
    faults: list[str] = []
    limits = bounds or Bounds()
    with archive.opened(path, limits) as file:
        found = archive.offers(
            own(**labels), file, SpeciesFilter(), limits, lambda name, error: faults.append(str(error))
        )
    return found, faults


def unpacked(path: Path, out: Path, bounds: Bounds | None = None) -> dict[str, str]:
    """Everything unpacked to a folder: the file names, each with its error or ""."""
    limits, told = bounds or Bounds(), {}
    with archive.opened(path, limits) as file:
        for offer in archive.offers(own(), file, SpeciesFilter(), limits):
            try:
                archive.unpack(file, offer, out / offer.file, limits)
                told[offer.file] = ""
            except PermanentError as error:
                told[offer.file] = str(error)
    return told


def write(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def total(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


NAMES = [
    "../evil.wav",
    "a/../../evil.wav",
    "/etc/evil.wav",
    "\\\\host\\evil.wav",
    "..\\evil.wav",
    "C:\\evil.wav",
    "C:evil.wav",
    "a/" * 25 + "deep.wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_is_one_bad_entry(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.zip", {name: wav(1), "good.wav": wav(2)})
    found, faults = listed(path)
    assert [offer.file for offer in found] == ["good.wav"]
    assert len(faults) == 1
    assert faults[0].isprintable()


@given(
    st.lists(
        st.text(st.sampled_from("ab./\\: \u0130\u202e\x1b\n|CONaux~'=\U0001f40b"), min_size=1, max_size=12)
        | st.text(min_size=1, max_size=300),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_name_stays_inside_and_is_valid_everywhere(tmp_path: Path, names: list[str]) -> None:
    """Whatever the members are called: below the folder, valid on every system, never one for two."""
    path = tmp_path / "a.zip"
    with suppress(UnicodeEncodeError), zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(zipfile.ZipInfo(name + ".wav"), b"x")
    for labels in ({}, {"species": "^(?P<species>[^/]*)", "folders": True}):
        found: list[Offer] = []
        with suppress(PermanentError):
            found, _ = listed(path, **labels)
        for offer in found:
            assert all(is_portable(part) for part in offer.file.split("/")), offer.file
        assert len({offer.file.casefold() for offer in found}) == len(found)


def test_a_link_or_a_device_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, kind in (
            ("link.wav", stat.S_IFLNK),
            ("device.wav", stat.S_IFCHR),
            ("pipe.wav", stat.S_IFIFO),
        ):
            member = zipfile.ZipInfo(name)
            member.create_system = 3
            member.external_attr = (kind | 0o777) << 16
            file.writestr(member, "/etc/passwd")
        file.writestr("good.wav", wav())
    found, faults = listed(path)
    assert [offer.file for offer in found] == ["good.wav"]
    assert len(faults) == 3
    assert all("a link or a device" in fault for fault in faults)


def test_a_link_in_the_folder_is_not_written_through(site: Site, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out/audio").mkdir(parents=True)
    (tmp_path / "out/audio/Walrus").symlink_to(tmp_path / "outside")
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "out/audio/a.wav.part").symlink_to(tmp_path / "victim")
    (tmp_path / "out/audio/b.wav").symlink_to(tmp_path / "victim")
    members = {"Walrus/c.wav": wav(1), "a.wav": wav(2), "b.wav": wav(3)}
    data = write(tmp_path / "a.zip", members).read_bytes()
    report = run(site, tmp_path / "out", data)
    assert [file for file, _ in report.failed] == ["Walrus/c.wav", "b.wav"]
    assert "leads out of the folder" in report.failed[0][1]
    assert (tmp_path / "victim").read_text() == "precious"
    assert not list((tmp_path / "outside").iterdir())
    assert (tmp_path / "out/audio/a.wav").read_bytes() == wav(2)


def run(site: Site, out: Path, data: bytes, **more: object) -> Report:
    source = own(site.put("/a.zip", data, kind="application/zip"))
    return fetch(build(Request, {"source": source, "out": out, "rate": 1000, "tries": 1, **more}))


def test_one_damaged_member_does_not_end_the_others(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {f"{i}.wav": wav(i) for i in range(6)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        at = {m.filename: m.header_offset for m in file.infolist()}
    data[at["1.wav"] + 500] ^= 1  # the content
    data[at["2.wav"]] ^= 1  # the mark of the member
    data[at["3.wav"] + 30] ^= 1  # its name
    report = run(site, tmp_path / "out", bytes(data))
    assert sorted(file for file, _ in report.failed) == ["1.wav", "2.wav", "3.wav"]
    assert sorted(p.name for p in (tmp_path / "out/audio").iterdir()) == ["0.wav", "4.wav", "5.wav"]
    assert all("damaged" in why for _, why in report.failed)


def test_an_encrypted_member_and_one_of_an_unknown_method(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"a.wav": wav(1), "b.wav": wav(2), "c.wav": wav(3)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    first = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", first + 1)
    data[first + 8] |= 1  # encrypted
    data[second + 10 : second + 12] = struct.pack("<H", 99)  # a method of another program
    report = run(site, tmp_path / "out", bytes(data))
    assert report.new == 1
    assert "encrypted" in report.failed[0][1]
    assert "method 99" in report.failed[1][1]


def test_names_twice_and_in_two_cases(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names that are there twice
        for name in ("a.wav", "A.WAV", "a.wav", "é.wav", "e\u0301.wav"):
            file.writestr(name, wav())
    found, faults = listed(path)
    assert [offer.file for offer in found] == ["a.wav", "é.wav"]
    assert len(faults) == 3


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


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_ends_in_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    """Up to five changed bytes, and a cut at both ends: a file as it was, or an error that names it."""
    good = {"Walrus/a.wav": wav(1, 300), "b.wav": wav(2, 300)}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", data.draw(st.sampled_from([0, 8, 12, 14]))) as file:
        for name, content in good.items():
            file.writestr(name, content)
    mutant = bytearray(whole.getvalue())
    for at in data.draw(st.lists(st.integers(0, len(mutant) - 1), max_size=5)):
        mutant[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.zip"
    path.write_bytes(mutant[data.draw(st.integers(0, 3)) : data.draw(st.sampled_from([None, -1, -30]))])
    out = tmp_path / "out"
    with suppress(PermanentError, FetchAborted):
        for name, why in unpacked(path, out).items():
            assert why or (out / name).read_bytes() in good.values()
