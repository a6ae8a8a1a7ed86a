"""File names in the script of the species, and what is said of the quality of the samples."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest

from finback.core.runs.folder import RunFolder
from finback.core.storage import places
from finback.core.storage.caches import first_time
from finback.generation.grades import Grade, grades
from finback.generation.sample_folder import SampleFolder


def test_clips_have_names_in_the_script_of_the_species(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path)
    assert folder.name("シャチ", 5) == "シャチ-000005"
    assert folder.name("Косатка", 5) == "косатка-000005"
    assert folder.name("Killer whale", 5) == "killer-whale-000005"
    assert list(tmp_path.iterdir()) == [], "the trial leaves nothing"


def test_a_file_system_without_such_letters_gets_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touch(path: Path) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(places.Path, "touch", touch)
    name = SampleFolder(tmp_path).name("シャチ", 5)
    assert name.isascii()
    assert name.startswith("unnamed-")


def test_grades_come_from_the_audit_of_the_generator(tmp_path: Path) -> None:
    bundled = Path(str(resources.files("finback"))) / "weights" / "watkins" / "generator"
    audit = json.loads((bundled / "generator_audit.json").read_text())["recognised"]
    found = grades(RunFolder.open(bundled), ["Ross Seal", "Kraken"])
    assert list(found) == ["Ross Seal"]
    row = audit["calls"]["per_species"]["Ross Seal"]
    assert (found["Ross Seal"].samples, found["Ross Seal"].n_samples) == (row["recall"], row["n_clips"])
    assert found["Ross Seal"].real == audit["unseen"]["per_species"]["Ross Seal"]["recall"]
    for name in ("run.json", "generator_audit.json"):
        shutil.copy(bundled / name, tmp_path / name)
    (tmp_path / "generator_audit.json").write_text("{}")
    assert grades(RunFolder.open(tmp_path), ["Ross Seal"]) == {}, "a damaged audit stops nobody"


def test_a_grade_in_words() -> None:
    assert Grade(0.95, 40, 0.75, 20).line("Ross Seal") == (
        "Ross Seal, in the audit of this generator: a classifier of real clips recognised 95 % of 40 samples "
        "as this species, and 75 % of 20 real clips of new tapes"
    )
    assert "no real clips of new tapes" in Grade(0.5, 4, None, 0).line("Walrus")


def test_a_line_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path / "cache"))
    assert [first_time("nearest", "watkins") for _ in range(3)] == [True, False, False]
    assert first_time("nearest", "runs/mine")
