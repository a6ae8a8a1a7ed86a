"""A map of the clips of a run: their embeddings in two dimensions, with similar clips close together.

    embedding_map = make_map(run)         # embeddings of a classifier, or latents of a VAE
    embedding_map.layouts["t-SNE"]        # (N, 2)

t-SNE comes with scikit-learn; UMAP needs the extra `figures` and is left out without it. Both keep neighbours
together, but distances between separate clusters mean little. Therefore `Neighbours` is measured among the
vectors themselves: from which recording group and species is the nearest clip? If it is nearly always from
the same group, the model recognises the group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import MANIFEST, SPLIT_TABLE
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.split_table import load_split
from finback.core.settings import build
from finback.core.storage.keeping import kept
from finback.core.types import SUBSETS, Clip, Labels
from finback.data.manifest import Manifest
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.embedding_map import store
from finback.evaluation.embedding_map.layout import METHODS, choose_methods
from finback.evaluation.embedding_map.neighbours import Neighbours, neighbours
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.generation.vae_latents import LatentSpace
from finback.models.predictor import Predictor

FEWEST = 8  # clips: with fewer there are no neighbourhoods
MOST = 2000  # clips: more take minutes, and points on the page would cover each other

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """N clips of a run, and the position of each clip in every layout."""

    run: Path
    what: str  # the kind of vectors, in words
    labels: Labels
    spec: FeatureSpec
    clips: tuple[Clip, ...]
    seen_in_training: Bools  # (N,)
    layouts: dict[str, Floats] = field(repr=False)  # name -> (N, 2), from -1 to 1
    neighbours: Neighbours
    left_out: int = 0  # clips that are not shown, because there are more than `most`

    @property
    def groups(self) -> list[str]:
        """The recording group of each clip; "" if unknown."""
        return [clip.group for clip in self.clips]


@dataclass(frozen=True)
class _Vectors:
    """Where the vectors of a run come from; `of` is called only if the layout is not on disk."""

    what: str
    info: RunInfo
    run: RunFolder  # of the model that makes them
    clips: tuple[Clip, ...]
    seen_in_training: Bools  # (N,)
    of: Callable[[Sequence[Clip]], Floats]  # N clips -> (N, D)


def make_map(
    path: Path,
    methods: Sequence[str] = (),
    most: int = MOST,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = no_progress,
) -> EmbeddingMap:
    """The map of the clips of a run, read from `map.parquet` in its folder if it exists.

    `methods` are names of `METHODS` (default: all that are installed). Raises `RunError` if the model has no
    embeddings, `InputError` for too few clips, `SettingsError` for an unknown method.
    """
    names = choose_methods(methods)
    run = RunFolder.open(path)
    source = _source(run, device, progress)
    rows = np.arange(len(source.clips))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng([seed, 11]).permutation(len(rows))[:most])
    clips = tuple(source.clips[i] for i in rows)
    if len(clips) < FEWEST:
        raise InputError(f"{path}: only {len(clips)} clips to map", f"a map needs {FEWEST} or more")
    fingerprint = store.fingerprint(source.run, clips, names, seed)
    stored = store.load(run.map, fingerprint)
    if stored is None:
        vectors = source.of(clips)
        layouts = {name: METHODS[name](vectors, seed) for name in progress(names, "layout", len(names))}
        species, groups = [c.label or "" for c in clips], [c.group for c in clips]
        stored = layouts, neighbours(vectors, species, groups, source.seen_in_training[rows])
        with kept(run.map):
            store.save(run.map, clips, source.seen_in_training[rows], *stored, fingerprint)
    layouts, near = stored
    return EmbeddingMap(
        run.path,
        source.what,
        Labels(source.info.labels),
        build(FeatureSpec, source.info.spec),
        clips,
        source.seen_in_training[rows],
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
        f"{run.path}: a {info.family or info.kind} has no embeddings",
        "give the run folder of a classifier (finback train cnn2d) or of a VAE (finback train vae)",
    )


def _embeddings(run: RunFolder, device: str, progress: Progress) -> _Vectors:
    """Embeddings of a classifier; of the first fold or member if there are several."""
    trail, part = [run], ""
    while run.folds or run.info.kind == "ensemble":
        part += "fold 1 of " if run.folds else "the first member of "
        run = RunFolder.open((run.folds[0] if run.folds else run.member(0)).path)
        trail.append(run)
    info = run.info
    run.require_trained()
    known = Manifest.load(_innermost(trail, MANIFEST)).clips
    split = load_split(_innermost(trail, SPLIT_TABLE), known, info.split_by)
    trained_on = ("train",) if info.refit_epochs is None else ("train", "val")
    listed = [(c, name in trained_on) for name in SUBSETS for c in split.subset(name) if c.label is not None]
    clips, seen = tuple(c for c, _ in listed), [trained for _, trained in listed]

    def of(chosen: Sequence[Clip]) -> Floats:
        predictor = Predictor.load(run.path, device, default_folder())
        predictor.prepare(chosen, progress)
        return predictor.embed(chosen, progress)

    content = f"embeddings of {part}a {info.family} classifier"
    return _Vectors(content, info, run, clips, np.array(seen), of)


def _innermost(trail: Sequence[RunFolder], name: str) -> Path:
    """The file of that name in the innermost folder that has one.

    A fold has its own split; a member of an ensemble has the split of the ensemble.
    """
    for run in reversed(trail):
        if (run.path / name).is_file():
            return run.path / name
    raise RunError(f"{trail[0].path / name}: no such file", "give a finished run folder of finback")


def _latents(run: RunFolder, device: str, progress: Progress) -> _Vectors:
    """Latents of a VAE: their means, averaged over the windows of a clip."""
    subsets = run_subsets(run)
    clips = tuple(c for subset in subsets.values() for c in subset if c.label is not None)
    trained_on = {c.key for c in subsets["train"]}

    def of(chosen: Sequence[Clip]) -> Floats:
        space = LatentSpace.load(run.path, device)
        features = FeatureStore(Extractor(space.spec), default_folder())
        features.prepare(chosen, progress)
        return np.stack(
            [space.encode(features(c)).mean(axis=0) for c in progress(chosen, "encoding", len(chosen))]
        )

    seen = np.array([c.key in trained_on for c in clips])
    return _Vectors("latents of a VAE", run.info, run, clips, seen, of)
