"""The trainings of benchmarks/added.py: classifiers on real clips, and on real clips and samples.

The real clips are the training clips of the generators; the tested clips are of unseen recording groups. A
small CNN gets samples as log-mels, as they are generated. A head on a backbone gets them as sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from finback.core.errors import RunError
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.generator_audit import substitution
from finback.evaluation.generator_audit.set_metrics import predictions, resampled_means
from finback.evaluation.generator_audit.windows import (
    FOLDER,
    Windows,
    cached,
    per_clip,
    real_windows,
    sampled_waves,
    sampled_windows,
    samples_per_species,
)
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.metrics.bootstrap import percentiles
from finback.models.networks.heads import Logistic
from finback.training.settings import resolve
from finback.training.stages import new_model

NOTHING = "nothing"
BELOW = 25  # training clips of a rare species, at most
CNN = "cnn2d"
Right = NDArray[np.float64]  # (C,) share of the trainings that predict each tested clip correctly


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of one generator, as log-mels and as sound."""

    windows: Windows
    waves: Callable[[], NDArray[np.float32]]  # (N, T')


class Data:
    """Clips of a split that several generators were trained on, and their samples.

    Raises `RunError` for generators of other clips than those of the first.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        generators = [SpectrogramGenerator.load(run) for run in runs]
        first = generators[0]
        self.labels, self.spec, self.clips = first.labels, first.spec, run_subsets(first.run)
        for other in generators[1:]:
            if {c.key for c in run_subsets(other.run)["train"]} != {c.key for c in self.clips["train"]}:
                raise RunError(
                    f"{other.run.path}: trained on other clips than {first.run.path}",
                    "name generators that were trained on the same split",
                )
        store = FeatureStore(Extractor(self.spec), default_folder())
        self.unseen_clips = (*self.clips["validation"], *self.clips["test"])
        self.train = real_windows(store, self.clips["train"], self.labels)
        self.unseen = real_windows(store, self.unseen_clips, self.labels)
        counts = samples_per_species(self.train.y, len(self.labels))
        self.samples = {str(g.run.info.family): _samples(g, counts) for g in generators}
        self.n_clips = np.bincount(self.labels.targets(self.clips["train"]), minlength=len(self.labels))

    @cached_property
    def tested(self) -> tuple[NDArray[np.int64], list[str]]:
        """The species (C,) and the recording group of each tested clip."""
        _, truth, groups = per_clip(np.zeros((len(self.unseen), 1)), self.unseen)
        return truth, groups

    @cached_property
    def rare(self) -> NDArray[np.int64]:
        """Species with few training clips."""
        return np.flatnonzero((self.n_clips > 0) & (self.n_clips < BELOW))

    def chosen(self, generator: str, rare: bool) -> NDArray[np.int64]:
        """Numbers of the samples that are added: of each species as many as it has training windows."""
        species = self.rare if rare else np.flatnonzero(self.n_clips)
        made, real = self.samples[generator].windows.y, self.train.y
        rows = [np.flatnonzero(made == k)[: int((real == k).sum())] for k in species]
        return np.concatenate([np.zeros(0, dtype=np.int64), *rows])


def _samples(generator: SpectrogramGenerator, counts: NDArray[np.int64]) -> Samples:
    """The samples of `finback audit`; the sound of log-mels is that of the vocoder of `finback generate`."""
    windows = sampled_windows(generator, counts, Sampling())

    def vocoded() -> NDArray[np.float32]:
        vocoder = Vocoder.load("auto", generator.spec, "cpu")
        name = vocoder.run.fingerprint() if vocoder.run else vocoder.name
        key = {"run": generator.run.fingerprint(), "counts": counts.tolist(), "vocoder": name}
        key |= asdict(Sampling())
        return cached(
            generator.run.path / FOLDER,
            "vocoded",
            key,
            lambda: np.concatenate([to_waves(x[None], vocoder) for x in windows.x]),
        )

    def made() -> NDArray[np.float32]:
        return sampled_waves(generator, counts) if generator.makes_waves else vocoded()

    return Samples(windows, made)


def cnn_right(data: Data, generator: str, rows: NDArray[np.int64], seeds: int) -> Right:
    """Of a small CNN that is trained `seeds` times; `rows` are the samples that are added."""
    x, y = data.train.x, data.train.y
    if len(rows):
        own = data.samples[generator].windows
        x, y = np.concatenate([x, own.x[rows]]), np.concatenate([y, own.y[rows]])
    n, truth = len(data.labels), data.tested[0]
    students = (substitution.train_cnn2d(x, y, data.spec, n, seed) for seed in range(seeds))
    return np.mean([predictions(s(data.unseen.x), data.unseen) == truth for s in students], axis=0)


class HeadOn:
    """Logistic regression on a backbone, as the family of its name fits it to clips."""

    def __init__(self, family: str, data: Data) -> None:
        settings = resolve(family=family)
        model = new_model(family, settings.features, len(data.labels), settings.model, 0)
        self.store = FeatureStore(Extractor.for_model(model), default_folder())
        self.data, self.c = data, float(settings.model.get("c", 0.01))
        self.real = self._of_clips(data.clips["train"])
        self.tested = self._of_clips(data.unseen_clips)

    def _of_clips(self, clips: Sequence[Clip]) -> list[NDArray[np.float32]]:
        self.store.prepare(clips)
        return [self.store(clip) for clip in clips]

    def right(self, generator: str, rows: NDArray[np.int64]) -> Right:
        """As `cnn_right`. The fit has no random numbers, so one is enough."""
        data = self.data
        features, y = list(self.real), data.labels.targets(data.clips["train"])
        if len(rows):
            own = data.samples[generator]
            waves = own.waves()
            features += [self.store.of_array(waves[i], data.spec.sample_rate) for i in rows]
            y = np.concatenate([y, own.windows.y[rows]])
        counts = np.array([len(f) for f in features])
        head = Logistic(len(data.labels), self.c)
        head.fit(np.concatenate(features), np.repeat(y, counts), np.repeat(1.0 / counts, counts))
        with torch.inference_mode():
            logits = [head(torch.from_numpy(f)).numpy().mean(axis=0) for f in self.tested]
        return (np.argmax(logits, axis=1) == data.tested[0]).astype(float)


def figures(right: Right, nothing: Right, data: Data) -> dict[str, Any]:
    """Accuracy and mean recall over species with their gains over no samples; intervals over groups.

    `_rare`: over the tested clips of rare species. A gain is the difference in mean recall, paired.
    """
    truth, groups = data.tested
    row: dict[str, Any] = {"accuracy": float(right.mean())}
    both = np.stack([right, nothing], axis=1)
    for name, part in (("", np.ones(len(truth), dtype=bool)), ("_rare", np.isin(truth, data.rare))):
        if not part.any():
            continue
        kinds, own = np.unique(truth[part]), both[part]
        mine, base = np.mean([own[truth[part] == k].mean(axis=0) for k in kinds], axis=0)
        drawn = resampled_means(own, truth[part], [g for g, p in zip(groups, part, strict=True) if p])
        row |= {f"recall{name}": float(mine), f"gain{name}": float(mine - base), f"gain{name}_ci": None}
        if drawn is not None:
            row[f"gain{name}_ci"] = percentiles(drawn[1][:, 0] - drawn[1][:, 1])
            if not name:
                row["gain_accuracy"] = float((right - nothing).mean())
                row["gain_accuracy_ci"] = percentiles(drawn[0][:, 0] - drawn[0][:, 1])
    return row
