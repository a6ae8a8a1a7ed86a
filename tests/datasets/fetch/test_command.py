"""`finback fetch` from outside: the licence before anything, interrupted and called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fetched import sounds, table
from misbehaving import Site, drip, hang, status, wav

LARGE = wav(9, 200_000)


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "finback", "fetch", "--source", "own.toml", "--rate", "10", *arguments]


def write_source(site: Site, folder: Path) -> None:
    site.put("/large.wav", LARGE)
    site.put("/small.wav", wav(1))
    (folder / "own.toml").write_text(
        f"""
        name = "own"
        title = "Sounds"
        homepage = "{site.url}/"
        licence = "CC0"
        terms = "Take them."
        [listing]
        kind = "files"
        [[listing.files]]
        url = "{site.url}/small.wav"
        species = "Walrus"
        [[listing.files]]
        url = "{site.url}/large.wav"
        species = "Walrus"
        """
    )


def interrupted(site: Site, folder: Path, how: signal.Signals) -> subprocess.Popen[str]:
    """The command, interrupted in the middle of the large file."""
    write_source(site, folder)
    site.spoil("/large.wav", drip(8192, 0.05))
    arguments = command(folder, "--accept-licence")
    process = subprocess.Popen(arguments, cwd=folder, stderr=subprocess.PIPE, text=True)
    part = folder / "own/audio/large.wav.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 50_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(how)
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_gone_on(site: Site, tmp_path: Path, how: signal.Signals) -> None:
    process = interrupted(site, tmp_path, how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-how if how is signal.SIGKILL else 128 + how)
    if how is not signal.SIGKILL:
        assert "run the same command again" in errors
        assert [row["file"] for row in table(tmp_path / "own/labels.csv")] == ["small.wav"]
    have = (tmp_path / "own/audio/large.wav.part").stat().st_size
    assert 50_000 < have < len(LARGE)
    site.log.clear()
    done = subprocess.run(
        command(tmp_path, "--json"), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout)
    assert (result["n_had"], result["n_new"], result["n_rows"]) == (1, 1, 2)
    assert "licence: CC0 (accepted" in done.stderr  # not asked for again
    (asked,) = site.asked("/large.wav")
    assert asked["range"] == f"bytes={have}-"
    assert not site.asked("/small.wav")
    assert sounds(tmp_path / "own") == {"large.wav": LARGE, "small.wav": wav(1)}


def test_ctrl_c_does_not_wait_for_a_silent_server(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    site.spoil("/large.wav", hang(60))
    arguments = command(tmp_path, "--accept-licence")
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (site.asked("/large.wav") and (tmp_path / "own/audio/small.wav").exists()):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=25)  # the server would be waited for 30 s
    assert process.returncode == 130


def test_the_licence_comes_before_any_request(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    done = subprocess.run(
        command(tmp_path), cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "Take them." in done.stderr
    assert "--accept-licence" in done.stderr
    assert not site.log
    assert not (tmp_path / "own").exists()


def test_a_person_is_asked(site: Site, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    write_source(site, tmp_path)
    for answer, code in (("n\n", 2), ("y\n", 0)):
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            command(tmp_path, "--json"), cwd=tmp_path, stdin=theirs, stdout=-1, stderr=-1, text=True
        )
        os.write(mine, answer.encode())
        written, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        assert "Do you accept these terms?" in errors
        assert bool(site.log) == (code == 0)
        os.close(mine)
        os.close(theirs)
    result = json.loads(written)  # the question was not asked on stdout
    assert result["next"] == "finback run --audio own/audio --labels own/labels.csv --out runs/own"


def test_what_failed_makes_the_command_fail(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    site.spoil("/small.wav", status(404))
    done = subprocess.run(
        command(tmp_path, "--accept-licence", "--out", "here"), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "not fetched: small.wav" in done.stdout
    assert "next: finback run --audio here/audio" in done.stdout
