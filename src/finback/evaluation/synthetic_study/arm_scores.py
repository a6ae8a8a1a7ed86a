"""The clips on which all arms are evaluated, and what each arm predicted for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.runs.files import RunFiles
from finback.core.runs.scores import load_scores
from finback.core.types import Clip, Labels, Scores
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.arm import Arm
from finback.evaluation.synthetic_study.plan import Fold, SyntheticStudy, planned_runs
from finback.metrics import classification as classify
from finback.metrics.paired import NOT_TESTED, SeedScores, paired


class ArmScores:
    """Scores of the arms of a study, read from their run folders below `out`."""

    def __init__(self, study: SyntheticStudy, folds: Sequence[Fold], dataset: Dataset, out: Path) -> None:
        self.study, self.folds, self.out = study, folds, out
        self.clips: list[Clip] = list({c.key: c for c in dataset.clips}.values())
        self.labels = Labels.of(self.clips)
        self.place = {c.key: i for i, c in enumerate(self.clips)}
        self.truth = self.labels.targets(self.clips)
        self.groups = [c.group_key for c in self.clips]
        self.tested = sorted({c.label or "" for fold in folds for c in fold.split.test})
        most = {name: max(fold.training_clips.get(name, 0) for fold in folds) for name in self.tested}
        self.low_data = [name for name in self.tested if most[name] < study.settings.low_data_below]
        self.runs = planned_runs(study, folds, out)

    def done(self, arm: Arm) -> list[Fold]:
        """The folds that the arm has finished."""
        return [run.fold for run in self.runs if run.arm == arm and run.is_done]

    def scores(self, arm: Arm, fold: Fold) -> Scores:
        folder = next(run.folder for run in self.runs if run.arm == arm and run.fold == fold)
        return load_scores(RunFiles(folder).scores, self.clips)[0]

    def evaluated(self, arm: Arm) -> list[SeedScores]:
        """Truth, probabilities and groups of the finished folds; one for each seed."""
        by_seed = []
        for seed in self.study.options.seeds:
            parts = [self.scores(arm, fold) for fold in self.done(arm) if fold.seed == seed]
            if parts:
                clips = [c for part in parts for c in part.clips]
                groups = tuple(c.group_key for c in clips)
                probabilities = np.concatenate([part.probabilities for part in parts])
                by_seed.append(SeedScores(self.labels.targets(clips), probabilities, groups))
        return by_seed

    def predictions(self, arm: Arm, only_low_data: bool = False) -> list[NDArray[np.int64]]:
        """Class ids (N,) for each seed, -1 where a clip was not evaluated.

        `only_low_data`: also -1 for clips of species that had enough training clips in the clip's fold.
        """
        by_seed = []
        for seed in self.study.options.seeds:
            row = np.full(len(self.clips), NOT_TESTED)
            for fold in self.done(arm):
                if fold.seed != seed:
                    continue
                low_data = fold.low_data(self.study.settings.low_data_below)
                part = self.scores(arm, fold)
                for clip, predicted in zip(part.clips, part.logits.argmax(axis=1), strict=True):
                    if not only_low_data or clip.label in low_data:
                        row[self.place[clip.key]] = predicted
            by_seed.append(row)
        return by_seed

    def versus(self, arm: Arm, names: Sequence[str], only_low_data: bool = False) -> dict[str, Any] | None:
        """`paired` against the baseline over these species; None if the two have no clip in common."""
        ours = self.predictions(arm, only_low_data)
        theirs = self.predictions(self.study.baseline, only_low_data)
        both = any(((a != NOT_TESTED) & (b != NOT_TESTED)).any() for a, b in zip(ours, theirs, strict=True))
        if not both:
            return None
        chosen = [self.labels.index(name) for name in names]
        return paired(self.truth, ours, theirs, self.groups, chosen)

    def confusion(self, evaluated: SeedScores) -> np.ndarray:
        """(K, K) counts, rows the truth."""
        return classify.confusion(evaluated.truth, evaluated.probabilities.argmax(axis=1), len(self.labels))
