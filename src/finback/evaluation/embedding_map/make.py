"""What a model has learnt, as a map: each clip's vector laid out in the plane, like beside like.

    found = make_map(run)         # a classifier's embeddings, or a VAE's latents
    found.layouts["t-SNE"]        # (N, 2)

t-SNE comes with scikit-learn; UMAP needs the extra `figures` and is left out without it. Both keep neighbours
together and say little of distances between far groups. What is measured (`Neighbours`) is therefore measured
among the vectors themselves: whose clip lies nearest? If it is nearly always one of the same tape, the model
has learnt the tape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finback.core.errors import InputError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.run_files import MANIFEST, SPLIT_TABLE
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.core.settings import build
from finback.core.split_table import load_split
from finback.core.types import SUBSETS, Clip, Labels
from finback.data.manifest import Manifest
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.embedding_map import store as saved
from finback.evaluation.embedding_map.layout import METHODS, wanted
from finback.evaluation.embedding_map.neighbours import Neighbours, neighbours
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.generation.vae_latents import LatentSpace
from finback.models.predictor import Predictor

FEWEST = 8  # clips: of fewer there is no neighbourhood to keep
MOST = 2000  # clips: more take minutes and cannot be told apart on a page


@dataclass(frozen=True, eq=False)
class Map:
    """N clips of a run, each with its place in every layout."""

    run: Path
    what: str  # what is laid out, in words
    labels: Labels
    spec: FeatureSpec
    clips: tuple[Clip, ...]
    heard: np.ndarray  # (N,) bool: was it learnt from?
    layouts: dict[str, np.ndarray] = field(repr=False)  # name -> (N, 2)
    neighbours: Neighbours
    left_out: int = 0  # clips beyond `most`

    @property
    def tapes(self) -> list[str]:
        """Each clip's tape; "" where it is not known."""
        return [clip.group for clip in self.clips]


@dataclass(frozen=True)
class _Vectors:
    """Where a run's vectors come from; `of` is called only when the layout is not on disk."""

    what: str
    info: RunInfo
    weights: Path
    clips: tuple[Clip, ...]
    heard: np.ndarray
    of: Callable[[Sequence[Clip]], np.ndarray]


def make_map(
    path: Path,
    methods: Sequence[str] = (),
    most: int = MOST,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Map:
    """The map of a run's clips, from `map.parquet` in its folder when it was made before.

    `methods`: names of `METHODS`; none: those that this machine can do. Raises `RunError` if the run has no
    vectors to show, `InputError` for too few clips, `SettingsError` for a method that is not there.
    """
    names = wanted(methods)
    run = RunFolder.open(path)
    source = _source(run, device, progress)
    rows = np.arange(len(source.clips))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng([seed, 11]).permutation(len(rows))[:most])
    clips = tuple(source.clips[i] for i in rows)
    if len(clips) < FEWEST:
        raise InputError(f"{path}: only {len(clips)} clips to map", f"a map needs {FEWEST} or more")
    made_of = saved.fingerprint(source.weights, clips, names, seed)
    kept = saved.load(run.map, made_of)
    if kept is None:
        vectors = source.of(clips)
        layouts = {name: METHODS[name](vectors, seed) for name in progress(names, "laying out", len(names))}
        species, tapes = [c.label or "" for c in clips], [c.group for c in clips]
        kept = layouts, neighbours(vectors, species, tapes, source.heard[rows])
        saved.save(run.map, clips, source.heard[rows], *kept, made_of)
    layouts, near = kept
    return Map(
        run.path,
        source.what,
        Labels(source.info.labels),
        build(FeatureSpec, source.info.spec),
        clips,
        source.heard[rows],
        layouts,
        near,
        len(source.clips) - len(clips),
    )


def _source(run: RunFolder, device: str, progress: Progress) -> _Vectors:
    info = run.info
    if info.kind in ("classifier", "ensemble"):
        return _embeddings(run, device, progress)
    if info.family == "vae":
        return _latents(run, device, progress)
    raise RunError(
        f"{run.path}: a {info.family or info.kind} has no vectors to map",
        "give the folder of a classifier (finback train cnn2d) or of finback train vae",
    )


def _embeddings(run: RunFolder, device: str, progress: Progress) -> _Vectors:
    """Of a classifier; of the first fold or member where there are several."""
    trail, part = [run], ""
    while run.folds or run.info.kind == "ensemble":
        part += "fold 1 of " if run.folds else "the first member of "
        run = RunFolder.open((run.folds[0] if run.folds else run.member(0)).path)
        trail.append(run)
    info = run.info
    run.require_trained()
    known = Manifest.load(_holder(trail, MANIFEST)).clips
    split = load_split(_holder(trail, SPLIT_TABLE), known, info.split_by)
    learnt = ("train",) if info.refit_epochs is None else ("train", "val")
    clips = tuple(c for side in SUBSETS for c in split.subset(side) if c.label is not None)
    heard = np.array([side in learnt for side in SUBSETS for c in split.subset(side) if c.label is not None])

    def of(chosen: Sequence[Clip]) -> np.ndarray:
        predictor = Predictor.load(run.path, device, default_folder())
        predictor.prepare(chosen, progress)
        return predictor.embed(chosen, progress)

    what = f"embeddings of {part}a {info.family} classifier"
    return _Vectors(what, info, run.weights, clips, heard, of)


def _holder(trail: Sequence[RunFolder], name: str) -> Path:
    """The file of that name in the innermost folder that has one.

    A fold has a split of its own; a member of an ensemble has that of the ensemble.
    """
    for run in reversed(trail):
        if (run.path / name).is_file():
            return run.path / name
    raise RunError(f"{trail[0].path / name}: no such file", "is this a finished finback run folder?")


def _latents(run: RunFolder, device: str, progress: Progress) -> _Vectors:
    """Of a VAE: the means of its latents, averaged over a clip's windows."""
    by_side = run_subsets(run)
    clips = tuple(c for side in by_side.values() for c in side if c.label is not None)
    learnt = {c.key for c in by_side["train"]}

    def of(chosen: Sequence[Clip]) -> np.ndarray:
        space = LatentSpace.load(run.path, device)
        store = FeatureStore(Extractor(space.spec), default_folder())
        store.prepare(chosen, progress)
        return np.stack(
            [space.encode(store(c)).mean(axis=0) for c in progress(chosen, "encoding", len(chosen))]
        )

    heard = np.array([c.key in learnt for c in clips])
    return _Vectors("latents of a VAE", run.info, run.weights, clips, heard, of)
