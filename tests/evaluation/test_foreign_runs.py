"""No path of a run folder from elsewhere is opened: recordings are found by content where the user says."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from forked import Done, forked

from finback.audio import validation
from finback.audio.io import content_id, probe, write
from finback.core.errors import AudioError, InputError
from finback.core.storage.files import read_json, write_json
from finback.data.dataset import Dataset
from finback.data.locate import locate
from finback.data.manifest import Manifest
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.pages.run_data import PNG, picture_of_file
from finback.evaluation.pages.write import write as write_report
from finback.evaluation.trained_run import TrainedRun


@pytest.fixture
def foreign(trained: Path, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder of somebody else, not evaluated; `tmp_path / "audio"` has its recordings."""
    run = shutil.copytree(trained, tmp_path / "run")
    for name in ("metrics.json", "scores.parquet", "report.html"):
        (run / name).unlink()
    shutil.copytree(simulated / "audio", tmp_path / "audio")
    monkeypatch.setenv("FINBACK_STATE", str(tmp_path / "state of another user"))
    return run


def point_at(run: Path, path: Path, as_text: str, content: str = "") -> None:
    """Let the first test clip of a run's tables be another file."""
    manifest, split = run / "manifest.csv", run / "split.csv"
    tested = next(row for row in csv.DictReader(split.open()) if row["subset"] == "test")
    info = probe(path)
    stop = str(info.n_samples)
    rows = list(csv.DictReader(manifest.open()))
    for row in rows:
        if row["recording_id"] == tested["recording_id"]:
            row.update(file=as_text, start="0", stop=stop, n_samples=stop, sample_rate=str(info.sample_rate))
            row["recording_id"] = content or content_id(path)
    with manifest.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    old = ",".join([tested["recording_id"], tested["file"], tested["start"], tested["stop"]])
    new = ",".join([content or content_id(path), "innocent.wav", "0", stop])
    assert old in split.read_text()
    split.write_text(split.read_text().replace(old, new))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "private.wav"
    path.parent.mkdir()
    write(path, np.random.default_rng(5).normal(0, 0.1, 4000).clip(-1, 1), 4000)
    return path


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Real paths of all files that are read as sound or hashed from now on: each is looked at first."""
    names: list[str] = []
    original = validation.file_status

    def noted(path: Path) -> os.stat_result:
        names.append(os.path.realpath(path))
        return original(path)

    monkeypatch.setattr(validation, "file_status", noted)
    return names


def test_the_recordings_of_a_foreign_run_are_not_opened_until_their_folder_is_named(
    foreign: Path, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(AudioError, match=r"not made here.*; name the folder .*--recordings FOLDER"):
        evaluate_run(foreign, "cpu")
    assert "<audio" not in write_report(foreign).read_text()
    found = locate(foreign, [tmp_path / "audio"])
    assert found.missing == ()
    assert evaluate_run(foreign, "cpu") == evaluate_run(trained, "cpu")
    assert "<audio" in write_report(foreign).read_text()


@pytest.mark.parametrize("way", ["absolute", "parents", "link", "audio is the root"])
@pytest.mark.parametrize("knows_its_content", [True, False])
def test_no_path_of_a_foreign_manifest_is_followed(
    foreign: Path,
    private: Path,
    tmp_path: Path,
    way: str,
    knows_its_content: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problems = foreign / "problems.json"
    audio = Path(read_json(problems)["audio"])
    text = {
        "absolute": str(private),
        "parents": os.path.relpath(private, audio),
        "link": "link.wav",
        "audio is the root": str(private.relative_to("/")),
    }[way]
    if way == "audio is the root":
        write_json(problems, read_json(problems) | {"audio": "/"})
    if way == "link":
        (tmp_path / "audio" / "link.wav").symlink_to(private)
        write_json(problems, read_json(problems) | {"audio": str(tmp_path / "audio")})
    point_at(foreign, private, text, "" if knows_its_content else "0" * 16)
    names = opened(monkeypatch)
    with pytest.raises(AudioError, match="not made here"):
        evaluate_run(foreign, "cpu")
    write_report(foreign)
    found = locate(foreign, [tmp_path / "audio"])  # the folder that holds all other recordings
    assert len(found.missing) == 1
    assert len(found.links_out) == (way == "link")
    with pytest.raises(AudioError, match=r"private\.wav|link\.wav"):
        evaluate_run(foreign, "cpu")
    write_report(foreign)
    for dataset in (Dataset.load(foreign), Dataset.load(foreign, tmp_path / "audio")):
        located = [c.recording.path for c in dataset.clips if c.recording.located]
        assert str(private) not in [os.path.realpath(path) for path in located]
    assert len(names) > 30
    assert str(private) not in names


def test_one_changed_byte_makes_a_manifest_foreign(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    assert all(c.recording.located for c in Manifest.load(run / "manifest.csv").clips)
    (run / "manifest.csv").write_text((run / "manifest.csv").read_text() + "\n")
    assert not any(c.recording.located for c in Manifest.load(run / "manifest.csv").clips)


def test_recordings_that_moved_and_got_other_names_are_found(foreign: Path, tmp_path: Path) -> None:
    for i, path in enumerate(sorted((tmp_path / "audio").iterdir())):
        folder = tmp_path / "moved" / str(i % 3)
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / f"{i}.flac")
    folders = [tmp_path / "moved" / "0", tmp_path / "moved" / "1"]
    found = locate(foreign, folders)
    assert 0 < len(found.missing) < found.located
    assert "not found: " in found.lines()[0]
    run = TrainedRun(foreign, recordings=tmp_path / "moved" / "2")
    assert run.evaluate(device="cpu")["n_clips"] > 0
    manifest = Manifest.load(foreign / "manifest.csv")
    assert all(c.recording.located for c in manifest.clips)
    assert {manifest.file_of(c).split("/")[0] for c in manifest.clips} == {"0", "1", "2"}


def test_a_folder_without_the_recordings_is_refused(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"none of the 32 recordings .* is there, by content"):
        locate(foreign, [tmp_path / "empty"])
    with pytest.raises(InputError, match="no such folder"):
        locate(foreign, [tmp_path / "nowhere"])


def test_the_commands_take_the_folder(foreign: Path, tmp_path: Path) -> None:
    def finback(*words: object) -> Done:
        return forked(words, tmp_path)

    refused = finback("evaluate", foreign, "--device", "cpu")
    assert refused.returncode == 2
    assert "--recordings FOLDER" in refused.stderr
    named = finback("evaluate", foreign, "--recordings", tmp_path / "audio", "--device", "cpu")
    assert named.returncode == 0, named.stderr
    assert "32 of 32 recordings of the run were found by their content" in named.stderr
    assert "stored result" not in named.stderr
    again = finback("evaluate", foreign, "--device", "cpu")
    assert (again.returncode, again.stdout) == (0, named.stdout)
    assert "this run was evaluated before; its stored result is shown" in again.stderr
    assert finback("report", foreign).returncode == 0
    assert "<audio" in (foreign / "report.html").read_text()


def test_a_picture_that_is_a_link_out_of_the_run_is_not_shown(tmp_path: Path) -> None:
    png = PNG + bytes(8) + (640).to_bytes(4, "big") + bytes(100)
    figures = tmp_path / "run" / "figures"
    figures.mkdir(parents=True)
    (tmp_path / "private.png").write_bytes(png)
    (figures / "map.png").write_bytes(png)
    (figures / "nearest.png").symlink_to(tmp_path / "private.png")
    (figures / "neighbours.png").write_bytes(b"not a picture, but long enough to be one")
    assert picture_of_file(tmp_path / "run", "map", "") is not None
    for name in ("nearest", "neighbours", "absent"):
        assert picture_of_file(tmp_path / "run", name, "") is None
