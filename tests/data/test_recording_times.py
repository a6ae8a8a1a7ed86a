"""Start times of a folder: pattern and zone by option, one sentence, one note for recordings alike."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from sounds import sound, table
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest

NAMES = ("19700101_000554", "19700102_000554", "20231117_095200", "CAT_230504_195202", "whale")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        sound(tmp_path / "audio" / f"{name}.wav", seed=seed)
    rows = "".join(f"{name}.wav,{'ab'[i % 2]}\n" for i, name in enumerate(NAMES))
    table(tmp_path / "labels.csv", "file,species\n" + rows)
    return tmp_path


def indexed(folder: Path, **options: Any) -> Manifest:
    return index(IndexRequest(audio=folder / "audio", labels=folder / "labels.csv", **options))


def of_times(manifest: Manifest) -> list[tuple[str, str]]:
    return [(p.file, p.message) for p in manifest.problems if p.kind == "start_time"]


def test_the_sentence_and_the_notes(folder: Path) -> None:
    manifest = indexed(folder, strict=True)  # they are notes
    assert manifest.source.start_times == (
        "1 of 5 recordings known (file name, without a zone, read as UTC: 1), 4 unknown (the clock was never "
        "set: 2; the name may hold a time in a form that is not known: 1; no time in the file or its name: 1)"
    )
    never, form = of_times(manifest)
    assert never[0] == "19700101_000554.wav"
    assert "1970-01-01 00:05:54" in never[1]
    assert never[1].endswith("(and 1 more like this one)")
    assert form[0] == "CAT_230504_195202.wav"


def test_a_pattern_and_a_zone(folder: Path) -> None:
    manifest = indexed(folder, time_pattern="%y%m%d_%H%M%S", time_zone="America/New_York")
    times = {c.recording.path.name: str(c.recording.start_time) for c in manifest.clips}
    assert times["CAT_230504_195202.wav"] == "2023-05-04 23:52:02+00:00"
    assert times["20231117_095200.wav"] == "2023-11-17 14:52:00+00:00"
    assert times["19700101_000554.wav"] == "None"
    assert manifest.source.start_times.endswith(
        "; given: --time-pattern %y%m%d_%H%M%S, --time-zone America/New_York"
    )
    file, message = of_times(manifest)[0]
    assert (file, message) == (
        "19700101_000554.wav",
        "--time-pattern %y%m%d_%H%M%S matches 1 of 5 file names, not this one",
    )


def test_the_options_are_kept_with_the_manifest(folder: Path) -> None:
    manifest = indexed(folder, time_zone="UTC-5")
    manifest.save(folder / "out" / "manifest.csv")
    again = Manifest.load(folder / "out" / "manifest.csv")
    assert again == manifest
    assert "given: --time-zone UTC-5" in again.source.start_times
    with open(folder / "out" / "manifest.csv", newline="") as file:
        sources = {row["file"]: row["start_time_source"] for row in csv.DictReader(file)}
    assert sources["20231117_095200.wav"] == "file name, in UTC-5"
    assert {c.recording.start_time_source for c in again.clips} == set(sources.values())
    request = IndexRequest(audio=folder / "audio", labels=folder / "labels.csv", time_zone="UTC-5")
    assert prepare_request(request).source == manifest.source  # a run folder stores this


def test_wrong_options_are_refused_before_any_audio_is_read(folder: Path) -> None:
    for name in NAMES:
        (folder / "audio" / f"{name}.wav").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"matches none of 5 file names, for example not 19700101_000554\.wav"
    ):
        indexed(folder, time_pattern="%d-%m-%Y %H.%M")
    with pytest.raises(InputError, match="no such time zone"):
        indexed(folder, time_zone="Europe/Pariss")
    with pytest.raises(InputError, match="without a year"):
        indexed(folder, time_pattern="%H%M%S")


@pytest.mark.parametrize(
    "command", ["index", "split", "audit", "train", "run", "compare", "evaluate", "synthesize"]
)
def test_every_command_on_a_folder_has_the_options(command: str) -> None:
    printed = CliRunner().invoke(app, [command, "--help"], terminal_width=200).output
    assert "--time-pattern" in printed
    assert "--time-zone" in printed


def test_index_prints_one_line_on_start_times(folder: Path) -> None:
    asked = ["index", "--audio", str(folder / "audio"), "--labels", str(folder / "labels.csv")]
    printed = CliRunner().invoke(app, asked).output
    assert sum(line.startswith("start times: 1 of 5 recordings known") for line in printed.splitlines()) == 1
    printed = CliRunner().invoke(app, [*asked, "--json", "--time-zone", "UTC"]).stdout
    assert '"file name, in UTC": 1' in printed
    assert '"time_zone": "UTC"' in printed


def test_evaluate_takes_them_only_with_a_folder(trained: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(trained), "--time-zone", "UTC"])
    assert "--time-zone without --audio" in str(done.exception)
