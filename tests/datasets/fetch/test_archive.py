"""What comes out of a zip, and what never does."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from misbehaving import wav

from finback.core.errors import InputError
from finback.datasets.fetch import archive
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.download import FetchedFile
from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.listing import Offer, SpeciesFilter
from finback.datasets.fetch.source import load

SOURCE = load("watkins-archive")
BOUNDS = Bounds()


def offers(
    path: Path, *species: str, bounds: Bounds = BOUNDS, faults: list[str] | None = None
) -> list[Offer]:
    told = [] if faults is None else faults
    with archive.opened(path, bounds) as file:
        chosen = SpeciesFilter(species)
        return archive.offers(SOURCE, file, chosen, bounds, lambda name, error: told.append(str(error)))


def unpack(path: Path, offer: Offer, target: Path, bounds: Bounds = BOUNDS) -> FetchedFile:
    with archive.opened(path, bounds) as file:
        return archive.unpack(file, offer, target, bounds)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "watkins.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("annotations.csv", "path,species\n")
        file.writestr("Grampus,_Rissos_Dolphin/61025001.wav", wav(1))
        file.writestr("Walrus/7201500A.wav", wav(2))
        file.writestr("__MACOSX/Walrus/._7201500A.wav", b"x")
    return path


def test_members_with_species_and_tape(packed: Path, tmp_path: Path) -> None:
    risso, walrus = offers(packed)
    assert (risso.species, risso.group) == (("Grampus, Risso's Dolphin",), "61025")
    assert walrus.file == "Walrus/7201500A.wav"
    path = tmp_path / "audio" / walrus.file
    got = unpack(packed, walrus, path)
    assert path.read_bytes() == wav(2)
    assert got.url.endswith("watkins.zip#Walrus/7201500A.wav")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_some_species_only(packed: Path) -> None:
    assert [o.file for o in offers(packed, "walrus")] == ["Walrus/7201500A.wav"]
    with pytest.raises(InputError, match="Walrus"):
        offers(packed, "Dodo")


@pytest.mark.parametrize("name", ["../evil.wav", "a/../../evil.wav", "/evil.wav", "C:\\evil.wav"])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, wav())
    with pytest.raises(PermanentError, match="leads out of the folder"):
        offers(path)


def test_a_damaged_member_is_not_kept(packed: Path, tmp_path: Path) -> None:
    _, walrus = offers(packed)
    with zipfile.ZipFile(packed) as file:
        at = file.getinfo("Walrus/7201500A.wav").header_offset + 200
    data = bytearray(packed.read_bytes())
    data[at] ^= 0xFF
    packed.write_bytes(data)
    path = tmp_path / "audio" / walrus.file
    with pytest.raises(PermanentError, match="damaged"):
        unpack(packed, walrus, path)
    assert not list(path.parent.iterdir())


def test_a_zip_without_what_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(PermanentError, match="no file name matches"):
        offers(path)
