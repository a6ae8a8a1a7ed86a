"""Zip archives that were made to harm: names, bombs, lies about sizes, and damage of every kind."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import Site, wav
from zips import listed, run, unpacked, write

from finback.core.storage.paths import is_portable
from finback.datasets.fetch.errors import FetchAborted, PermanentError
from finback.datasets.fetch.listing import Offer

ZEROS = b"\0" * (1 << 20)


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
