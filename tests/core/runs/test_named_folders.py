"""What the user named for a manifest is kept outside of run folders, and only for these very bytes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from finback.core.runs.named_folders import Named, recall, remember

MANIFEST = b"file,species\na.wav,Fin whale\n"


def test_it_is_remembered_for_these_bytes_only(tmp_path: Path) -> None:
    named = Named(tmp_path / "å\udcff", {"0123456789abcdef": tmp_path / "a.wav"})
    assert remember(MANIFEST, named)
    assert recall(MANIFEST) == named
    assert recall(MANIFEST + b"\n") is None


@pytest.mark.parametrize(
    "entry", ["", "{}", "[1]", '{"audio": 3, "found": {}}', '{"audio": "a", "found": 3}', "\0"]
)
def test_a_damaged_entry_is_as_none(entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINBACK_STATE", str(tmp_path / "state"))
    assert remember(MANIFEST, Named(tmp_path))
    (path,) = (tmp_path / "state").rglob("*.json")
    path.write_text(entry)
    assert recall(MANIFEST) is None


def test_without_a_home_it_is_kept_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("FINBACK_STATE", str(tmp_path / "a file" / "state"))
    assert remember(MANIFEST, Named(tmp_path))
    assert recall(MANIFEST) == Named(tmp_path)
    (folder,) = tmp_path.glob("finback-state-*")
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)  # somebody else may write there now
    assert recall(MANIFEST) is None
    assert not remember(MANIFEST, Named(tmp_path))


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows gives each user temporary files of their own")
def test_a_link_among_the_temporary_files_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tmp" / f"finback-state-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("FINBACK_STATE", "/proc/nowhere")
    assert not remember(MANIFEST, Named(tmp_path))
    assert not list((tmp_path / "elsewhere").iterdir())
