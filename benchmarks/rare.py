"""The effect of each policy for rare species on the other species, and the recognition of the rare species.

    python benchmarks/rare.py AUDIO LABELS.csv --groups FILE.csv:COLUMN [--family birdnet] [--below 3 25]

Grouped cross-validation (3 folds), trained and tested once for each seed by the code of `finback train` and
`finback evaluate`. Columns: accuracy and mean F1 over the clips of common species; the share of clips of rare
species that are classified correctly (with `bucket`: as the bucket); the share of clips of common species
that are classified as a rare species; the number of tested clips of rare species; the calibration error over
all clips. The folds are drawn for the remaining labels, so they differ between policies.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from finback.core.runs.scores import load_scores
from finback.data.audit.duplicates import Duplicates, find
from finback.data.dataset import prepare
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.data.rare import RareSettings, rare_species
from finback.evaluation.evaluate import evaluate_run
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

COLUMNS = ("accuracy", "F1", "rare right", "falsely rare", "rare clips", "ECE")
CHOICES = ("keep", "drop", "bucket", "prototype")
FOLDS = 3


def figures(
    manifest: Manifest, copies: Duplicates, family: str, rare: RareSettings, seed: int, more: list[str]
) -> list[float]:
    """One row of the table, for one seed."""
    split = {"folds": FOLDS, "seed": seed}
    settings = resolve("watkins", more, family, split=split, rare=rare.model_dump())
    names = set(rare_species(manifest.clips, rare))
    called = {clip.key: clip.label for clip in manifest.clips}
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            Plan(family, settings, seed, "cpu"), prepare(manifest, copies, rare), Path(folder) / "run"
        )
        metrics = evaluate_run(run.path, "cpu")
        clips = Manifest.load(run.path / "manifest.csv").clips
        scores, _ = load_scores(run.scores, clips)
    predicted = [scores.labels.names[k] for k in scores.logits.argmax(axis=1)]
    is_rare = np.array([called[c.key] in names for c in scores.clips])
    right = np.array([s == c.label for s, c in zip(predicted, scores.clips, strict=True)])
    predicted_rare = np.array([s in names or s == rare.bucket for s in predicted])
    f1 = [
        s["f1"]
        for name, s in metrics["per_species"].items()
        if s["n_clips"] and name not in {*names, rare.bucket}
    ]
    recall = right[is_rare].mean() if is_rare.any() else np.nan
    common = ~is_rare
    return [
        right[common].mean(),
        np.mean(f1),
        recall,
        predicted_rare[common].mean(),
        is_rare.sum(),
        metrics["ece"],
    ]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("audio", type=Path)
    options.add_argument("labels", type=Path)
    options.add_argument("--groups")
    options.add_argument("--family", default="birdnet")
    options.add_argument("--below", type=int, nargs="+", default=[3, 25])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--set", action="append", default=[], dest="more")
    asked = options.parse_args()
    manifest = index(IndexRequest(audio=asked.audio, labels=asked.labels, groups=asked.groups))
    copies = find(manifest.clips)
    for below in asked.below:
        n = len(rare_species(manifest.clips, RareSettings(below=below)))
        print(
            f"\n{n} species with fewer than {below} clips; {asked.family}, {FOLDS} folds, {asked.seeds} seeds"
        )
        print(" " * 10 + "".join(f"{name:>14}" for name in COLUMNS))
        for how in CHOICES:
            rare = RareSettings(how=how, below=below)
            rows = [
                figures(manifest, copies, asked.family, rare, seed, asked.more) for seed in range(asked.seeds)
            ]
            means = zip(COLUMNS, np.mean(rows, axis=0), strict=True)
            cells = (f"{v:14.0f}" if name == "rare clips" else f"{v:14.3f}" for name, v in means)
            print(f"{how:10}" + "".join(cells))


if __name__ == "__main__":
    main()
