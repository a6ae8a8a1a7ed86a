"""A finished run of a classifier with made-up scores, and the text of a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from finback.audio.io import open_recording, write
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import save_scores
from finback.core.runs.split_table import save_split
from finback.core.settings import build
from finback.core.storage.files import write_json
from finback.core.types import Clip, Labels, Scores
from finback.data.audit.duplicates import Duplicates
from finback.data.dataset import prepare
from finback.data.manifest import Manifest, SourceInfo
from finback.data.splits.make import describe_split
from finback.data.splits.split import make_split
from finback.evaluation.evaluate import evaluate_scores
from finback.training.classifier import check_out
from finback.training.plan import Plan
from finback.training.settings import Settings

RATE = 8_000
NASTY = 'Grampus, "Risso\'s" <b>bold</b> & <script>alert(1)</script>'
SPECIES = [NASTY, "Bowhead Whale", "Minke Whale", "Narwhal"]
SPEC = {"sample_rate": RATE, "clip_samples": 4096, "n_fft": 256, "hop": 128, "n_mels": 32, "n_frames": 32}
AUDIT = {
    "random": {"group_leak_share": 0.97, "group_lookup_accuracy": 0.94, "metadata_accuracy": 0.73},
    "grouped": {"group_leak_share": 0.0, "group_lookup_accuracy": 0.05, "metadata_accuracy": 0.21},
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
    "metadata_accuracy": 0.35,
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
