"""Classifiers on frozen embeddings: those that model the differences between tapes are better on new tapes.

    python benchmarks/heads.py [FRONT ...] [--seeds N]

FRONT: birdnet, aisfx or mfcc (default: all). The protocol is that of benchmarks/backbones.py, with fold seeds
from 101 on, which are not used for other reported figures; the tapes are the same. The classifier was chosen
by these figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import recordings
import torch
from backbones import FOLDS
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from finback.core.types import Labels
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.networks.heads import Forest, Head, Logistic
from finback.models.networks.plda import Plda
from finback.training.settings import resolve

FAMILY = {"birdnet": "birdnet", "aisfx": "aisfx", "mfcc": "mfcc-plda"}  # whose spec a front end has
FIRST_SEED = 101
Make = Callable[[int], Head]
# Name, head, whether the weight of an example is its share of the tape, and not of the clip.
ROWS: list[tuple[str, Make, bool]] = [
    ("logistic, C = 0.001", lambda k: Logistic(k, 0.001), False),
    ("logistic, C = 0.01", lambda k: Logistic(k, 0.01), False),
    ("logistic, C = 0.1", lambda k: Logistic(k, 0.1), False),
    ("logistic, C = 0.01, tapes count alike", lambda k: Logistic(k, 0.01), True),
    ("forest", lambda k: Forest(k), False),
    ("plda, 20 directions", lambda k: Plda(k, 20), False),
    ("plda, 40 directions", lambda k: Plda(k, 40), False),
    ("plda, 80 directions", lambda k: Plda(k, 80), False),
    ("plda, 120 directions", lambda k: Plda(k, 120), False),
]


class Clips:
    """Vectors of every window of every clip, with clip, species and tape."""

    def __init__(self, front: str) -> None:
        clips, _ = recordings.clips()
        store = FeatureStore(Extractor(resolve(family=FAMILY[front]).features, front), default_folder())
        windows = [store(clip) for clip in clips]
        self.n = np.array([len(w) for w in windows])
        self.x, self.owner = np.concatenate(windows), np.repeat(np.arange(len(clips)), self.n)
        self.labels = Labels.of(clips)
        self.y = self.labels.targets(clips)
        self.tape = np.unique([clip.group for clip in clips], return_inverse=True)[1]

    def score(self, make: Make, by_tape: bool, seed: int) -> tuple[float, float]:
        """Accuracy, and macro-F1 over the species with more than one tape, of one seed's folds together."""
        guess = np.empty_like(self.y)
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(self.y, self.y, self.tape):
            of = self.owner[np.isin(self.owner, train)]
            share = 1 / self.n[of] / (np.bincount(self.tape[train])[self.tape[of]] if by_tape else 1)
            torch.manual_seed(seed)
            head = make(len(self.labels))
            head.fit(self.x[np.isin(self.owner, train)], self.y[of], share, self.tape[of])
            with torch.inference_mode():
                logits = head(torch.from_numpy(self.x)).numpy()
            total = np.stack([np.bincount(self.owner, column) for column in logits.T], axis=1)
            guess[test] = (total / self.n[:, None]).argmax(axis=1)[test]
        several = [k for k in range(len(self.labels)) if len(set(self.tape[self.y == k])) > 1]
        return float((guess == self.y).mean()), float(
            f1_score(self.y, guess, labels=several, average="macro")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fronts", nargs="*", default=list(FAMILY))
    parser.add_argument("--seeds", type=int, default=4)
    asked = parser.parse_args()
    print(f"{'front end':<10}{'head':<40}{'accuracy':>9}{'macro-F1':>9}   of each seed")
    for front in asked.fronts:
        clips = Clips(front)
        for name, make, by_tape in ROWS:
            found = [clips.score(make, by_tape, FIRST_SEED + i) for i in range(asked.seeds)]
            accuracy, f1 = np.mean(found, axis=0)
            each = " ".join(f"{f:.3f}" for _, f in found)
            print(f"{front:<10}{name:<40}{accuracy:>9.3f}{f1:>9.3f}   {each}", flush=True)


if __name__ == "__main__":
    main()
