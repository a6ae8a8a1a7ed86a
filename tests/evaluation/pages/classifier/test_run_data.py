"""The page names what a run folder lacks, and takes each figure from the right file."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from classifier_run import AUDIT, IN_USE, SPEC, Seen, build_run

from finback.core.errors import RunError
from finback.core.runs.info import RunInfo
from finback.core.settings import build
from finback.core.storage.files import write_json
from finback.core.storage.parquet import write_table
from finback.data.manifest import Manifest
from finback.evaluation.pages import classifier as page
from finback.evaluation.pages import confusions
from finback.evaluation.pages.run_data import command, read_run
from finback.report.pages import common, figures, summary
from finback.training.settings import Settings


def test_recordings_that_moved_are_named_as_missing(run):
    manifest = Manifest.load(run / "manifest.csv")
    moved = [replace(c.recording, path=run / "nowhere" / c.recording.path.name) for c in manifest.clips]
    clips = [replace(c, recording=new) for c, new in zip(manifest.clips, moved, strict=True)]
    replace(manifest, clips=tuple(clips)).save(run / "manifest.csv")
    shown = confusions.confusions(read_run(run))
    assert shown
    for item in shown:
        assert "Sound not found" in item.problem
        assert item.sound is None


def test_a_damaged_recording_costs_only_its_own_sound(run, tmp_path):
    data = read_run(run)
    first = confusions.worst(data.scores)[0]
    clips = list(data.manifest.clips)
    for i, clip in enumerate(clips):
        if clip.key == data.keys[first.row]:
            broken = tmp_path / "broken.wav"
            broken.write_bytes(b"RIFF not a sound")
            clips[i] = replace(clip, recording=replace(clip.recording, path=broken))
    shown = confusions.confusions(replace(data, manifest=replace(data.manifest, clips=tuple(clips))))
    assert shown is not None
    assert "cannot be read" in shown[0].problem
    assert all(item.sound for item in shown[1:])


def test_a_folder_with_only_a_run_json_names_what_it_lacks(tmp_path):
    write_json(tmp_path / "run.json", {"kind": "classifier", "family": "dnn", "labels": ["a", "b"]})
    text = Seen(page.write(tmp_path).read_text()).words
    for part in (
        "has not been evaluated",
        "were not audited",
        "no training log",
        "Missing from this run folder (6)",
        "metrics.json is missing",
    ):
        assert part in text, part


def test_a_run_without_a_test_set_names_the_reason(run):
    lines = re.sub(r",test(?=\r?\n)", ",validation", (run / "split.csv").read_text())
    (run / "split.csv").write_text(lines)
    for name in ("metrics.json", "scores.parquet"):
        (run / name).unlink()
    text = Seen(page.write(run).read_text()).words
    assert "This run has no test set" in text


@pytest.mark.parametrize("name", ["metrics.json", "audit.json", "scores.parquet", "manifest.csv"])
def test_a_damaged_part_is_named_and_the_rest_is_read(run, name):
    (run / name).write_bytes(b"[1, 2")
    data = read_run(run)
    assert any(text.startswith(f"{name} cannot be read") for text in data.missing)
    assert sum(part is None for part in (data.metrics, data.audit, data.scores, data.manifest)) == 1


def test_only_the_test_set_is_scored(run):
    table = pq.read_table(run / "scores.parquet")
    sides = pa.array(["validation", *["test"] * (len(table) - 1)])
    at = table.column_names.index("subset")
    write_table(run / "scores.parquet", table.set_column(at, "subset", sides), {})
    assert len(read_run(run).scores.truth) == len(table) - 1


def test_no_run_no_page(tmp_path):
    with pytest.raises(RunError, match=r"run\.json"):
        page.write(tmp_path)
    write_json(tmp_path / "run.json", {"kind": "generator"})
    with pytest.raises(RunError, match="no labels"):
        page.write(tmp_path)


def test_a_split_by_clip_is_warned_of_above_everything(tmp_path):
    run = build_run(tmp_path / "run", tmp_path / "audio", by="clip")
    data = read_run(run)
    about_the_split = [text for text in page.warnings(data) if "plit by clip" in text]
    assert len(about_the_split) == 1
    panels = figures.bars(data.metrics, data.audit, data.by_clip)
    models = {title: [bar.label for bar in bars if bar.uses_audio] for title, bars in panels.items()}
    assert list(models.values()) == [[], ["this model"]]
    assert summary.verdict(data.metrics, data.audit, by_clip=True) == ""


def test_folds_are_read_from_their_own_folders(run):
    info = json.loads((run / "run.json").read_text())
    split = {"by": "group", "warnings": ["few tapes"], "untestable": {"Narwhal": "too shy"}}
    write_json(run / "run.json", {**info, "n_folds": 2, "split": [split, split]})
    for i, reason in enumerate(("", "no validation clips")):
        (run / "folds" / str(i)).mkdir(parents=True)
        shutil.copy(run / "metrics.jsonl", run / "folds" / str(i))
        write_json(run / "folds" / str(i) / "run.json", {**info, "not_calibrated": reason})
    data = read_run(run)
    assert [len(log) for log in data.logs] == [10, 10]  # the line cut short is left out
    warnings = page.warnings(data)
    assert warnings.count("Few tapes.") == 1
    assert "Probabilities are not calibrated: no validation clips." in warnings
    assert {row.name: row.why_untested for row in page.species_rows(data)}["Narwhal"] == "too shy"


def test_counts_of_species_come_from_manifest_and_metrics(finished):
    rows = {row.name: row for row in page.species_rows(read_run(finished))}
    assert (rows["Narwhal"].n_clips, rows["Narwhal"].n_groups) == (3, 1)
    assert "single" in rows["Narwhal"].why_untested or "one" in rows["Narwhal"].why_untested
    assert (rows["Minke Whale"].n_clips, rows["Minke Whale"].n_groups) == (12, 4)
    assert rows["Minke Whale"].why_untested == ""


def test_settings_on_the_page_are_a_file_that_gives_them_back():
    settings = build(
        Settings, {"features": SPEC, "split": {"fractions": [0.8, 0.1, 0.1]}, "model": {"width": 8}}
    )
    text = common.toml(settings.model_dump(mode="json"))
    assert build(Settings, tomllib.loads(text)) == settings
    assert common.toml({"seed": 1, "a": {"b": True, "c": None}}) == "seed = 1\n\n[a]\nb = true"
    assert common.flat({"a": {"b": 1, "c": None}}) == {"a.b": "1", "a.c": "none"}


def test_the_command_is_the_one_given(finished):
    data = read_run(finished)
    assert command(replace(data, info=RunInfo(command="finback run --seed 3"))) == "finback run --seed 3"
    assert "'two words'" in command(replace(data, info=RunInfo(command=["finback", "two words"])))


def test_baselines_of_the_model_are_of_its_own_split(finished):
    data = read_run(finished)
    for audit, side, words in (
        (AUDIT, AUDIT["grouped"], "on other splits by group"),
        ({**AUDIT, "in_use": None}, AUDIT["grouped"], "on other splits by group"),
        ({**AUDIT, "in_use": IN_USE, "min_clips_for_audit": 4}, IN_USE, "on the same split"),
    ):
        by_group, by_chance = figures.bars(data.metrics, audit, by_clip=False).values()
        assert [bar.value for bar in by_group[1:]] == [
            side["metadata_accuracy"],
            side["group_lookup_accuracy"],
        ]
        assert [bar.value for bar in by_chance] == [0.73, 0.94]
        assert words in summary.verdict(data.metrics, audit, by_clip=False)
    note = summary.baselines_caption(audit, by_clip=False)
    assert "the split in use (9 test clips of 3 groups), for species with at least 4 clips" in note
    assert "not on the split in use" in summary.baselines_caption(AUDIT, by_clip=False)
    assert summary.baselines_caption(None, by_clip=False) == ""
    by_group, by_chance = figures.bars(data.metrics, audit, by_clip=True).values()
    assert [bar.value for bar in by_chance[1:]] == [0.35, 0.02]  # a split by clip has its own too
    assert [bar.value for bar in by_group] == [0.21, 0.05]
