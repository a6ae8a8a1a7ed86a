"""The page shows what the run folder holds, names what it lacks, and escapes all names."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import tomllib
import wave
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finback.audio.io import open_recording, write
from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.scores import save_scores
from finback.core.runs.split_table import save_split
from finback.core.settings import build
from finback.core.storage.files import write_json
from finback.core.storage.parquet import write_table
from finback.core.types import Clip, Labels, Scores
from finback.data.audit import findings
from finback.data.audit.duplicates import Duplicates
from finback.data.dataset import prepare
from finback.data.manifest import Manifest, SourceInfo
from finback.data.splits.make import describe_split
from finback.data.splits.split import make_split
from finback.evaluation.evaluate import evaluate_scores
from finback.evaluation.pages import classifier as page
from finback.evaluation.pages import confusions
from finback.evaluation.pages.run_data import command, read_run
from finback.report.pages import common, figures, summary
from finback.report.pages.classifier import findings_of
from finback.training.classifier import check_out
from finback.training.plan import Plan
from finback.training.settings import Settings

RATE = 8_000
NASTY = 'Grampus, "Risso\'s" <b>bold</b> & <script>alert(1)</script>'
SPECIES = [NASTY, "Bowhead Whale", "Minke Whale", "Narwhal"]
SPEC = {"sample_rate": RATE, "clip_samples": 4096, "n_fft": 256, "hop": 128, "n_mels": 32, "n_frames": 32}
AUDIT = {
    "random": {"group_leak_share": 0.97, "group_lookup_accuracy": 0.94, "metadata_only_accuracy": 0.73},
    "grouped": {"group_leak_share": 0.0, "group_lookup_accuracy": 0.05, "metadata_only_accuracy": 0.21},
    "exact_duplicates": [],
    "near_duplicates": [
        {"a": f"a{i}.wav", "b": f"b{i}.wav", "similarity": 0.98765, "kind": "excerpt", "offset_s": 0.62}
        for i in range(20)
    ],
    "label_conflicts": [{"a": "<i>p</i>.wav", "a_species": "x", "b": "q.wav", "b_species": "y"}],
    "single_group_species": ["Narwhal"],
    "problems": [{"file": "gone.wav", "message": "no such file", "repair": "remove row 7"}],
}  # the promised keys alone
IN_USE = {
    "group_leak_share": 0.0,
    "group_lookup_accuracy": 0.02,
    "metadata_only_accuracy": 0.35,
    "n_clips": 9,
    "n_groups": 3,
}


def simulated_manifest(folder: Path) -> Manifest:
    """Three species on four tapes with three tones each, and a narwhal on one tape."""
    rng = np.random.default_rng(0)
    clips = []
    for k, species in enumerate(SPECIES):
        for tape in range(1 if species == "Narwhal" else 4):
            for n in range(3):
                path = folder / f"{k}-{tape}-{n}.wav"
                t = np.arange(5_000) / RATE
                write(
                    path, 0.3 * np.sin(2 * np.pi * 400 * (k + 1) * t) + 0.01 * rng.normal(size=len(t)), RATE
                )
                recording = open_recording(path, group=f"tape {k}{tape}")
                clips.append(Clip(recording, 0, recording.n_samples, species))
    return Manifest(tuple(clips), (), SourceInfo("folder", "CC0", "Nobody 2020"), folder)


def build_run(out: Path, audio: Path, by: str = "group") -> Path:
    """A finished run as the real writers leave it, with made-up scores: every third test clip is wrong."""
    manifest = simulated_manifest(audio)
    labels = Labels(tuple(SPECIES))
    settings = build(Settings, {"features": SPEC, "split": {"by": by, "fractions": [0.5, 0.25, 0.25]}})
    result = make_split(manifest.clips, settings.split)
    info = check_out(Plan("cnn2d", settings, 0, "cpu", ""), prepare(manifest, Duplicates()), out)
    info = info.updated(temperature=1.25, split=describe_split(result))
    run = RunFolder.begin(out, info)
    manifest.save(out / "manifest.csv")
    save_split(out / "split.csv", result.split)
    truth = labels.targets(result.split.test)
    predicted = np.where(np.arange(len(truth)) % 3 == 0, (truth + 1) % 3, truth)
    logits = np.random.default_rng(0).normal(size=(len(truth), 4)) * 0.1 + 3 * np.eye(4)[predicted]
    scores = Scores(result.split.test, labels, logits.astype(np.float32))
    save_scores(out / "scores.parquet", scores, np.zeros(len(truth)))
    write_json(run.metrics, evaluate_scores(scores, run.info.multi_group))
    write_json(out / "audit.json", AUDIT)
    log = [
        {
            "step": s,
            "loss": 2 - s / 100,
            "cross_entropy": 2 - s / 100,
            "val_loss": 2.0,
            "val_macro_f1": s / 200,
        }
        for s in range(0, 100, 10)
    ]
    (out / "metrics.jsonl").write_text("\n".join(map(json.dumps, log)) + '\n{"step": 100, "lo')
    return out


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    run = build_run(folder / "run", folder / "audio")
    page.write(run)
    return run


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy to change; its manifest still points at the first one's recordings."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


class Seen(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag):
        self._hidden = False
        self.text += " " if tag in ("td", "p", "h2", "h3", "div", "li") else ""

    def handle_data(self, data):
        if not self._hidden:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def seen(finished) -> Seen:
    return Seen((finished / "report.html").read_text(encoding="utf-8"))


def test_the_page_is_light_and_loads_nothing_from_elsewhere(finished, seen):
    assert (finished / "report.html").stat().st_size < 5_000_000
    for tag, attributes in seen.tags:
        for key in ("src", "href", "data", "poster", "action"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:")), (tag, key, value[:60])
    assert not [a for tag, a in seen.tags if tag in ("link", "iframe", "object", "embed", "base")]
    policy = next(a["content"] for t, a in seen.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_names_are_text_and_nothing_else(seen):
    assert sum(tag == "script" for tag, _ in seen.tags) == 1  # the sorter
    assert NASTY in seen.text
    assert "<i>p</i>.wav and q.wav (labels differ: x; y)" in seen.text


def test_the_headline_shows_the_no_audio_baselines(finished, seen):
    metrics = json.loads((finished / "metrics.json").read_text())
    low, high = metrics["accuracy_ci"]
    assert f"{100 * metrics['accuracy']:.1f} %" in seen.words
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in seen.words
    for text in ("94 %", "73 %", "97 %", "21.0 %"):
        assert text in seen.words


def test_every_part_is_on_the_page(seen):
    for text in (
        "3 of 4 species were tested",
        "Narwhal 3 clips all its clips come from one",
        "b0.wav in a0.wav: excerpt, from 0.62 s, similarity 0.99",
        "12 more",
        "gone.wav: no such file; remove row 7",
        "classified as",
        "Learning curves",
        "temperature 1.25",
        "Nobody 2020",
        "finback train cnn2d --preset settings.toml",
    ):
        assert text in seen.words, text
    assert sum(tag == "img" for tag, _ in seen.tags) >= 6


def test_figures_are_left_as_png_and_svg(finished):
    found = sorted(p.name for p in (finished / "figures").iterdir())
    names = ("confusion", "headline", "learning_curves", "reliability", "roc", "species")
    assert found == sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))


def test_players_hold_short_mono_sound_of_what_is_shown(seen):
    players = [a["src"] for tag, a in seen.tags if tag == "audio"]
    assert 0 < len(players) <= confusions.MOST
    for uri in players:
        with wave.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as file:
            assert file.getnchannels() == 1
            assert file.getframerate() <= 22_050
            assert 0.3 < file.getnframes() / file.getframerate() <= 3.01


def test_the_species_table_can_be_sorted(seen):
    rows = [a for tag, a in seen.tags if tag == "td" and "data-sort" in a]
    assert len(rows) == 9 * len(SPECIES)
    for cell in rows[1:9]:
        float(cell["data-sort"])


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


def test_the_audit_on_the_page_is_the_audit_in_the_terminal(finished, seen):
    for section in findings.sections(AUDIT):
        in_a_table_of_its_own = section.title == findings.UNTESTABLE  # has a table of its own
        for text in (section.title, *section.paragraphs, *section.items):
            assert (text in seen.words) != in_a_table_of_its_own, text
    untested = replace(page.collect(finished), metrics={})
    sections = findings_of(untested)
    assert sections is not None
    assert findings.UNTESTABLE in [section.title for section in sections]


def test_baselines_of_the_model_are_of_its_own_split(finished):
    data = read_run(finished)
    for audit, side, words in (
        (AUDIT, AUDIT["grouped"], "on other splits by group"),
        ({**AUDIT, "in_use": None}, AUDIT["grouped"], "on other splits by group"),
        ({**AUDIT, "in_use": IN_USE, "min_clips_for_audit": 4}, IN_USE, "on the same split"),
    ):
        by_group, by_chance = figures.bars(data.metrics, audit, by_clip=False).values()
        assert [bar.value for bar in by_group[1:]] == [
            side["metadata_only_accuracy"],
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
