"""Names as typed on another computer, and the files they mean."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder, is_sound, stem


def folder(tmp_path: Path, *names: str) -> AudioFolder:
    for name in names:
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"-")
    return AudioFolder.scan(tmp_path / "audio")


@pytest.mark.parametrize(
    "typed",
    [
        "site1/Dive_3.wav",
        "./site1/Dive_3.wav",
        "site1\\Dive_3.wav",
        "D:\\field\\2024\\site1\\Dive_3.wav",
        "/mnt/disk/site1/Dive_3.wav",
        "file:///mnt/site1/Dive_3.wav",
        "Dive_3.wav",
        "  Dive_3.wav ",
        "DIVE_3.WAV",
        "SITE1/dive_3.wav",
        "Dive_3",
        "dive_3.flac",
        "site2/../site1/Dive_3.wav",
        "file:///D:/field%202024/site1/Dive_3.wav",
        "file://server/share/site1/Dive_3.wav",
        "FILE:/mnt/site1/Dive%5F3.wav",
        "site1/Dive%5F3.wav",
        "\\\\server\\share\\site1\\Dive_3.wav",
        "\\\\?\\D:\\field\\site1\\Dive_3.wav",
    ],
)
def test_ways_to_write_one_file(tmp_path: Path, typed: str) -> None:
    audio = folder(tmp_path, "site1/Dive_3.wav", "site2/Dive_4.wav")
    match = audio.match(typed)
    assert match.path is not None
    assert audio.name(match.path) == "site1/Dive_3.wav"


def test_an_absolute_path_into_the_folder(tmp_path: Path) -> None:
    audio = folder(tmp_path, "a.wav", "sub/a.wav")
    assert audio.match(str(tmp_path / "audio" / "a.wav")).path == audio.root / "a.wav"
    assert audio.match(str(tmp_path / "audio" / "sub" / "a.wav")).path == audio.root / "sub" / "a.wav"


@pytest.mark.parametrize("typed", ["site3/Dive_3.wav", "Dive_30.wav", "", "  ", "/", "site1", ".."])
def test_no_file_is_meant(tmp_path: Path, typed: str) -> None:
    match = folder(tmp_path, "site1/Dive_3.wav", "site2/Dive_4.wav").match(typed)
    assert match.path is None
    assert match.candidates == ()


def test_the_exact_name_wins_over_the_similar(tmp_path: Path) -> None:
    audio = folder(tmp_path, "a.wav", "A.wav", "a.flac", "sub/a.wav")
    for name in ("a.wav", "A.wav", "a.flac", "sub/a.wav"):
        match = audio.match(name)
        assert match.path == audio.root / name


@pytest.mark.parametrize(
    ("typed", "candidates"),
    [("b", ("b.flac", "b.wav")), ("C.wav", ("x/c.wav", "y/c.wav")), ("D.WAV", ("D.wav", "d.wav"))],
)
def test_what_could_be_several_is_ambiguous(tmp_path: Path, typed: str, candidates: tuple[str, ...]) -> None:
    audio = folder(tmp_path, "b.wav", "b.flac", "x/c.wav", "y/c.wav", "d.wav", "D.wav")
    match = audio.match(typed)
    assert match.path is None
    assert match.candidates == candidates


def test_both_spellings_of_an_accent(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
    audio = folder(tmp_path, decomposed)
    assert audio.match(composed).path == audio.root / decomposed
    assert audio.match(decomposed).path == audio.root / decomposed


def test_two_files_whose_names_differ_in_the_form_of_an_accent(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
    audio = folder(tmp_path, composed, decomposed)
    if len(audio.files) < 2:
        pytest.skip("this file system takes them for one name")
    assert audio.match(composed).path == audio.root / composed
    assert audio.match(decomposed).path == audio.root / decomposed
    assert len(audio.match("É.WAV").candidates) == 2


def test_outer_spaces_of_a_file_name(tmp_path: Path) -> None:
    audio = folder(tmp_path, " a.wav")
    assert audio.match("a.wav").path == audio.root / " a.wav"


def test_only_recordings_are_found_and_sorted(tmp_path: Path) -> None:
    audio = folder(tmp_path, "b.WAV", "a.flac", "notes.txt", "._a.wav", ".trash/c.wav", "s/d.ogg")
    assert [audio.name(path) for path in audio.files] == ["a.flac", "b.WAV", "s/d.ogg"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    folder(tmp_path, "a.wav")
    (tmp_path / "audio" / "loop").symlink_to(tmp_path / "audio")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.wav").write_bytes(b"-")
    (tmp_path / "audio" / "link").symlink_to(elsewhere)
    audio = AudioFolder.scan(tmp_path / "audio")
    assert [audio.name(path) for path in audio.files] == ["a.wav", "link/b.wav"]


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    audio = folder(
        tmp_path,
        *("a.wav", "b/c.wav", "._a.wav", "b/._c.wav", ".old/d.wav", ".git/config", ".DS_Store"),
        *("$RECYCLE.BIN/e.wav", "Thumbs.db", "@eaDir/a.wav"),
    )
    (audio.root / "z").symlink_to(audio.root / "b")
    audio = AudioFolder.scan(audio.root)
    assert [audio.name(path) for path in audio.files] == ["a.wav", "b/c.wav"]
    assert [(p.kind, p.file, p.is_note) for p in audio.skipped] == [
        ("skipped", "z", True),
        ("skipped", "._a.wav", True),
        ("skipped", "$RECYCLE.BIN", True),
    ]
    assert "is a link to the folder 'b'" in audio.skipped[0].message
    assert audio.skipped[1].message == "is hidden and not read, like 2 more"


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = folder(tmp_path, "a.wav", "closed/b.wav")
    scandir = os.scandir

    def closed(path: str) -> object:
        if Path(path).name in names:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    names = {"closed"}
    monkeypatch.setattr("os.scandir", closed)
    (problem,) = AudioFolder.scan(audio.root).skipped
    assert (problem.kind, problem.file, problem.is_note) == ("unread_folder", "closed", False)
    assert "cannot be read (Permission denied), so its recordings are not used" in problem.message
    names = {"audio"}
    with pytest.raises(InputError, match=r"audio: the folder cannot be read \(Permission denied\)"):
        AudioFolder.scan(audio.root)


def test_a_name_that_is_no_text_is_set_apart(tmp_path: Path) -> None:
    audio = folder(tmp_path, "a.wav")
    try:
        Path(os.fsdecode(bytes(audio.root) + b"/\xff.wav")).write_bytes(b"-")
    except OSError:
        pytest.skip("this file system takes no such names")
    again = AudioFolder.scan(audio.root)
    assert len(again.files) == 1
    assert again.unnameable == ("\\udcff.wav",)


def test_a_hint(tmp_path: Path) -> None:
    audio = folder(tmp_path, "61025001.flac")
    assert audio.nearest("x\\61025O01.flac") == "61025001.flac"
    assert audio.nearest("whale.wav") is None


def test_stems() -> None:
    assert [stem(n) for n in ("a.x.wav", "rec.1.wav", "rec.1", "a.FLAC")] == ["a", "rec.1", "rec.1", "a"]
    assert is_sound("a.WAV")
    assert not is_sound("._a.wav")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "missing", "no such audio folder"),
        (lambda p: (p / "a.wav").write_bytes(b"-") and p / "a.wav", "is a file, not a folder"),
        (lambda p: (p / "x.txt").write_bytes(b"-") and p, r"it holds .txt files\); finback reads"),
        (lambda p: p, "it is empty"),
    ],
)
def test_what_is_no_audio_folder(tmp_path: Path, make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        AudioFolder.scan(make(tmp_path))
