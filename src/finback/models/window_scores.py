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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.audio.samples import Samples
from finback.core.types import Labels, softmax
from finback.features.extract import Extractor, Place
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


@dataclass(frozen=True, eq=False)
class Inputs:
    """Some windows of a sound as the networks of one feature group take them.

    A group with shorter windows has several for each of the w windows, one after another.
    """

    features: NDArray[np.float32]  # (n, M, F), (n, T) or (n, D)
    count: NDArray[np.int64]  # (w,) how many are each window's; n together

    @classmethod
    def of(cls, group: FeatureGroup, samples: Samples, places: Sequence[Place], limit: int | None) -> Inputs:
        """Windows at these places, read no further than `limit` (None: the end). Raises `AudioError`."""
        extractor = group.extractor
        inner = [list(extractor.spans(samples, None, first, last)) for first, last in places]
        together = extractor.in_groups(chain.from_iterable(inner), samples.sample_rate)
        features = [extractor.features(samples, piece, limit) for piece in together]
        joined = features[0] if len(features) == 1 else np.concatenate(features)
        return cls(joined, np.array([len(own) for own in inner]))

    @classmethod
    def joined(cls, parts: Sequence[Inputs]) -> Inputs:
        if len(parts) == 1:
            return parts[0]
        return cls(np.concatenate([p.features for p in parts]), np.concatenate([p.count for p in parts]))

    @property
    def n_bytes(self) -> int:
        return self.features.nbytes


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
    first = groups[0].extractor
    rate = samples.sample_rate
    placed: list[Place] = []
    inputs: list[list[Inputs]] = []  # of each piece, of each group
    for piece in first.in_groups(first.spans(samples, hop_s, start, stop), rate):
        inputs.append([Inputs.of(group, samples, piece, stop) for group in groups])
        samples.forget(min(group.extractor.first_needed(piece[-1][0], rate) for group in groups))
        placed += piece
        if len(placed) >= BATCH:
            yield _raw(groups, placed, inputs)
            placed, inputs = [], []
    if placed:
        yield _raw(groups, placed, inputs)


def mean_logits(parts: Iterable[RawScores]) -> NDArray[np.float32]:
    """(E, K) raw logits of the first feature group, averaged over all windows as those of a clip are."""
    total, count = np.zeros(()), 0
    for part in parts:
        for logits in part.logits[0].swapaxes(0, 1):  # (E, K), one window after another, as for clips
            total = total + logits.astype(np.float64)
            count += 1
    return (total / count).astype(np.float32)


def _raw(
    groups: Sequence[FeatureGroup], placed: Sequence[Place], inputs: Sequence[Sequence[Inputs]]
) -> RawScores:
    joined = [Inputs.joined(own) for own in zip(*inputs, strict=True)]
    logits = [group_logits(group, own)[0] for group, own in zip(groups, joined, strict=True)]
    return RawScores(np.array([a for a, _ in placed]), np.array([b for _, b in placed]), logits)


@torch.inference_mode()
def group_logits(
    group: FeatureGroup, inputs: Inputs, embed_beside: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raw logits (E, w, K) of w windows, each the mean over its inputs, and embeddings (w, D) alike.

    Embeddings are those of the first classifier, if `embed_beside` = K asks for them; otherwise D is 0.
    """
    owners = np.repeat(np.arange(len(inputs.count)), inputs.count)
    outputs: list[Callable[[Tensor], Tensor]] = [model.eval() for model in group.models]
    if embed_beside:
        outputs[0] = _with_embedding(group.models[0])
    device = device_of(group.models[0])
    sums: list[NDArray[np.float64]] = []
    for i in range(0, len(owners), BATCH):
        x = group.extractor.front_end.batch(inputs.features[i : i + BATCH]).to(device)
        for j, (model, output) in enumerate(zip(group.models, outputs, strict=True)):
            out = in_rows(output, x, rows_of(model)).float().cpu().numpy()
            if len(sums) == j:
                sums.append(np.zeros((len(inputs.count), out.shape[1])))
            np.add.at(sums[j], owners[i : i + BATCH], out)
    means = [(total / inputs.count[:, None]).astype(np.float32) for total in sums]
    n_classes = embed_beside or means[0].shape[1]
    embeddings, means[0] = means[0][:, n_classes:], means[0][:, :n_classes]
    return np.stack(means), embeddings


def _with_embedding(model: Classifier) -> Callable[[Tensor], Tensor]:
    """Logits and embedding (B, K + D) at once; the logits are those of `forward`, bit for bit."""

    def both(x: Tensor) -> Tensor:
        z = model.embed(x)
        return torch.cat([model.head(z), z], dim=1)

    return both
