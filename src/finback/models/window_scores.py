"""Scores of single windows, which show when a call occurs.

    for part in predictor.score_windows(clip, hop_s=1.0):       # a recording of any length, constant memory
        part.start_s, part.probabilities                        # (w,), (w, K)
    predictor.score_array(samples, 48_000)                      # the same for samples that are not in a file

Windows are those of the first classifier. A classifier with shorter windows gives the mean over its
windows in the same span. An array of all samples of a file gives the same numbers as the file, bit for
bit, and so does a stream of them in blocks of any size; the mean of a classifier's logits over the windows of
a clip is what `Predictor.scores` gives for the clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.samples import Samples
from finback.core.types import Labels, softmax
from finback.features.extract import Extractor, Window
from finback.models.networks.classifier import Classifier
from finback.models.scoring import BATCH, device_of, in_rows, rows_of


@dataclass(frozen=True, eq=False)
class WindowScores:
    """Calibrated logits (W, K) of W windows of one sound over K species; positions are native samples."""

    labels: Labels
    sample_rate: int  # Hz, of the sound
    start: NDArray[np.int64]  # (W,) first sample
    stop: NDArray[np.int64]  # (W,) the sample after the last
    logits: NDArray[np.float32]  # (W, K)

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        span = f", {self.start_s[0]:.2f} to {self.stop_s[-1]:.2f} s" if len(self) else ""
        return f"WindowScores({len(self)} windows x {len(self.labels)} species{span})"

    @property
    def start_s(self) -> NDArray[np.float64]:
        """(W,) seconds from the beginning of the sound."""
        return self.start / self.sample_rate

    @property
    def stop_s(self) -> NDArray[np.float64]:
        """(W,) seconds from the beginning of the sound."""
        return self.stop / self.sample_rate

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(W, K), rows sum to 1."""
        return softmax(self.logits)

    @classmethod
    def joined(cls, parts: Iterable[WindowScores]) -> WindowScores:
        """The windows of several parts of one sound, in their order. Raises `ValueError` without any part."""
        found = list(parts)
        if not found:
            raise ValueError("no parts to join")
        return cls(
            found[0].labels,
            found[0].sample_rate,
            np.concatenate([part.start for part in found]),
            np.concatenate([part.stop for part in found]),
            np.concatenate([part.logits for part in found]),
        )


@dataclass(frozen=True, eq=False)
class FeatureGroup:
    """Classifiers that use the same features."""

    extractor: Extractor
    models: Sequence[Classifier]  # E


@dataclass(frozen=True, eq=False)
class RawScores:
    """Some windows of a sound, and for each feature group the raw logits (E, w, K) of its classifiers."""

    start: NDArray[np.int64]  # (w,)
    stop: NDArray[np.int64]  # (w,)
    logits: Sequence[NDArray[np.float32]]


def score_windows(
    groups: Sequence[FeatureGroup],
    samples: Samples,
    hop_s: float | None = None,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[RawScores]:
    """Windows over native samples `start` to `stop` (None: the end), `BATCH` at a time.

    `Extractor.spans` of the first group says where they are. Raises `SettingsError` for a hop that leaves
    gaps.
    """
    spans: list[tuple[int, int]] = []
    found: list[list[list[Window]]] = [[] for _ in groups]  # of each group, of each span
    for first, last in groups[0].extractor.spans(samples, hop_s, start, stop):
        spans.append((first, last))
        for own, group in zip(found, groups, strict=True):
            inner = group.extractor.spans(samples, None, first, last)
            own.append([group.extractor.window(samples, a, b, stop) for a, b in inner])
        samples.forget(min(group.extractor.first_needed(first, samples.sample_rate) for group in groups))
        if len(spans) == BATCH:
            yield _raw(groups, spans, found)
            spans, found = [], [[] for _ in groups]
    if spans:
        yield _raw(groups, spans, found)


def mean_logits(parts: Iterable[RawScores]) -> NDArray[np.float32]:
    """(E, K) raw logits of the first feature group, averaged over all windows as those of a clip are."""
    total, count = np.zeros(()), 0
    for part in parts:
        for logits in part.logits[0].swapaxes(0, 1):  # (E, K), one window after another, as for clips
            total = total + logits.astype(np.float64)
            count += 1
    return (total / count).astype(np.float32)


def _raw(
    groups: Sequence[FeatureGroup], spans: Sequence[tuple[int, int]], found: Sequence[list[list[Window]]]
) -> RawScores:
    logits = [_logits(group, own) for group, own in zip(groups, found, strict=True)]
    return RawScores(np.array([a for a, _ in spans]), np.array([b for _, b in spans]), logits)


@torch.inference_mode()
def _logits(group: FeatureGroup, found: Sequence[Sequence[Window]]) -> NDArray[np.float32]:
    """(E, w, K) logits of w spans, each the mean over its windows."""
    count = np.array([len(own) for own in found])
    owners = np.repeat(np.arange(len(found)), count)
    windows = [window for own in found for window in own]
    sums = np.zeros(0)
    for i in range(0, len(windows), BATCH):
        features = group.extractor.features(windows[i : i + BATCH])
        x = group.extractor.front_end.batch(features).to(device_of(group.models[0]))
        runs = (in_rows(model.eval(), x, rows_of(model)) for model in group.models)
        out = np.stack([logits.float().cpu().numpy() for logits in runs])  # (E, b, K)
        if not sums.size:
            sums = np.zeros((len(found), len(out), out.shape[2]))
        np.add.at(sums, owners[i : i + BATCH], out.swapaxes(0, 1))
    return (sums / count[:, None, None]).astype(np.float32).swapaxes(0, 1)
