"""Folders, patterns, lists and audio on stdin; what is refused is refused in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from sounds import sound
from typer.testing import CliRunner

from finback.cli.app import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sounds, one of them in a folder inside, and two other files."""
    root = tmp_path_factory.mktemp("files")
    sound(root / "a.wav", 1.0, 4000)
    sound(root / "deep" / "b.flac", 1.0, 4000)
    (root / "notes.txt").write_text("no sound")
    (root / "deep" / "table.csv").write_text("no sound")
    return root


def call(run: Path, *arguments: object, stdin: bytes | None = None) -> Result:
    words = ["predict", str(run), *map(str, arguments), "--device", "cpu"]
    return CliRunner().invoke(app, words, input=stdin)


def files(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [Path(p["file"]).name for p in json.loads(result.stdout)["predictions"]]


def test_a_folder_is_searched_and_other_files_are_counted(sharp: Path, folder: Path) -> None:
    done = call(sharp, folder, "--json")
    assert files(done) == ["a.wav", "b.flac"]
    assert "2 sound files; 2 other files passed over" in done.stderr


def test_patterns_that_the_shell_did_not_expand(sharp: Path, folder: Path) -> None:
    assert files(call(sharp, folder / "*.wav", "--json")) == ["a.wav"]
    assert files(call(sharp, folder / "**" / "*", "--json")) == ["a.wav", "b.flac"]
    assert files(call(sharp, folder / "dee?", "--json")) == ["b.flac"]
    odd = sound(folder / "x[1].wav", 0.5, 4000)  # a name, not a pattern
    assert files(call(sharp, odd, "--json")) == ["x[1].wav"]
    odd.unlink()


def test_a_list_on_stdin_may_name_folders(sharp: Path, folder: Path) -> None:
    listed = f"{folder / 'a.wav'}\n\n{folder / 'deep'}\r\n".encode()
    assert files(call(sharp, "-", "--json", stdin=listed)) == ["a.wav", "b.flac"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "what", "repair"),
    [
        (["{}/empty"], None, "no sound files in this folder (1 other file)", "give a folder of wav"),
        (["{}/*.mp3"], None, "no sound file matches this pattern", "give the folder"),
        (["{}/empty/*"], None, "it matches 1 other file", "give the folder"),
        (["-"], b"RIFF\x10\x00\x00\x00WAVE", "binary data, not a list", "--stdin-audio < clip.wav"),
        (["-"], b"\n", "the list on stdin is empty", "a file name in each line"),
        (["--stdin-audio"], b"", "no audio on stdin", "pipe a sound file"),
        (["--stdin-audio", "{}/a.wav"], b"", "files were named too", "leave the files out"),
        ([], None, "no sound files", "give files, folders or a pattern"),
    ],
)
def test_what_holds_no_sound_is_refused(
    sharp: Path, folder: Path, arguments: list[str], stdin: bytes | None, what: str, repair: str
) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "empty" / "x.txt").write_text("")
    done = call(sharp, *(a.format(folder) for a in arguments), stdin=stdin)
    assert done.exit_code != 0
    said = str(done.exception)
    assert what in said
    assert repair in said


def test_audio_on_stdin_is_a_file_without_a_name(sharp: Path, folder: Path) -> None:
    data = (folder / "a.wav").read_bytes()
    piped = json.loads(call(sharp, "--stdin-audio", "--json", stdin=data).stdout)["predictions"]
    named = json.loads(call(sharp, folder / "a.wav", "--json").stdout)["predictions"]
    assert piped[0]["file"] == "stdin"
    assert piped[0]["species"] == named[0]["species"]
    bad = call(sharp, "--stdin-audio", stdin=b"no sound at all")
    assert bad.exit_code == 2
    assert "finback: stdin: " in bad.stderr
    assert "finback-" not in bad.stderr  # the temporary folder


def test_audio_in_memory_and_on_stdin_are_the_same(sharp: Path, folder: Path) -> None:
    import finback
    from finback.audio.io import read

    x = read(folder / "a.wav")
    found = finback.load(sharp, "cpu").predict((x, 4000))
    data = io.BytesIO((folder / "a.wav").read_bytes()).read()
    piped = json.loads(call(sharp, "--stdin-audio", "--json", stdin=data).stdout)["predictions"][0]
    assert np.allclose(sorted(piped["species"].values()), sorted(found.species.values()))
