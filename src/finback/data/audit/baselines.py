"""No-audio baselines: how well a clip's recording group, or its file metadata, predict the species.

A classifier that scores no better than these baselines may recognise recording groups (a tape, a deployment,
a site-day) and not animals. Both are trained on the training set of every split that is given, and evaluated
on its test set:

- group lookup: the most frequent training species of the clip's group; the most frequent training species of
  all where the group is not in training;
- metadata only: a random forest (Breiman 2001) with equal weight for each class. Its inputs are sample rate,
  duration, level, noise floor and bandwidth, which are properties of the recorder and of how the clips of a
  group were cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from finback.core.types import Clip, Labels, Split
from finback.data.audit.quality import Quality

FEATURES = ("log_sample_rate", "log_duration_s", "level_dbfs", "noise_floor_dbfs", "log_bandwidth_hz")
TREES = 200


@dataclass(frozen=True)
class BaselineHits:
    """For each test clip (N,): is its group in training, and is each baseline's answer correct?"""

    clips: tuple[Clip, ...]
    leaked: NDArray[np.bool_] = field(repr=False)
    group_lookup: NDArray[np.bool_] = field(repr=False)
    metadata_only: NDArray[np.bool_] = field(repr=False)


def metadata_features(clips: Sequence[Clip], qualities: Sequence[Quality]) -> NDArray[np.float64]:
    """The columns `FEATURES` of each clip (N, 5): sample rate in Hz, duration in s and bandwidth in Hz as
    common logarithms, level and noise floor in dB re full scale."""
    rows = [
        (
            np.log10(clip.recording.sample_rate),
            np.log10(clip.duration_s),
            quality.level_dbfs,
            quality.noise_floor_dbfs,
            np.log10(max(quality.bandwidth_hz, 1.0)),
        )
        for clip, quality in zip(clips, qualities, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


def group_lookup(train: Sequence[Clip], test: Sequence[Clip]) -> list[str]:
    """The species that the group alone predicts for each test clip; of equally frequent species, the first
    in the alphabet."""
    by_group: dict[str, Counter[str]] = {}
    for clip in train:
        by_group.setdefault(clip.group, Counter())[clip.label or ""] += 1
    overall = _most_frequent(Counter(clip.label or "" for clip in train))
    return [_most_frequent(by_group[clip.group]) if clip.group in by_group else overall for clip in test]


def _most_frequent(tally: Counter[str]) -> str:
    return min(tally, key=lambda name: (-tally[name], name))


def evaluate(
    splits: Sequence[Split],
    features: Mapping[Clip, NDArray[np.float64]],
    species: AbstractSet[str],
    seed: int = 0,
) -> BaselineHits:
    """Train both baselines on the training set of each split, and pool their answers on the test sets.

    `features` gives the metadata (5,) of each clip; a clip without is left out. Only test clips of `species`
    are evaluated.
    """
    clips: list[Clip] = []
    leaked: list[bool] = []
    by_lookup: list[bool] = []
    by_metadata: list[bool] = []
    for split in splits:
        train = [c for c in split.train if c in features]
        test = [c for c in split.test if c in features and c.label in species]
        if not train or not test:
            continue
        groups = {c.group for c in train}
        forest = RandomForestClassifier(TREES, class_weight="balanced", random_state=seed, n_jobs=1)
        # Class ids, not names: scikit-learn takes names of digits (AphiaIDs) for numbers.
        labels = Labels.of(train)
        forest.fit(np.array([features[c] for c in train]), labels.targets(train))
        ids = forest.predict(np.array([features[c] for c in test]))
        predicted = [labels.names[i] for i in ids]
        clips += test
        leaked += [c.group in groups for c in test]
        by_lookup += [name == c.label for name, c in zip(group_lookup(train, test), test, strict=True)]
        by_metadata += [name == c.label for name, c in zip(predicted, test, strict=True)]
    return BaselineHits(
        tuple(clips), np.array(leaked, bool), np.array(by_lookup, bool), np.array(by_metadata, bool)
    )
