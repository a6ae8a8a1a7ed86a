"""A folder is whole or absent, whenever its process is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finback.core.errors import InputError, LockError, RunError, WriteError
from finback.core.storage.folders import SHOWING, added_folder, is_whole, whole_folder
from finback.core.storage.locks import LOCK

FILL = """
import os, sys
from pathlib import Path
from finback.core.storage import folders
out, moment, content = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
calls = 0
real = folders._replace
def replace(source, target):
    global calls
    if calls == moment - 1: os.kill(os.getpid(), 9)
    calls += 1
    real(source, target)
folders._replace = replace
with folders.whole_folder(out, last="a.json") as hidden:
    if moment == 0: os.kill(os.getpid(), 9)
    (hidden / "members").mkdir()
    for name in ("a.json", "b.csv", "members/c"):
        (hidden / name).write_text(content)
"""


def fill(out: Path, moment: int, content: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(out), str(moment), content], capture_output=True, check=False
    )
    return done.returncode


def content_of(out: Path) -> dict[str, str]:
    return {
        str(p.relative_to(out)): p.read_text()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name != LOCK
    }


@pytest.mark.parametrize("moment", range(4))
def test_killed_at_any_moment_it_is_made_anew(tmp_path: Path, moment: int) -> None:
    out = tmp_path / "out"
    assert fill(out, moment, "old") == -9
    assert not (out / "a.json").exists(), "what says that the folder is whole comes last"
    assert fill(out, -1, "new") == 0
    assert content_of(out) == {"a.json": "new", "b.csv": "new", "members/c": "new"}


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError, match="not empty"), whole_folder(tmp_path, "a.json"):
        pass
    assert {p.name for p in tmp_path.iterdir()} == {"thesis.tex"}


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_folder(tmp_path / "out", "a.json") as hidden:
            (hidden / "b.csv").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place_and_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"), whole_folder(tmp_path / "file", "a.json"):
        pass

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    def fill_one() -> None:
        with whole_folder(tmp_path / "out", "a.json") as hidden:
            (hidden / "a.json").touch()

    with pytest.raises(WriteError, match="No space left on device"):
        fill_one()
    assert not (tmp_path / "out" / "a.json").exists()
    assert (tmp_path / "out" / SHOWING).exists()


def test_two_processes(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from finback.core.storage.folders import whole_folder\n"
        "with whole_folder(Path(sys.argv[1]), 'a.json'): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockError, match=f"process {other.pid}"), whole_folder(tmp_path / "out", "a.json"):
            pass
        other.kill()


def test_a_note_beside_a_whole_folder_goes_and_lets_nobody_replace_it(tmp_path: Path) -> None:
    """A process may be killed after it showed the last file and before it took the note away."""
    out = tmp_path / "out"
    assert fill(out, -1, "old") == 0
    (out / SHOWING).touch()
    with pytest.raises(RunError, match="not empty"), whole_folder(out, "a.json"):
        pass
    assert is_whole(out, "a.json")
    assert content_of(out) == {"a.json": "old", "b.csv": "old", "members/c": "old"}


def add(out: Path, **content: str) -> None:
    with added_folder(out) as hidden:
        for name, text in content.items():
            path = hidden / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def test_files_are_added_to_the_same_files_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(out, a="1", sub__b="2")
    assert content_of(out) == {"a": "1", "sub/b": "2"}
    (out / "a").unlink()
    (out / ".hidden").touch()
    add(out, a="1", sub__b="2", c="3")
    assert {name: text for name, text in content_of(out).items() if text} == {
        "a": "1",
        "sub/b": "2",
        "c": "3",
    }
    for other in ({"a": "changed", "sub__b": "2", "c": "3"}, {"a": "1", "sub__b": "2"}):
        with pytest.raises(RunError, match="is there already; give the name of a new folder"):
            add(out, **other)
    assert (out / "a").read_text() == "1"
    assert [p.name for p in out.iterdir() if p.is_dir()] == ["sub"], "no temporary folder is left"
