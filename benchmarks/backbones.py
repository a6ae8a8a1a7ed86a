"""Frozen front ends under one head each, by whole tapes: the table of docs/backbones.md.

    python benchmarks/backbones.py [FAMILY ...] [--data FOLDER] [--seeds N]

Species of the Watkins cuts with ten clips or more, single-tape species included (nothing can name those when
their tape is tested). `StratifiedGroupKFold(5, shuffle)` over `group` of metadata.csv; logits averaged over a
clip's windows, predictions pooled over folds; macro-F1 over the species with more than one tape. Mean over
seeds. Vectors are cached as in training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from recordings import watkins
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from finback import models
from finback.data.index import IndexRequest, index
from finback.data.store import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.settings import resolve
from finback.types import Clip, Labels

FAMILIES = ("mfcc-svm", "mfcc-forest", "mfcc-plda", "aisfx", "aisfx-plda", "birdnet", "birdnet-plda")
FOLDS, MIN_CLIPS = 5, 10


def clips_of(folder: Path) -> list[Clip]:
    """The labelled cuts with their tapes, species of fewer than ten clips left out."""
    request = IndexRequest(
        audio=folder / "audio",
        labels=folder / "labels.csv",
        groups=f"{folder / 'metadata.csv'}:group",
        min_clips=MIN_CLIPS,
    )
    return list(index(request).clips)


def judge(family: str, clips: list[Clip], seeds: int) -> np.ndarray:
    """(seeds, 2): accuracy and macro-F1 over the species with more than one tape."""
    spec = resolve(family=family).features
    labels = Labels.of(clips)
    y, tapes = labels.targets(clips), np.array([clip.group for clip in clips])
    group = np.unique(tapes, return_inverse=True)[1]
    store = FeatureStore(Extractor(spec, models.family(family).input), default_folder())
    windows = [store(clip) for clip in clips]
    several = [k for k in range(len(labels)) if len(set(tapes[y == k])) > 1]
    figures = []
    for seed in range(seeds):
        guess = np.empty_like(y)
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(y, y, tapes):
            torch.manual_seed(seed)
            model = models.create(family, spec, len(labels))
            n = np.array([len(windows[i]) for i in train])
            vectors, of_tape = np.concatenate([windows[i] for i in train]), np.repeat(group[train], n)
            model.fit(vectors, np.repeat(y[train], n), np.repeat(1 / n, n), of_tape)
            with torch.inference_mode():
                for i in test:
                    guess[i] = int(model(torch.from_numpy(windows[i])).mean(dim=0).argmax())
        figures.append(((guess == y).mean(), f1_score(y, guess, labels=several, average="macro")))
    return np.array(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("families", nargs="*", default=FAMILIES)
    parser.add_argument("--data", type=Path, default=watkins())
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    clips = clips_of(chosen.data)
    print(f"{len(clips)} clips, {len(Labels.of(clips))} species, {chosen.seeds} seeds of {FOLDS} folds")
    print(f"{'family':<14}{'accuracy':>10}{'macro-F1':>10}   over seeds")
    for family in chosen.families:
        figures = judge(family, clips, chosen.seeds)
        low, high = figures.min(axis=0), figures.max(axis=0)
        spread = f"{low[0]:.3f}-{high[0]:.3f}, {low[1]:.3f}-{high[1]:.3f}"
        print(
            f"{family:<14}{figures[:, 0].mean():>10.3f}{figures[:, 1].mean():>10.3f}   {spread}", flush=True
        )


if __name__ == "__main__":
    main()
