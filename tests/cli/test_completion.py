"""Completion in Bash: what the Tab key offers, as the script of `finback --show-completion` asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# What the script of the completion runs, in the words of Bash.
OFFERED = [
    ("finback tra", {"train"}),
    ("finback train cnn1", {"cnn14", "cnn14-mix", "cnn14-plda", "cnn1d"}),
    ("finback compare --families cnn2d,lst", {"cnn2d,lstm"}),
    ("finback run --dry", {"--dry-run"}),
    ("finback run --preset water", set()),
    ("finback run --preset watk", {"watkins"}),
    ("finback scan x --device c", {"cpu", "cuda"}),
    ("finback predict watkins-s", {"watkins-small"}),
    ("finback generate watkins Ros", {r"Ross\ Seal"}),
    ("finback generate nowhere Ros", set()),
    ("finback ensemble a b --how st", {"stack"}),
]


@pytest.mark.parametrize(("typed", "offered"), OFFERED, ids=[typed for typed, _ in OFFERED])
def test_the_tab_key_offers(typed: str, offered: set[str], monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    from finback.cli import _run

    monkeypatch.setattr(sys, "argv", ["finback"])
    monkeypatch.setenv("_FINBACK_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    assert _run(False) == 0
    shown = capsys.readouterr()
    assert set(shown.out.split("\n")) - {""} == offered
    assert shown.err == ""


def test_folders_are_offered_beside_bundled_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from finback.cli.completion import VALUES

    monkeypatch.chdir(tmp_path)
    (tmp_path / "watching").mkdir()
    (tmp_path / "watt.wav").touch()
    assert VALUES["run"]("wat") == ["watkins", "watkins-diffusion", "watkins-small", "watching/", "watt.wav"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_works_in_bash_and_imports_no_torch(tmp_path: Path) -> None:
    """The printed script is evaluated, and its function called as Bash does on Tab."""
    command = tmp_path / "finback"
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -X importtime -m finback "$@" 2>>{tmp_path}/imports\n'
    )
    command.chmod(0o755)
    script = (
        'eval "$(_FINBACK_COMPLETE=source_bash finback)"; complete -p finback; '
        "COMP_WORDS=(finback machi); COMP_CWORD=1; "
        '_finback_completion finback; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "machines"
    imported = (tmp_path / "imports").read_text()
    assert "finback.cli.app" in imported
    assert not any(line.split("|")[-1].strip() in ("torch", "sklearn") for line in imported.splitlines())
