"""The synthetic examples of one fold: made by what has heard its training side only, kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from finback.core.files import atomic_path
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.types import Labels
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.plan import MOVED, Arm, Fold, Gain
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import SpectrogramGenerator
from finback.models.predictor import Predictor
from finback.training.augment import tape_transfer as tapes
from finback.training.generator import train_generator, windows_of
from finback.training.sampling import group_codes

RUNS = "runs"
FAR = 1_000_003  # between the seeds of species, so that no two samples of a fold share one


@dataclass(frozen=True)
class Pool:
    """Synthetic log-mels of one maker in one fold, as many of each species as the greediest arm wants."""

    x: np.ndarray  # (N, M, F) dB
    species: tuple[str, ...]  # N names
    made: int  # samples asked of the generator
    refused: int  # of them not named right by the judge

    def first(self, wanted: Mapping[str, int]) -> tuple[np.ndarray, tuple[str, ...]]:
        """So many of each species, the first ones."""
        left = dict(wanted)
        rows = []
        for i, name in enumerate(self.species):
            if left.get(name, 0) > 0:
                left[name] -= 1
                rows.append(i)
        return self.x[rows], tuple(self.species[i] for i in rows)


def generator_folder(out: Path, maker: str, fold: Fold) -> Path:
    return out / RUNS / f"{maker}-seed{fold.seed}-fold{fold.number}"


def examples(
    job: Gain, arm: Arm, fold: Fold, dataset: Dataset, out: Path, progress: Progress = no_progress
) -> tuple[np.ndarray, tuple[str, ...], Pool]:
    """(log-mels (N, M, F), their N species, the pool they are from) that an arm adds to a fold's training.

    A species that the pool has too few of, since the judge refused the rest, gets fewer.
    """
    few = fold.few(job.options.below)
    greediest = {name: max(a.wanted(n) for a in job.arms if a.maker == arm.maker) for name, n in few.items()}
    greediest = {name: n for name, n in greediest.items() if n}
    made = _moved_pool if arm.maker == MOVED else _generated_pool
    pool = made(job, arm, fold, greediest, dataset, out, progress)
    x, names = pool.first({name: arm.wanted(n) for name, n in few.items()})
    return _moved(job, arm, fold, x), names, pool


def _generated_pool(
    job: Gain,
    arm: Arm,
    fold: Fold,
    wanted: Mapping[str, int],
    dataset: Dataset,
    out: Path,
    progress: Progress,
) -> Pool:
    folder = generator_folder(out, arm.maker, fold)
    train_generator(job.generator(arm.maker, fold.seed), dataset, folder, progress, fold.split)
    how = {**asdict(job.sampling), "wanted": dict(wanted)}
    if arm.judged:
        how |= {"judge": "classic", "tries": job.options.tries}
    kept = folder / f"made-{hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]}.npz"
    if kept.exists():
        with np.load(kept) as found:
            return Pool(
                found["x"], tuple(found["species"].tolist()), int(found["made"]), int(found["refused"])
            )
    judge = Predictor.load(fold_folder(out, job.baseline, fold), job.device) if arm.judged else None
    pool = make(job, SpectrogramGenerator.load(folder, job.device), wanted, judge, progress)
    with atomic_path(kept) as temporary:
        np.savez(temporary, x=pool.x, species=np.array(pool.species), made=pool.made, refused=pool.refused)
    return pool


def make(
    job: Gain,
    maker: SpectrogramGenerator,
    wanted: Mapping[str, int],
    judge: Predictor | None,
    progress: Progress,
) -> Pool:
    """As many samples of each species; with a judge, those it names right among `tries` times as many."""
    rows: list[np.ndarray] = []
    names: list[str] = []
    made = refused = 0
    for name, n in wanted.items():
        k, have = maker.labels.index(name), 0
        for attempt in range(job.options.tries if judge else 1):
            seeds = np.arange(n - have) + FAR * k + attempt * n
            x = maker.sample(np.full(n - have, k), seeds, job.sampling, progress=progress)
            made += len(x)
            if judge is not None:
                said = judge.score_logmels(x, maker.spec).argmax(axis=1)
                x = x[said == judge.labels.index(name)]
            refused += n - have - len(x)
            rows.append(x)
            names += [name] * len(x)
            have += len(x)
            if have == n:
                break
    shape = (0, maker.spec.n_mels, maker.spec.n_frames)
    return Pool(np.concatenate([np.zeros(shape, np.float32), *rows]), tuple(names), made, refused)


def _moved_pool(
    job: Gain,
    arm: Arm,
    fold: Fold,
    wanted: Mapping[str, int],
    dataset: Dataset,
    out: Path,
    progress: Progress,
) -> Pool:
    """Windows of the species' own clips, one after another; `_moved` then moves them."""
    store = store_of(job)
    rows, names = [], []
    for name, n in wanted.items():
        windows = np.concatenate([store(c) for c in fold.split.train if c.label == name])
        order = np.random.default_rng([fold.seed, fold.number, 17]).permutation(len(windows))
        rows += [windows[order[i % len(order)]] for i in range(n)]
        names += [name] * n
    spec = job.settings.features
    shape = (len(rows), spec.n_mels, spec.n_frames)
    return Pool(np.array(rows, np.float32).reshape(shape), tuple(names), len(rows), 0)


def _moved(job: Gain, arm: Arm, fold: Fold, x: np.ndarray) -> np.ndarray:
    """The arm's share of the examples (N, M, F) moved to other tapes of the fold's training side."""
    if not arm.moved or not len(x):
        return x
    clips = fold.split.train
    labels = Labels.of(clips)
    store = store_of(job)
    windows, species = windows_of(store, clips, labels)
    of_tape = np.repeat(group_codes(clips), [len(store(c)) for c in clips])
    known = tapes.Tapes.of(windows[:, 0].numpy(), of_tape, species.numpy())
    move = tapes.draw(np.random.default_rng([fold.seed, fold.number, 13]), known, len(x), arm.moved)
    return tapes.apply(x, move, job.settings.features.top_db)


def store_of(job: Gain) -> FeatureStore:
    return FeatureStore(Extractor(job.settings.features, "logmel"), default_folder())


def arm_folder(out: Path, arm: Arm, seed: int) -> Path:
    return out / RUNS / f"{arm.folder}-seed{seed}"


def fold_folder(out: Path, arm: Arm, fold: Fold) -> Path:
    return RunFolder(arm_folder(out, arm, fold.seed)).fold(fold.number).path
