"""Whether a sound is of a species that the classifier knows: the answer "none of these".

    known = Familiarity.of_run(RunFolder.open("runs/mine"))
    known.share(logits)                # (N,): share of validation clips that were not more familiar

A classifier names one of its species for any sound, also for a species that it was never trained on. The
energy of the logits (`metrics.novelty`) tends to be lower then. The share is a p-value: a call of a known
species is below 0.05 in 5 of 100 cases, if it resembles the validation clips, which are of recording groups
that were not trained on. It needs no example of an unknown species, and no training: the run has the scores
of its validation clips.

`benchmarks/unknown.py` measures how well this tells left-out species from known ones, beside other scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.metrics.novelty import energy

FEWEST = 20  # validation clips: with fewer, 5 % is less than one clip


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The energies (n,) of the validation clips, in ascending order."""

    energies: NDArray[np.float64]

    @classmethod
    def of_run(cls, run: RunFolder) -> Familiarity:
        """From the scores of the validation clips of a run, and of its folds.

        Raises `RunError` when the run has fewer than `FEWEST` of them.
        """
        clips = Manifest.load(run.manifest).clips
        parts = [run, *run.folds]
        found = [_energies(part, clips) for part in parts if part.validation_scores.is_file()]
        energies = np.sort(np.concatenate([np.zeros(0), *found]))
        if len(energies) < FEWEST:
            raise RunError(
                f"{run.path}: {len(energies)} validation clips; {FEWEST} are needed to say what is unknown",
                "train with a larger validation set: --split 70/15/15",
            )
        return cls(energies)

    def share(self, logits: np.ndarray) -> NDArray[np.float64]:
        """(N,) from 0 to 1 for calibrated logits (N, K); below 0.05: less familiar than 95 % of the clips."""
        below = np.searchsorted(self.energies, energy(logits), side="right")
        return np.asarray((1 + below) / (1 + len(self.energies)), dtype=np.float64)


def _energies(run: RunFolder, clips: tuple[Clip, ...]) -> NDArray[np.float64]:
    scores, _ = load_scores(run.validation_scores, clips)
    return energy(scores.logits)
