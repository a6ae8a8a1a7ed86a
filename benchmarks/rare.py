"""The effect of each policy for rare species on the other species, and the recognition of the rare species.

    python benchmarks/rare.py AUDIO LABELS.csv --groups FILE.csv:COLUMN [--family birdnet] [--below 3 25]

Grouped cross-validation (3 folds), trained and tested once for each seed by the code of `finback train` and
`finback evaluate`. Columns: accuracy and mean F1 over the clips of common species; the share of clips of rare
species that are classified correctly (with `bucket`: as the bucket); the share of clips of common species
that are classified as a rare species; the number of tested clips of rare species; the calibration error over
all clips. The folds are drawn for the remaining labels, so they differ between policies.

`--store` keeps the tables for docs/rare-species.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from stored import Stored, Table, store
from tables import markdown

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

COLUMNS = ("accuracy", "F1", "rare correct", "falsely rare", "rare clips tested", "ECE")
COUNTED = 4  # the column that counts clips
COMMAND = (
    "python benchmarks/rare.py DATA DATA/watkins_all/labels.csv --groups DATA/watkins_all/metadata.csv:group "
    "--store"
)
ABOUT = "Policies for rare species on watkins_all: logistic regression on BirdNET, folds over tapes."
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
    options.add_argument("--store", action="store_true")
    asked = options.parse_args()
    manifest = index(IndexRequest(audio=asked.audio, labels=asked.labels, groups=asked.groups))
    copies = find(manifest.clips)
    values: dict[str, Any] = {"n_clips": len(manifest.clips), "seeds": asked.seeds, "folds": FOLDS}
    values["n_species"] = len({clip.label for clip in manifest.clips})
    tables = {}
    for below in asked.below:
        values[f"{below}.n_rare"] = len(rare_species(manifest.clips, RareSettings(below=below)))
        rows = []
        for how in CHOICES:
            rare = RareSettings(how=how, below=below)
            of_seeds = [
                figures(manifest, copies, asked.family, rare, seed, asked.more) for seed in range(asked.seeds)
            ]
            means = [None if np.isnan(v) else float(v) for v in np.mean(of_seeds, axis=0)]
            means[COUNTED] = round(means[COUNTED] or 0)
            rows.append((how, *means))
            for name, value in zip(COLUMNS, means, strict=True):
                values[f"{below}.{how}.{name.replace(' ', '-')}"] = value
        tables[f"below-{below}"] = Table(("policy", *COLUMNS), rows)
        print(f"\n{values[f'{below}.n_rare']} species with fewer than {below} clips; {asked.family}\n")
        print(markdown(tables[f"below-{below}"]), flush=True)
    if asked.store:
        store("rare", Stored(COMMAND, ABOUT, values, tables))


if __name__ == "__main__":
    main()
