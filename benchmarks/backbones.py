"""Frozen backbones with one classifier on top of each, tested on whole tapes: the table of docs/backbones.md.

    python benchmarks/backbones.py [FAMILY ...] [--seeds N]

The species of the Watkins cuts (or of simulated recordings, if there are no Watkins cuts) with at least ten
clips, including species with one tape (no model can classify these when their tape is tested).
`StratifiedGroupKFold(5, shuffle)` over `group` of metadata.csv; logits are averaged over the windows of a
clip, and predictions are pooled over folds; macro-F1 is over the species with more than one tape. Figures are
means over seeds. Embeddings are cached as in training.
"""

from __future__ import annotations

import argparse

import numpy as np
import recordings
import torch
from results import record
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from finback import models
from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.training.settings import resolve

FAMILIES = ("mfcc-svm", "mfcc-forest", "mfcc-plda", "aisfx", "aisfx-plda", "birdnet", "birdnet-plda")
PROBE = "birdnet"  # logistic regression on the embeddings of BirdNET, what is usually done
FOLDS = 5


def evaluate(family: str, clips: list[Clip], seeds: int) -> np.ndarray:
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
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    clips, place = recordings.clips()
    n_species = len(Labels.of(clips))
    print(f"{place}: {len(clips)} clips, {n_species} species, {chosen.seeds} seeds of {FOLDS} folds")
    print(f"{'family':<14}{'accuracy':>10}{'macro-F1':>10}   over seeds")
    macro_f1: dict[str, float] = {}
    for family in chosen.families:
        figures = evaluate(family, clips, chosen.seeds)
        low, high = figures.min(axis=0), figures.max(axis=0)
        spread = f"{low[0]:.3f}-{high[0]:.3f}, {low[1]:.3f}-{high[1]:.3f}"
        print(
            f"{family:<14}{figures[:, 0].mean():>10.3f}{figures[:, 1].mean():>10.3f}   {spread}", flush=True
        )
        macro_f1[family] = float(figures[:, 1].mean())
    for family, value in macro_f1.items():
        if family != PROBE and PROBE in macro_f1:
            ratio = value / macro_f1[PROBE]
            record(f"macro-F1 by tape, {family}", f"{value:.3f}", "probe of BirdNET V2.4", ratio, place)


if __name__ == "__main__":
    main()
