"""Baselines that hear nothing: how far the tape's number, or its technical data, gets without the sound.

A classifier that does no better than these has learnt tapes. Two are judged, on whatever splits are given:
- lookup: the commonest training species of the clip's group; of all training clips when the group is new;
- metadata: a random forest (Breiman 2001) of sample rate, duration, level, noise floor and bandwidth, all of
  them properties of the recorder and of how a tape was cut, classes weighted equally.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from finback.core.types import Clip, Split
from finback.data.audit.quality import Quality

FEATURES = ("log_sample_rate", "log_duration_s", "level_dbfs", "noise_floor_dbfs", "log_bandwidth_hz")
TREES = 200


@dataclass(frozen=True)
class Hits:
    """Of each judged clip (N,): was its group in training, and which baseline named it right."""

    clips: tuple[Clip, ...]
    leaked: np.ndarray = field(repr=False)  # bool
    lookup: np.ndarray = field(repr=False)  # bool
    metadata: np.ndarray = field(repr=False)  # bool


def metadata(clips: Sequence[Clip], qualities: Sequence[Quality]) -> np.ndarray:
    """Features (N, 5) of `FEATURES`."""
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


def lookup(train: Sequence[Clip], test: Sequence[Clip]) -> list[str]:
    """The species that the group alone suggests for each test clip; ties go to the first in the alphabet."""
    by_group: dict[str, Counter[str]] = {}
    for clip in train:
        by_group.setdefault(clip.group, Counter())[clip.label or ""] += 1
    overall = _commonest(Counter(clip.label or "" for clip in train))
    return [_commonest(by_group[clip.group]) if clip.group in by_group else overall for clip in test]


def _commonest(tally: Counter[str]) -> str:
    return min(tally, key=lambda name: (-tally[name], name))


def judge(splits: Sequence[Split], known: dict[Clip, np.ndarray], judged: set[str], seed: int = 0) -> Hits:
    """Both baselines learnt on each split's training side and judged on its test clips, all splits together.

    `known` gives the metadata (5,) of each clip; test clips of species outside `judged` are left out.
    """
    clips: list[Clip] = []
    leaked: list[bool] = []
    named: list[bool] = []
    guessed: list[bool] = []
    for split in splits:
        train = [c for c in split.train if c in known]
        test = [c for c in split.test if c in known and c.label in judged]
        if not train or not test:
            continue
        groups = {c.group for c in train}
        forest = RandomForestClassifier(TREES, class_weight="balanced", random_state=seed, n_jobs=1)
        forest.fit(np.array([known[c] for c in train]), [c.label for c in train])
        guesses = forest.predict(np.array([known[c] for c in test]))
        clips += test
        leaked += [c.group in groups for c in test]
        named += [name == c.label for name, c in zip(lookup(train, test), test, strict=True)]
        guessed += [name == c.label for name, c in zip(guesses, test, strict=True)]
    return Hits(tuple(clips), np.array(leaked, bool), np.array(named, bool), np.array(guessed, bool))
