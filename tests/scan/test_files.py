"""What a user names, and which files that are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.scan.files import find, names_in


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.WAV", "deep/er/c.flac", "deep/notes.txt", "deep/._c.flac", ".hidden/d.wav"):
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "site"


def names(site: Path, *inputs: object, stdin: tuple[str, ...] = ()) -> list[str]:
    found = find([str(i) for i in inputs], stdin)
    return [Path(path).relative_to(site).as_posix() for path in found.paths]


def test_a_folder_with_all_folders_below(site: Path) -> None:
    assert names(site, site) == ["a.WAV", "b.wav", "deep/er/c.flac"]
    assert "hidden" in find([str(site)]).remarks[0]


def test_the_same_file_counts_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "link.wav").symlink_to(site / "b.wav")
    (site / "again").symlink_to(site / "deep")
    monkeypatch.chdir(site)
    given = [site, "b.wav", "./b.wav", "deep/../b.wav", site / "*.wav", "link.wav"]
    assert names(site, *given) in (
        ["a.WAV", "again/er/c.flac", "b.wav"],
        ["a.WAV", "b.wav", "deep/er/c.flac"],
    )


def test_wildcards_that_the_shell_left(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    assert names(site, "*.wav") == ["b.wav"]
    assert names(site, "**/*.flac") == ["deep/er/c.flac"]
    assert names(site, "de*") == ["deep/er/c.flac"]
    (site / "odd[1].wav").write_bytes(b"x")
    assert names(site, "odd[1].wav") == ["odd[1].wav"]


def test_a_named_file_is_taken_whatever_its_suffix(site: Path) -> None:
    (site / "sound.dat").write_bytes(b"x")
    assert names(site, site / "sound.dat") == ["sound.dat"]
    assert names(site, site / "sound.dat", site / "gone.wav") == ["gone.wav", "sound.dat"]


@pytest.mark.parametrize(
    "text",
    [
        "b.wav\ndeep/er/c.flac\n",
        "# my files\r\n\r\nb.wav\r\n  deep/er/c.flac  \r\n",
        '"b.wav"\n"deep/er/c.flac"',
        "file,species\nb.wav,Fin whale\ndeep/er/c.flac,\n",
        "Begin File\tx\nb.wav\t1\ndeep/er/c.flac\t2\n",
        "species;path\nFin whale;b.wav\nFin whale;deep/er/c.flac\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_of_names(site: Path, text: str, encoding: str) -> None:
    for name in ("names.txt", "names.csv"):
        (site / name).write_bytes(text.encode(encoding))
        assert names(site, site / name) == ["b.wav", "deep/er/c.flac"]
        assert names(site, f"@{site / name}") == ["b.wav", "deep/er/c.flac"]


def test_names_on_stdin_and_names_that_are_lists_in_a_list(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site)
    assert names(site, "-", stdin=("b.wav\n", "\n", f"{site}/a.WAV\n")) == ["a.WAV", "b.wav"]
    (site / "n.txt").write_text("deep\nb.wav\n")
    assert names(site, "n.txt") == ["b.wav", "deep/er/c.flac"]


def test_a_file_address(site: Path) -> None:
    assert names(site, f"file://{site}/b.wav") == ["b.wav"]


def test_addresses_go_to_the_lister(site: Path) -> None:
    found = find(["s3://bucket/x/", str(site / "b.wav")], lister=lambda a: [a + "2.wav", a + "1.wav"])
    assert found.paths == (str(site / "b.wav"), "s3://bucket/x/1.wav", "s3://bucket/x/2.wav")


@pytest.mark.parametrize("inputs", [["gone.wav"], ["*.wav"], ["empty"], []])
def test_nothing_is_found(inputs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no s") as error:
        find(inputs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n# nothing\n", b"RIFF....WAVE"])
def test_a_list_without_names(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"l\.txt"):
        names_in(tmp_path / "l.txt")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_said(site: Path) -> None:
    (site / "deep").chmod(0)
    try:
        found = find([str(site)])
    finally:
        (site / "deep").chmod(0o700)
    assert len(found.paths) == 2
    assert [state.file.path for state in found.unread] == [str(site / "deep")]
    assert "cannot be read" in found.unread[0].reason
