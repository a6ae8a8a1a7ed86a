"""A trained classifier that scores clips, arrays and streams: calibrated scores over its species.

Evaluation, prediction and scanning all use `Predictor`. A run
folder is a small tree. Its leaves are trained classifiers, each with a temperature, features and a front end.
An inner node combines the predictions of its children: the mean of the folds of a run, or the average,
weighted average or stacking of the members of an ensemble. Features are computed once for all leaves that use
the same.

Where all classifiers have a gate, the scores of windows and of single sounds have a class more, "none of
these" (`classes`). The scores of clips, from which a run is evaluated, are those of the species alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finback.audio.samples import ArraySamples, Samples, StreamSamples, samples_of
from finback.core.errors import SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.types import NONE, Clip, Labels, Scores
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.features.frontends import create, front_end_class
from finback.features.spec import FeatureSpec
from finback.models.devices import torch_device, tune_allocator
from finback.models.load import open_run
from finback.models.load_tree import tree_of
from finback.models.scoring import clip_embeddings, clip_logits, require_finite, through
from finback.models.tree import Leaf, Node, gated, has_gate
from finback.models.window_scores import (
    FeatureGroup,
    Inputs,
    RawScores,
    WindowScores,
    group_logits,
    mean_logits,
    score_windows,
)


class Predictor:
    """A loaded classifier or ensemble; see the module."""

    def __init__(
        self, root: Leaf | Node, labels: Labels, cache: Path | None = None, run: RunFolder | None = None
    ) -> None:
        self.root = root
        self.labels = labels  # the species
        self.classes = Labels((*labels.names, NONE)) if has_gate(root) else labels  # of windows
        self.run = run  # where it was loaded from
        self._stores: dict[tuple[str, str, str], FeatureStore] = {}
        for leaf in root.leaves:
            if leaf.features_key not in self._stores:
                self._stores[leaf.features_key] = FeatureStore(_front(leaf), cache)

    @classmethod
    def load(cls, where: str | Path, device: str = "auto", cache: Path | None = None) -> Predictor:
        """The classifier of a run folder, or the bundled one of that name.

        Raises `RunError` if there is none, or it is of another kind, unfinished or damaged.
        """
        tune_allocator()
        run = open_run(where, "classifier")
        return cls(tree_of(run, torch_device(device)), Labels(run.info.labels), cache, run)

    @property
    def spec(self) -> FeatureSpec:
        """The feature settings of the first classifier, for example to cut a recording into windows."""
        return self.root.leaves[0].spec

    @property
    def store(self) -> FeatureStore:
        """The features of the first classifier, on disk."""
        return self._stores[self.root.leaves[0].features_key]

    def prepare(self, clips: Sequence[Clip], progress: Progress = no_progress) -> None:
        """Compute all features that are not on disk yet. Without this call, `scores` computes them."""
        for store in self._stores.values():
            store.prepare(clips, progress)

    def scores(self, clips: Sequence[Clip], progress: Progress = no_progress) -> Scores:
        """Calibrated scores, in the order of the clips. They are of the species, without a gate.

        Raises `AudioError` for a recording that changed since it was indexed, that cannot be read, or whose
        scores are not finite.
        """
        if not clips:
            return Scores((), self.labels, np.zeros((0, len(self.labels)), dtype=np.float32))
        raw: dict[Leaf, np.ndarray] = {}
        for key, store in self._stores.items():
            alike = [leaf for leaf in self.root.leaves if leaf.features_key == key]
            logits = clip_logits([leaf.model for leaf in alike], store, clips, progress)  # (E, N, K)
            raw |= zip(alike, logits, strict=True)
        logits = self.root.answer(raw[leaf] for leaf in self.root.leaves)
        names = [str(clip.recording.path) for clip in clips]
        return Scores(tuple(clips), self.labels, require_finite(names, logits))

    def embed(self, clips: Sequence[Clip], progress: Progress = no_progress) -> np.ndarray:
        """(N, D) embeddings of the first classifier."""
        return clip_embeddings(self.root.leaves[0].model, self.store, clips, progress)

    def score_windows(self, clip: Clip, hop_s: float | None = None) -> Iterator[WindowScores]:
        """Calibrated scores of the windows of a clip, in parts, so that memory does not grow with the clip.

        Without `hop_s` the windows are those that `scores` averages over; with it they start every `hop_s`
        seconds, and one more stops at the end. Raises `SettingsError` for a hop that would leave sound out.
        """
        return self._windows(samples_of(clip), hop_s, clip.start, clip.stop)

    def score_array(
        self, samples: ArrayLike, sample_rate: int, hop_s: float | None = None, channel: int | None = None
    ) -> WindowScores:
        """Scores of the windows of samples (n,) or (channels, n), floats with full scale 1, at a rate in Hz.

        `channel` None takes the mean of all channels. Raises `AudioError` for samples that cannot be scored.
        """
        sound = ArraySamples(samples, sample_rate, channel)
        return WindowScores.joined(self._windows(sound, hop_s, 0, sound.n_samples))

    def score_stream(
        self,
        blocks: Iterable[ArrayLike],
        sample_rate: int,
        hop_s: float | None = None,
        channel: int | None = None,
        n_samples: int | None = None,
    ) -> Iterator[WindowScores]:
        """The same for a stream of blocks of any sizes; only one window and one block are kept in memory.

        Windows start every `hop_s` seconds (None: a whole window). With `n_samples` and without
        `hop_s` they are evenly spaced, as for an array.
        """
        return self._windows(StreamSamples(blocks, sample_rate, channel), hop_s, 0, n_samples)

    def logits_of_array(
        self, samples: ArrayLike, sample_rate: int, channel: int | None = None
    ) -> NDArray[np.float32]:
        """(K,) calibrated logits of the whole sound over `classes`."""
        return self.score_sound(ArraySamples(samples, sample_rate, channel))[1]

    def score_sound(
        self, sound: Samples, start: int = 0, stop: int | None = None
    ) -> tuple[WindowScores, NDArray[np.float32]]:
        """The windows of a sound between two samples (None: its end), and (K,) logits of the whole span.

        Both are calibrated and over `classes`. Without a gate, the logits of the span are those that `scores`
        gives for such a clip; with one, their softmax over the species alone is.
        """
        stop = sound.n_samples if stop is None else stop
        groups = self.feature_groups
        raw: dict[Leaf, NDArray[np.float32]] = {}
        for leaves, group in groups:
            parts = list(score_windows([group], sound, None, start, stop))
            raw |= zip(leaves, mean_logits(parts)[:, None], strict=True)
        whole = require_finite([sound.name], gated(self.root, raw))[0]
        if len(groups) == 1:  # the windows are those that were averaged
            found = [self._calibrated([groups[0][0]], part, sound) for part in parts]
        else:
            found = list(self._windows(sound, None, start, stop))
        return WindowScores.joined(found), whole

    def score_inputs(
        self, inputs: Sequence[Inputs], embed: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(w, K) calibrated logits of w windows of any sounds, given for each of `feature_groups`, and (w, D)
        embeddings of the first classifier (without `embed` D is 0). They may be other than finite numbers.
        """
        raw: dict[Leaf, NDArray[np.float32]] = {}
        embeddings = np.zeros((len(inputs[0].count), 0), dtype=np.float32)
        for i, ((leaves, group), own) in enumerate(zip(self.feature_groups, inputs, strict=True)):
            logits, vectors = group_logits(group, own, self._n_outputs if embed and not i else 0)
            raw |= zip(leaves, logits, strict=True)
            embeddings = embeddings if i else vectors
        return gated(self.root, raw), embeddings

    @property
    def _n_outputs(self) -> int:
        """Columns of the outputs of the first classifier."""
        return len(self.labels) + self.root.leaves[0].has_gate

    def _windows(
        self, sound: Samples, hop_s: float | None, start: int, stop: int | None
    ) -> Iterator[WindowScores]:
        leaves, groups = zip(*self.feature_groups, strict=True)
        for part in score_windows(groups, sound, hop_s, start, stop):
            yield self._calibrated(leaves, part, sound)

    def _calibrated(self, leaves: Sequence[Sequence[Leaf]], part: RawScores, sound: Samples) -> WindowScores:
        """The combined scores of a part, from the raw logits of all leaves, given by feature group."""
        raw: dict[Leaf, NDArray[np.float32]] = {}
        for own, logits in zip(leaves, part.logits, strict=True):
            raw |= zip(own, logits, strict=True)
        logits = gated(self.root, raw)
        require_finite([sound.name] * len(logits), logits)
        return WindowScores(self.classes, sound.sample_rate, part.start, part.stop, logits)

    @property
    def feature_groups(self) -> list[tuple[list[Leaf], FeatureGroup]]:
        """The leaves by features; the group of the first leaf is the first."""
        found = []
        for key, store in self._stores.items():
            alike = [leaf for leaf in self.root.leaves if leaf.features_key == key]
            found.append((alike, FeatureGroup(store.extractor, [leaf.model for leaf in alike])))
        return found

    def score_logmels(self, x: np.ndarray, spec: FeatureSpec) -> np.ndarray:
        """(N, K) calibrated logits of log-mels (N, M, F) with the given spec, such as generated ones.

        Raises `SpecMismatchError` unless every classifier takes log-mels of that spec.
        """
        self._check_logmels(spec)
        leaves = self.root.leaves
        logits = self.root.answer(iter(through(leaf.model, leaf.model, x) for leaf in leaves))
        return require_finite([f"log-mel {i}" for i in range(len(x))], logits)

    def embed_logmels(self, x: np.ndarray, spec: FeatureSpec) -> np.ndarray:
        """(N, D) embeddings of log-mels by the first classifier; refuses as `score_logmels` does."""
        self._check_logmels(spec)
        model = self.root.leaves[0].model
        return through(model, model.embed, x)

    def _check_logmels(self, spec: FeatureSpec) -> None:
        for leaf in self.root.leaves:
            if (
                not front_end_class(leaf.model.input).is_spectrogram
                or leaf.spec.fingerprint != spec.fingerprint
            ):
                raise SpecMismatchError(
                    f"the classifier takes {leaf.model.input} of features {leaf.spec.fingerprint}, "
                    f"not log-mels of features {spec.fingerprint}",
                    "use a classifier of log-mels with the same settings: finback train cnn2d",
                )


def _front(leaf: Leaf) -> Extractor:
    """Raises `SpecMismatchError` if the installed backbone is not the one that the run was trained on."""
    front_end = create(leaf.model.input, leaf.spec, **leaf.model.front_end_settings)
    extractor = Extractor(leaf.spec, front_end)
    here, then = front_end.version, leaf.backbone_version
    if then and then != here:
        raise SpecMismatchError(
            f"{leaf.model.input}: version {here} here, but the run was trained on version {then}",
            "install that version, or restore that file",
        )
    return extractor
