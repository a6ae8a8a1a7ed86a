"""Thresholds fitted on a scan with truth reach their target on another scan of the same kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scanned import scanned
from typer.testing import CliRunner, Result

from finback.cli.app import app
from finback.core.errors import InputError, RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.evaluation.detections.threshold_fit import FitSettings, fit_on_scan
from finback.metrics.threshold import Target
from finback.models.thresholds import save_thresholds
from finback.scan.detections import detections
from finback.scan.event_settings import EventSettings
from finback.scan.journal import Journal
from finback.scan.threshold_choice import ThresholdRequest, chosen

FAST = EventSettings(measure=False)
N = 400


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.open(Path(shutil.copytree(trained, tmp_path / "run")))


def sea(run: RunFolder, folder: Path, seed: int) -> tuple[Journal, Path]:
    """A scan of three files: calls of the first class score 0.5 to 1, as do some false alarms 0.2 to 0.8."""
    rng = np.random.default_rng(seed)
    labels = run.info.labels
    sounds, rows = {}, ["file,start_s,end_s,species,exhaustive"]
    for name in ("a.wav", "b.wav", "c.wav"):
        p = np.full(N, 0.01)
        for at in range(10, N - 10, 10):
            is_call = rng.random() < 0.5
            p[at : at + 2] = rng.uniform(0.5, 0.99) if is_call else rng.uniform(0.1, 0.8)
            if is_call:
                rows.append(f"{name},{at + 1},{at + 2},{labels[0]},yes")
        rest = np.repeat((1 - p)[:, None] / (len(labels) - 1), len(labels) - 1, axis=1)
        sounds[f"/sea/{name}"] = np.log(np.concatenate([p[:, None], rest], 1))
    truth = folder / "truth.csv"
    folder.mkdir()
    truth.write_text("\n".join(rows) + "\n", encoding="utf-8")
    journal = scanned(
        folder / "scan", sounds, labels=labels, fingerprint=run.fingerprint(), model=str(run.path)
    )
    return journal, truth


def test_a_target_holds_on_another_scan(run: RunFolder, tmp_path: Path) -> None:
    journal, truth = sea(run, tmp_path / "one", 1)
    name = run.info.labels[0]
    fit = fit_on_scan(
        run, journal, [truth], FitSettings(Target("precision", 0.9), events=FAST, fit_finder=False)
    )
    row = fit.thresholds.classes[name]
    assert row.threshold == pytest.approx(0.75, abs=0.12)
    assert row.precision is not None
    assert row.precision >= 0.9
    assert row.precision_interval is not None
    assert fit.thresholds.match == "iou=0.3"
    save_thresholds(run, fit.thresholds)
    other, other_truth = sea(run, tmp_path / "two", 2)
    settings, thresholds = chosen(other, FAST)
    assert thresholds.of("x")[0] == row.threshold
    true = {tuple(line.split(",")[:2]) for line in other_truth.read_text().splitlines()[1:]}
    found = [e for e in detections(other, settings, thresholds).events if e.label == name]
    hits = [e for e in found if (Path(e.file.path).name, str(e.start // 1000)) in true]
    assert len(hits) / len(found) >= row.precision_interval[0] - 0.05
    again = fit_on_scan(
        run, journal, [truth], FitSettings(Target("precision", 0.9), events=FAST, fit_finder=False)
    )
    assert again.thresholds == fit.thresholds


def test_a_finder_is_fitted_too(run: RunFolder, tmp_path: Path) -> None:
    journal, truth = sea(run, tmp_path / "one", 1)
    fit = fit_on_scan(run, journal, [truth], FitSettings(Target("recall", 0.8), events=FAST))
    assert not any("share tapes" in note for note in fit.notes)
    row = fit.thresholds.classes[run.info.labels[0]]
    assert row.finder is not None
    assert set(row.finder) == {"step_s", "merge", "merge_share"}
    save_thresholds(run, fit.thresholds)
    settings, _ = chosen(journal, FAST)
    assert settings.by_class[run.info.labels[0]].merge == row.finder["merge"]


def test_what_cannot_be_fitted_is_said(run: RunFolder, tmp_path: Path) -> None:
    journal, truth = sea(run, tmp_path / "one", 1)
    settings = FitSettings(Target("precision", 0.9), events=FAST, fit_finder=False)
    (tmp_path / "t.csv").write_text("file,start_s,end_s,species\na.wav,1,2,Unicorn\n")
    with pytest.raises(InputError, match="no event of the truth is of a class of the model"):
        fit_on_scan(run, journal, [tmp_path / "t.csv"], settings)
    other = scanned(tmp_path / "other", {"a.wav": np.zeros((3, 2))})
    with pytest.raises(RunError, match="is not the model of this scan"):
        fit_on_scan(run, other, [truth], settings)
    classes = fit_on_scan(run, journal, [truth], settings).thresholds.classes
    assert classes[run.info.labels[1]].threshold is None
    assert classes[run.info.labels[1]].n_calls == 0


def test_calls_that_were_placed_from_one_tape_show_nothing(run: RunFolder, tmp_path: Path) -> None:
    journal, truth = sea(run, tmp_path / "one", 1)
    first, *rows = truth.read_text().splitlines()
    settings = FitSettings(Target("precision", 0.9), events=FAST, fit_finder=False)
    name = run.info.labels[0]
    for tapes, why in ((("a", "b"), ""), (("a", "a"), "one group")):
        placed = [f"{row},{tapes[i % 2]}" for i, row in enumerate(rows)]
        truth.write_text("\n".join([f"{first},source_group", *placed]) + "\n", encoding="utf-8")
        fit = fit_on_scan(run, journal, [truth], settings)
        assert any("share tapes" in note and "--apart" in note for note in fit.notes)
        row = fit.thresholds.classes[name]
        assert row.why == why
        assert (row.threshold is None) == bool(why)


def test_what_was_asked_for_decides(run: RunFolder, tmp_path: Path) -> None:
    journal, _ = sea(run, tmp_path / "one", 1)
    name = run.info.labels[0]
    _, default = chosen(journal, FAST)
    assert default.of("x") == (0.5,) * len(run.info.labels)
    assert "never measured" in default.notes[0]
    _, given = chosen(journal, FAST, ThresholdRequest(threshold=("0.7", f"{name.upper()}=0.2")))
    assert given.of("x")[:2] == (0.2, 0.7)
    _, target = chosen(journal, FAST, ThresholdRequest(target="recall=0.6"))
    assert "recall=0.6 on validation clips" in target.notes[0]
    for asked, message in (
        (ThresholdRequest(threshold=("2",)), "--threshold 2"),
        (ThresholdRequest(threshold=("Unicorn=0.5",)), "unknown class"),
        (ThresholdRequest(threshold=("0.5",), target="recall=0.5"), "--target together with --threshold"),
        (ThresholdRequest(target="best"), "--target best"),
    ):
        with pytest.raises(SettingsError, match=message):
            chosen(journal, FAST, asked)
    lost = scanned(tmp_path / "lost", {"a.wav": np.zeros((3, 2))}, model="nowhere/run")
    assert chosen(lost, FAST)[1].of("x") == (0.5, 0.5)
    with pytest.raises(RunError, match="--run RUN"):
        chosen(lost, FAST, ThresholdRequest(target="recall=0.5"))


def test_the_command(run: RunFolder, tmp_path: Path) -> None:
    journal, truth = sea(run, tmp_path / "one", 1)

    def call(*words: object) -> Result:
        return CliRunner().invoke(app, ["thresholds", str(run.path), *map(str, words)])

    assert "no thresholds were fitted" in str(call().exception)
    on_scan = ("--scan", journal.folder, "--truth", truth, "--no-boxes", "--target", "precision=0.9")
    done = call(*on_scan, "--json")
    assert done.exit_code == 0, done.output
    fitted = json.loads(done.stdout)
    assert fitted["classes"][run.info.labels[0]]["threshold"] == pytest.approx(0.75, abs=0.12)
    assert fitted["hours"] == pytest.approx(3 * (N + 1) / 3600, abs=0.01)
    shown = call()
    assert "target precision=0.9, fitted on events of a scan" in shown.stdout
    assert "its threshold stays 0.5" in shown.stdout
    assert "In the sea calls are rarer" in call("--target", "recall=0.5").stdout
    for words in (("--scan", journal.folder), ("--truth", truth), ("--target", "x"), on_scan[:4]):
        assert isinstance(call(*words).exception, InputError)
