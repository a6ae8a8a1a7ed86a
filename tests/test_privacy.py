"""What leaves the machine, and where files are written: watched in the process, by audit events of Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Every connection ends the process; every file that is opened to be written is listed.
WATCH = """
import os, sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        os.write(2, b"NETWORK: " + repr((event, args)).encode())
        os._exit(99)
    if event == "open" and isinstance(args[0], str) and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        os.write(log, os.fsencode(os.path.realpath(args[0])) + b"\\n")
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(watch)
from finback.cli import main
main()
"""


@pytest.fixture(scope="module")
def watched(simulated: Path, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A folder in which commands ran, and every file that they opened to be written."""
    work = tmp_path_factory.mktemp("work")
    for name in ("home", "cache", "temporary"):
        (work / name).mkdir()
    clip = str(next((simulated / "audio").iterdir()))
    audio, labels = str(simulated / "audio"), str(simulated / "labels.csv")
    for command in (
        ["index", "--audio", audio, "--labels", labels, "--out", "manifest.csv"],
        ["predict", "watkins", clip, "--json"],
        ["run", "--preset", tiny, "--audio", audio, "--labels", labels, "--out", "run"],
        ["models"],
    ):
        environment = {**os.environ, "HOME": str(work / "home"), "FINBACK_CACHE": str(work / "cache")}
        environment |= {"FINBACK_STATE": str(work / "state"), "TMPDIR": str(work / "temporary")}
        arguments = [sys.executable, "-B", "-c", WATCH, str(work / "log"), *command]
        done = subprocess.run(arguments, cwd=work, env=environment, capture_output=True, text=True)
        assert "NETWORK" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
    return work, [Path(line) for line in (work / "log").read_text().splitlines()]


def test_no_command_but_fetch_uses_the_network(watched: tuple[Path, list[Path]]) -> None:
    work, _ = watched
    assert (work / "run" / "report.html").is_file()


def test_files_are_written_to_the_output_and_to_two_folders_of_finback(
    watched: tuple[Path, list[Path]],
) -> None:
    work, written = watched
    assert [path for path in written if path.is_relative_to(work)]
    elsewhere = {path for path in written if not path.is_relative_to(work)}
    outside = {path for path in elsewhere if path.parts[1] not in ("dev", "proc")}
    assert not outside
    fonts = work / "home" / ".cache" / "matplotlib"  # matplotlib's own list of the fonts of this machine
    at_home = [path for path in written if path.is_relative_to(work / "home")]
    assert not [path for path in at_home if not path.is_relative_to(fonts)]
