"""An error that nobody foresaw: one line, the traceback in a file, exit code 1."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

BROKEN = """
import sys
from finback.cli import app
def fail(*args, **options):
    raise ZeroDivisionError("bad \\x1b]0;name\\x07")
app.app = fail
from finback.cli import main
sys.argv = ["finback", *sys.argv[1:]]
main()
"""


def broken(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TMPDIR": str(folder), **environment}
    return subprocess.run([sys.executable, "-c", BROKEN, *arguments], capture_output=True, text=True, env=env)


def test_one_line_names_the_error_and_the_file_with_the_traceback(tmp_path: Path) -> None:
    done = broken(tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(r"finback: unforeseen error (ZeroDivisionError: bad \x1b]0;name\x07)")
    found = re.search(rf"{re.escape(str(tmp_path))}\S*\.txt", line)
    assert found
    kept = Path(found[0]).read_text()
    assert "Traceback" in kept
    assert "in fail" in kept
    assert "\x1b" not in kept


def test_whoever_wants_the_traceback_sees_it(tmp_path: Path) -> None:
    for done in (broken(tmp_path, "--debug"), broken(tmp_path, FINBACK_DEBUG="1")):
        assert done.returncode == 1
        assert "Traceback" in done.stderr
    assert not list(tmp_path.iterdir())
