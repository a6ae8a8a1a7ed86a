"""Whatever happens to stdin, stdout and stderr: the work is done, and the exit code is true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finback.audio.io import write

FINBACK = [sys.executable, "-m", "finback"]
posix = pytest.mark.skipif(os.name != "posix", reason="redirections of a POSIX shell")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A shell line in which `finback` is this Python's."""
    script = f'finback() {{ "{sys.executable}" -m finback "$@"; }}; {line}'
    env = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", script], capture_output=True, env=env, timeout=120)


@posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("finback models | true; exit ${PIPESTATUS[0]}", 0),
        ("finback models --json | head -c 1; exit ${PIPESTATUS[0]}", 0),
        ("finback --help >&-", 0),
        ("finback --version <&- >&- 2>&-", 0),
        ("finback --version >/dev/full", 1),
        ("finback models >/dev/full", 1),
        ("finback nonsense 2>/dev/full", 2),
        ("finback nonsense 2>&1 | true; exit ${PIPESTATUS[0]}", 2),
    ],
)
def test_no_traceback_and_a_true_exit_code(line: str, code: int, unbuffered: str) -> None:
    done = shell(line, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert (b"could not be written to stdout" in done.stderr) == (code == 1)


@posix
def test_work_is_kept_where_its_summary_cannot_be_shown(simulated: Path, tiny: str, tmp_path: Path) -> None:
    data = f"--audio '{simulated}/audio' --labels '{simulated}/labels.csv' --preset '{tiny}' --device cpu"
    done = shell(f"finback train cnn2d {data} --out '{tmp_path}/run' | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 0
    shown = shell(f"finback evaluate '{tmp_path}/run' --device cpu >/dev/full")
    assert shown.returncode == 1
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_an_encoding_without_the_letters_loses_nothing(trained: Path, tmp_path: Path, encoding: str) -> None:
    clip = tmp_path / "Балена – \N{WHALE} \u0441.wav"
    write(clip, *tone())
    call: dict[str, Any] = {"capture_output": True, "env": {**os.environ, "PYTHONIOENCODING": encoding}}
    arguments = [*FINBACK, "predict", str(trained), str(clip), "--device", "cpu"]
    plain = subprocess.run(arguments, **call)
    assert plain.returncode == 0, plain.stderr
    text = plain.stdout.decode(encoding)
    assert ("Балена" in text) or (r"\u0411\u0430\u043b" in text)
    as_json = subprocess.run([*arguments, "--json"], **call)
    (prediction,) = json.loads(as_json.stdout.decode(encoding))["predictions"]
    assert Path(prediction["file"]).name == clip.name


def tone() -> tuple[Any, int]:
    import numpy as np

    return np.sin(np.arange(8000) / 5, dtype=np.float32) / 2, 8000


@posix
def test_names_on_stdin_are_bytes_of_file_names(trained: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"  # not UTF-8
    plain = tmp_path / "plain.wav"
    write(plain, *tone())
    os.rename(plain, name)
    command = [*FINBACK, "predict", str(trained), "-", "--device", "cpu"]
    for environment in ({}, {"PYTHONIOENCODING": "ascii"}):
        env = {**os.environ, **environment}
        done = subprocess.run(command, input=name + b"\n", capture_output=True, env=env)
        assert done.returncode == 0, done.stderr
        assert rb"caf\udce9.wav" in done.stdout


@posix
@pytest.mark.parametrize(
    "variables", ["TERM=dumb", "NO_COLOR=1", "COLUMNS=1", "LANG=C LC_ALL=C", "HOME=/nowhere", "HOME="]
)
def test_odd_terminals(variables: str) -> None:
    done = shell(f"export {variables}; finback models")
    assert done.returncode == 0, done.stderr
    assert b"cnn2d" in done.stdout
