"""How sounds of a generator compare with real ones in the embedding of a backbone that others trained.

    judged = EmbeddedSets(train, train_vocoded, unseen)     # real clips, three times embedded
    judged.of_samples(samples, vocoded)                     # a row of figures

The classifier that an audit trains on log-mels shares the features of the generator and flatters it.
Here, every figure comes from embeddings of sound:

- `recognised`: mean over species of the share of samples that logistic regression recognises, trained on the
  training clips of the generator; `recognised_by_unseen`: the same, trained on clips of unseen tapes.
- `kad_unseen`: kernel distance to clips of unseen tapes, each species with the same weight.
- `real_made_auc`: whether a classifier tells samples from real clips, of species that it does not know. Real
  clips went through the vocoder too, so only the generator is compared; `real_made_auc_raw`: the real clips
  as recorded.
- `substitution`: accuracy on unseen tapes of logistic regression trained on samples, over that of one trained
  on clips.
- `diversity`: mean distance between samples of a species over the mean distance between its clips.

Figures of unseen tapes count species with at least five clips on both sides. Intervals of 95 %: `_ci` of
`recognised`, `recognised_by_unseen` and `kad_unseen` over species, of `substitution` over unseen tapes;
of the AUC the range of the five parts of the species.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline

from finback.evaluation.generator_audit.set_metrics import PER_SPECIES, resampled_means
from finback.metrics import bootstrap
from finback.metrics.copying import diversity, vector_distances
from finback.metrics.generative import KernelBlocks
from finback.metrics.real_or_made import logistic, real_made_aucs

FEWEST = 5  # clips of a species on each side
FOLDS = 5  # of the clips that the classifier itself was trained on
FIGURES = (
    "recognised",
    "recognised_by_unseen",
    "kad_unseen",
    "real_made_auc",
    "real_made_auc_raw",
    "substitution",
    "diversity",
)
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Vectors:
    """N embedded sounds, the species and the recording group of each."""

    z: NDArray[np.float32]  # (N, D)
    y: NDArray[np.int64]  # (N,) class ids
    groups: Sequence[str] = ()  # (N,)

    def where(self, chosen: NDArray[Any]) -> Vectors:
        """The sounds with these numbers, or where this mask (N,) is true."""
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        groups = tuple(self.groups[int(i)] for i in rows) if len(self.groups) else ()
        return Vectors(self.z[rows], self.y[rows], groups)

    def at_most(self, n: int = PER_SPECIES, seed: int = 0) -> Vectors:
        """At most n sounds of each species, drawn at random."""
        rng = np.random.default_rng(seed)
        chosen = [rng.permutation(np.flatnonzero(self.y == k))[:n] for k in np.unique(self.y)]
        return self.where(np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *chosen])))


@dataclass(frozen=True, eq=False)
class EmbeddedSets:
    """Real clips in one embedding: the training clips of the generator, the same vocoded, and clips of
    unseen tapes."""

    train: Vectors
    vocoded: Vectors
    unseen: Vectors

    @cached_property
    def species(self) -> NDArray[np.int64]:
        """Class ids with enough clips of both kinds of tapes."""
        counts = [
            np.bincount(v.y, minlength=1 + max(self.train.y.max(initial=0), self.unseen.y.max(initial=0)))
            for v in (self.train, self.unseen)
        ]
        return np.flatnonzero(np.min(counts, axis=0) >= FEWEST)

    def of_samples(self, made: Vectors, vocoded: Vectors | None = None) -> Row:
        """The figures of a generator. `vocoded`: its samples through the vocoder, if they are not yet."""
        return {
            **self._recognition(made, self._by_train),
            **self._kad(made),
            **self._auc("real_made_auc", self.vocoded, vocoded or made),
            **self._auc("real_made_auc_raw", self.train, made),
            **self._substitution(made),
            "diversity": self._diversity(made),
        }

    def of_train(self) -> Row:
        """The training clips of the generator, recognised by classifiers of the other clips."""
        held = self._left_out()
        values = [float(np.mean(held[self.train.y == k] == k)) for k in np.unique(self.train.y)]
        return {
            **self._recognition(self.train, None),
            "recognised": float(np.mean(values)) if values else None,
            "recognised_ci": _over(values),
            **self._kad(self.train),
            **self._substitution(self.train),
            "diversity": 1.0,
        }

    def of_unseen(self) -> Row:
        """Clips of unseen tapes: nothing can be trained on them and tested on them."""
        return {
            **_empty(),
            **self._recognition(self.unseen, self._by_train, by_unseen=False),
            **self._auc("real_made_auc_raw", self.train, self.unseen),
            "diversity": self._diversity(self.unseen),
        }

    def of_vocoded(self) -> Row:
        """The training clips of the generator, through the vocoder: what the vocoder alone changes."""
        return {**self.of_samples(self.vocoded), "real_made_auc": None, "real_made_auc_ci": None}

    @cached_property
    def _by_train(self) -> Pipeline:
        return logistic().fit(self.train.z, self.train.y)

    @cached_property
    def _by_unseen(self) -> Pipeline | None:
        known = self.unseen.where(np.isin(self.unseen.y, self.species))
        return logistic().fit(known.z, known.y) if len(self.species) > 1 else None

    @cached_property
    def _taught_by_train(self) -> NDArray[np.bool_]:
        known = self.train.where(np.isin(self.train.y, self.species))
        tested = self._tested
        return np.asarray(logistic().fit(known.z, known.y).predict(tested.z) == tested.y)

    @cached_property
    def _tested(self) -> Vectors:
        return self.unseen.where(np.isin(self.unseen.y, self.species))

    def _left_out(self) -> NDArray[np.int64]:
        """(N,) predictions for train clips by classifiers trained without them; -1 for single clips."""
        y = self.train.y
        common = np.bincount(y, minlength=1)[y] >= 2
        found = np.full(len(y), -1)
        if len(np.unique(y[common])) > 1:
            folds = KFold(min(FOLDS, int(common.sum())), shuffle=True, random_state=0)
            found[common] = cross_val_predict(logistic(), self.train.z[common], y[common], cv=folds)
        return found

    def _recognition(self, made: Vectors, by_train: Pipeline | None, by_unseen: bool = True) -> Row:
        row = _empty()
        if by_train is not None:
            values = _recalls(by_train, made)
            row |= {"recognised": _mean(values), "recognised_ci": _over(values)}
        known = made.where(np.isin(made.y, self.species))
        if by_unseen and self._by_unseen is not None and len(known.y):
            values = _recalls(self._by_unseen, known)
            row |= {"recognised_by_unseen": _mean(values), "recognised_by_unseen_ci": _over(values)}
        return row

    def _kad(self, made: Vectors) -> Row:
        ours, reference = (v.where(np.isin(v.y, self.species)).at_most() for v in (made, self.unseen))
        try:
            blocks = KernelBlocks.of(reference.z, reference.y, ours.z, ours.y)
        except ValueError:  # too few sounds
            return {"kad_unseen": None, "kad_unseen_ci": None}
        return {"kad_unseen": blocks.distance(), "kad_unseen_ci": blocks.interval()}

    def _auc(self, name: str, real: Vectors, made: Vectors) -> Row:
        a, b = real.at_most(), made.at_most()
        aucs = real_made_aucs(a.z, a.y, b.z, b.y)
        if not len(aucs):
            return {name: None, f"{name}_ci": None}
        return {name: float(aucs.mean()), f"{name}_ci": [float(aucs.min()), float(aucs.max())]}

    def _substitution(self, made: Vectors) -> Row:
        taught = made.where(np.isin(made.y, self.species)).at_most()
        nothing: Row = {"substitution": None, "substitution_ci": None}
        if len(np.unique(taught.y)) < 2 or not self._taught_by_train.any():
            return nothing
        tested = self._tested
        right = logistic().fit(taught.z, taught.y).predict(tested.z) == tested.y
        both = np.stack([right, self._taught_by_train], axis=1).astype(float)
        mine, real = np.mean([both[tested.y == k].mean(axis=0) for k in np.unique(tested.y)], axis=0)
        row = {**nothing, "substitution": float(mine / real)}
        row |= {"taught": float(mine), "taught_by_clips": float(real)}
        if (drawn := resampled_means(both, tested.y, list(tested.groups))) is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                row["substitution_ci"] = bootstrap.percentiles(drawn[1][:, 0] / drawn[1][:, 1])
        return row

    def _diversity(self, made: Vectors) -> float | None:
        values = []
        for k in np.unique(made.y):
            own, real = made.z[made.y == k], self.train.z[self.train.y == k]
            values.append(diversity(vector_distances(own, own), vector_distances(real, real)))
        return _mean([v for v in values if v is not None])


def _empty() -> Row:
    return {key: None for name in FIGURES for key in (name, f"{name}_ci") if key != "diversity_ci"}


def _recalls(classifier: Pipeline, made: Vectors) -> list[float]:
    """The share of recognised sounds of each species."""
    right = classifier.predict(made.z) == made.y
    return [float(right[made.y == k].mean()) for k in np.unique(made.y)]


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _over(values: list[float]) -> list[float] | None:
    """The interval of a mean over species."""
    if len(values) < 2:
        return None
    weights = bootstrap.draw_groups(len(values))
    return bootstrap.percentiles(weights @ np.array(values) / len(values))
