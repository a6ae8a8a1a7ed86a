"""The synthetic examples of one fold: generated from its training set alone, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.storage.arrays import read_arrays
from finback.core.storage.files import RESTORE, atomic_path
from finback.core.types import Labels
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.arm import TAPE_TRANSFER, Arm
from finback.evaluation.synthetic_study.fold_generator import trained_generator
from finback.evaluation.synthetic_study.plan import (
    ArmRun,
    Fold,
    SyntheticStudy,
    fold_folder,
)
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import SpectrogramGenerator
from finback.models.predictor import Predictor
from finback.training.augment import tape_transfer
from finback.training.generator import windows_of
from finback.training.sampling import group_codes

SEED_STEP = 1_000_003  # between the seeds of two species, so that no two samples of a fold share a seed


@dataclass(frozen=True)
class Samples:
    """Synthetic log-mels of one source in one fold; of each species as many as the largest arm needs."""

    x: NDArray[np.float32]  # (N, M, F) dB
    species: tuple[str, ...]  # N names
    n_generated: int
    n_rejected: int  # of them assigned to another species by the filter

    def first(self, counts: Mapping[str, int]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """(log-mels (n, M, F), n species): the first samples of each species, as many as `counts` says."""
        left = dict(counts)
        rows = []
        for i, name in enumerate(self.species):
            if left.get(name, 0) > 0:
                left[name] -= 1
                rows.append(i)
        return self.x[rows], tuple(self.species[i] for i in rows)


def examples(
    study: SyntheticStudy, run: ArmRun, dataset: Dataset, out: Path, progress: Progress = no_progress
) -> tuple[NDArray[np.float32], tuple[str, ...], Samples]:
    """(log-mels (N, M, F), their N species, all samples of the source) that an arm adds to a fold's training.

    A species of which the filter rejected too many samples gets fewer.
    """
    arm, fold = run.arm, run.fold
    low_data = fold.low_data(study.settings.low_data_below)
    counts = {name: study.most_synthetic(arm.generator, n) for name, n in low_data.items()}
    counts = {name: n for name, n in counts.items() if n}
    if arm.generator == TAPE_TRANSFER:
        samples = _real_windows(study, fold, counts)
    else:
        samples = _generated(study, run, counts, dataset, out, progress)
    x, names = samples.first({name: arm.n_synthetic(n) for name, n in low_data.items()})
    return _transferred(study, arm, fold, x), names, samples


def _generated(
    study: SyntheticStudy,
    run: ArmRun,
    counts: Mapping[str, int],
    dataset: Dataset,
    out: Path,
    progress: Progress,
) -> Samples:
    """Samples of the fold's generator, which is trained first if necessary; kept in its folder."""
    arm, fold, device = run.arm, run.fold, study.options.device
    folder = trained_generator(study, arm.generator, fold, dataset, out, progress)
    path = folder / f"made-{_digest(study, arm, counts)}.npz"
    if path.exists():
        try:
            kept = read_arrays(path)
            species = tuple(str(name) for name in kept["species"].tolist())
            if kept["x"].ndim != 3 or len(kept["x"]) != len(species) or not np.isfinite(kept["x"]).all():
                raise ValueError("not samples of the species")
            return Samples(kept["x"], species, int(kept["made"]), int(kept["refused"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}: damaged ({error})", RESTORE) from None
    classifier = Predictor.load(fold_folder(out, study.baseline, fold), device) if arm.filtered else None
    samples = generate(study, SpectrogramGenerator.load(folder, device), counts, classifier, progress)
    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            x=samples.x,
            species=np.array(samples.species),
            made=samples.n_generated,
            refused=samples.n_rejected,
        )
    return samples


def _digest(study: SyntheticStudy, arm: Arm, counts: Mapping[str, int]) -> str:
    """Identifies what was generated. Its words are those of version 0.1.0, whose files are still used."""
    content = {**asdict(study.sampling), "wanted": dict(counts)}
    if arm.filtered:
        content |= {"judge": "classic", "tries": study.settings.max_attempts}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def generate(
    study: SyntheticStudy,
    generator: SpectrogramGenerator,
    counts: Mapping[str, int],
    classifier: Predictor | None,
    progress: Progress,
) -> Samples:
    """As many samples of each species as `counts` says.

    With a classifier, only samples that it assigns to their species, of at most `max_attempts` times as many.
    """
    rows: list[NDArray[np.float32]] = []
    names: list[str] = []
    n_generated = n_rejected = 0
    for name, n in counts.items():
        k, have = generator.labels.index(name), 0
        for attempt in range(study.settings.max_attempts if classifier else 1):
            seeds = np.arange(n - have) + SEED_STEP * k + attempt * n
            x = generator.sample(np.full(n - have, k), seeds, study.sampling, progress=progress)
            n_generated += len(x)
            if classifier is not None:
                predicted = classifier.score_logmels(x, generator.spec).argmax(axis=1)
                x = x[predicted == classifier.labels.index(name)]
            n_rejected += n - have - len(x)
            rows.append(x)
            names += [name] * len(x)
            have += len(x)
            if have == n:
                break
    empty = np.zeros((0, generator.spec.n_mels, generator.spec.n_frames), np.float32)
    return Samples(np.concatenate([empty, *rows]), tuple(names), n_generated, n_rejected)


def _real_windows(study: SyntheticStudy, fold: Fold, counts: Mapping[str, int]) -> Samples:
    """Windows of the species' own clips, in random order; `_transferred` then changes their tape."""
    store = feature_store(study)
    rows, names = [], []
    for name, n in counts.items():
        windows = np.concatenate([store(c) for c in fold.split.train if c.label == name])
        order = np.random.default_rng([fold.seed, fold.number, 17]).permutation(len(windows))
        rows += [windows[order[i % len(order)]] for i in range(n)]
        names += [name] * n
    spec = study.classifier.features
    shape = (len(rows), spec.n_mels, spec.n_frames)
    return Samples(np.array(rows, np.float32).reshape(shape), tuple(names), len(rows), 0)


def _transferred(study: SyntheticStudy, arm: Arm, fold: Fold, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The examples (N, M, F), the arm's share of them transferred to other training tapes of the fold."""
    if not arm.tape_transfer or not len(x):
        return x
    clips = fold.split.train
    labels = Labels.of(clips)
    store = feature_store(study)
    windows, species = windows_of(store, clips, labels)
    groups = np.repeat(group_codes(clips), [len(store(c)) for c in clips])
    profiles = tape_transfer.GroupProfiles.of(windows[:, 0].numpy(), groups, species.numpy())
    rng = np.random.default_rng([fold.seed, fold.number, 13])
    move = tape_transfer.draw(rng, profiles, len(x), arm.tape_transfer)
    return tape_transfer.apply(x, move, study.classifier.features.top_db)


def feature_store(study: SyntheticStudy) -> FeatureStore:
    return FeatureStore(Extractor(study.classifier.features, "logmel"), default_folder())
