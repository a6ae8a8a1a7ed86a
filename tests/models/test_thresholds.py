"""Thresholds by class and by site, and the file of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.metrics.threshold import Choice, Target
from finback.models.export.folder import package_run
from finback.models.threshold_overrides import overridden
from finback.models.thresholds import (
    Thresholds,
    class_threshold,
    fit_on_validation,
    is_at,
    new_file,
    read_thresholds,
    save_thresholds,
)

LABELS = ("Fin whale", "Sei whale", "noise")
FILES = ("/data/site A/2020/x.wav", "/data/site B/SB_001.wav", "s3://bucket/site-C/y.flac")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_classes_and_sites(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'fin-whale = 0.6\n[default]\n"Sei_Whale" = 0.7\n["site A"]\n"*" = 0.9\n"Fin whale" = 0.8\n[SB]\n'
        '"FIN WHALE" = 1\n["site A/2020"]\n"Sei whale" = 0.2\n',
    )
    found = overridden(Thresholds.uniform(LABELS), path, FILES)
    assert found.of(FILES[0]) == (0.8, 0.2, 0.9)
    assert found.of(FILES[1]) == (1.0, 0.7, 0.5)
    assert found.of(FILES[2]) == (0.6, 0.7, 0.5)
    assert "never measured" in found.notes[0]
    assert str(path) in found.notes[-1]
    path = written(tmp_path, '"*" = 0.9')
    assert overridden(Thresholds.uniform(LABELS), path, FILES).notes == (f"thresholds of {path}",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["site X"]\n"Fin whale" = 0.5', "no recording of this scan is of the site 'site X'"),
        ('[default]\n"Fin whales" = 0.5', "unknown class 'Fin whales'; did you mean 'Fin whale'"),
        ('[default]\n"Fin whale" = 1.5', "Fin whale = 1.5; give a number between 0 and 1"),
        ('[default]\n"Fin whale" = true', "give a number between 0 and 1"),
        ('[default]\n"Fin whale" = "high"', "give a number between 0 and 1"),
        ("[default", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        overridden(Thresholds.uniform(LABELS), written(tmp_path, text), FILES)
    assert "\n" not in str(error.value)
    with pytest.raises(SettingsError, match="no such file"):
        overridden(Thresholds.uniform(LABELS), tmp_path / "nothing.toml", FILES)


def test_where_a_site_is() -> None:
    assert is_at("/a/Site A/x.wav", "site a")
    assert is_at("C:\\a\\Site A\\x.wav", "a/site A")
    assert is_at("/a/SB01_2020.wav", "SB01")
    assert not is_at("/a/SB01_2020.wav", "SB0")
    assert not is_at("/a/site AB/x.wav", "site A")
    assert is_at("s3://bucket/site/x.wav", "bucket/site")


def test_without_a_fit_the_precision_is_unknown() -> None:
    assert "never measured" in Thresholds.uniform(LABELS).notes[0]
    assert Thresholds.uniform(LABELS, 0.7).of("x") == (0.7, 0.7, 0.7)
    assert not Thresholds.uniform(LABELS, 0.7).notes


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.open(Path(shutil.copytree(trained, tmp_path / "run")))


def test_the_validation_set_gives_thresholds(run: RunFolder) -> None:
    fitted = fit_on_validation(run, Target("recall", 0.5))
    assert fitted == fit_on_validation(run, Target("recall", 0.5))
    assert set(fitted.classes) == set(run.info.labels)
    for row in fitted.classes.values():
        assert row.threshold is None or (row.recall or 0) >= 0.5
    strict = fit_on_validation(run, Target("precision", 0.5))
    assert all(row.threshold is None or row.threshold >= 0.5 for row in strict.classes.values())
    run.validation_scores.unlink()
    with pytest.raises(RunError, match="need a validation set"):
        fit_on_validation(run, Target("recall", 0.5))


def test_the_file_of_a_run(run: RunFolder) -> None:
    assert read_thresholds(run) is None
    before = run.fingerprint()
    a, b, *others = run.info.labels
    rows = {
        a: class_threshold(
            Choice(0.8, 20, 15, 1, 0.94, 0.75, (0.9, 1.0), None), {"step_s": None, "merge": 0.05}
        ),
        b: class_threshold(Choice(None, 4, best=0.6)),
        **{name: class_threshold(Choice(0.7, 3, 3, 0, 1.0, 1.0)) for name in others},
    }
    fitted = new_file(run, Target("precision", 0.9), False, "events of a scan", "ab", rows, hours=1.5)
    save_thresholds(run, fitted)
    assert RunFolder.open(run.path).fingerprint() == before
    again = read_thresholds(RunFolder.open(run.path))
    assert again == fitted
    thresholds = Thresholds.of_run(run.info.labels, fitted)
    assert thresholds.of("x")[:2] == (0.8, 0.5)
    assert any(
        "precision=0.9 is not reached (best: 0.60), its threshold is 0.5" in n for n in thresholds.notes
    )
    assert not others or any("few calls (3)" in note for note in thresholds.notes)
    values = json.loads(run.thresholds.read_text())
    run.thresholds.write_text(json.dumps({**values, "fingerprint": "0" * 12}))
    with pytest.raises(RunError, match="another model"):
        read_thresholds(RunFolder.open(run.path))
    for damage in ({"target": 1}, {"classes": {a: {"threshold": 2, "n_calls": 1}}}, {"format": 9}):
        run.thresholds.write_text(json.dumps({**values, **damage}))
        with pytest.raises(RunError, match=r"thresholds\.json: damaged"):
            read_thresholds(RunFolder.open(run.path))


def test_a_packaged_copy_keeps_its_thresholds(run: RunFolder, tmp_path: Path) -> None:
    save_thresholds(run, fit_on_validation(run, Target("recall", 0.5)))
    copy = RunFolder.open(package_run(run.path, tmp_path / "copy"))
    kept, own = read_thresholds(copy), read_thresholds(run)
    assert kept is not None
    assert own is not None
    assert kept.classes == own.classes
    assert kept.fingerprint == copy.fingerprint() != own.fingerprint


def test_numbers_are_plain() -> None:
    row = class_threshold(Choice(float(np.float64(0.5)), 3))
    assert row.few
    assert row.precision_interval is None
