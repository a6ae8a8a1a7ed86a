"""Hard negatives from recordings that are known to hold no calls: the windows that a model takes for calls.

Taken overall, the windows with the highest scores are often copies of one sound: a squeak of a mooring gives
thousands. So windows are clustered by their embeddings, and each cluster gives only its highest ones. The
clusters are those of k-means on embeddings from which the mean was taken and whose length is 1. Nothing is
drawn at random: the same journal gives the same windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from finback.core.errors import RunError
from finback.core.types import Labels, softmax
from finback.scan.journal import Journal
from finback.scan.spans import LEFT_OUT, ScoredSound

MOST = 20_000  # windows that are clustered
SAME = 1e-6  # squared distance of two embeddings that are the same but for rounding
ROUNDS = 20  # of k-means
FEWEST_OF_A_SOUND = 20  # so that a loud recording leaves room for others
NEGATIVE = frozenset(("background", "noise", "none", "none of these", "no call", "unknown"))


@dataclass(frozen=True, slots=True)
class MinedWindow:
    """A window without a call that the model takes for one; times in seconds of the file."""

    path: str
    channel: int | None
    start_s: float
    stop_s: float
    taken_for: str
    score: float  # of that class, 0 to 1
    cluster: int


@dataclass(frozen=True, slots=True)
class MinedCluster:
    """Sounds that are alike: how many windows, how many were taken, the highest score and its class."""

    number: int  # from 0, the highest score first
    n_windows: int
    n_taken: int
    score: float
    taken_for: str


@dataclass(frozen=True, slots=True)
class Mining:
    """What was mined of `n_windows` windows that were analysed; `n_clustered` of them were compared."""

    windows: tuple[MinedWindow, ...]
    clusters: tuple[MinedCluster, ...]
    n_windows: int
    n_clustered: int


@dataclass(frozen=True, eq=False, slots=True)
class _Candidates:
    """The windows (n,) of one sound with the highest scores, highest first."""

    sound: ScoredSound
    window: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int64]
    embedding: NDArray[np.float32]  # (n, D)


def mine(journal: Journal, n_clusters: int = 50, per_cluster: int = 10) -> Mining:
    """The windows with the highest scores of each cluster, without those that overlap another one taken.

    Raises `RunError` for a journal without embeddings, or in which nothing was analysed.
    """
    most = max(FEWEST_OF_A_SOUND, MOST // max(1, len(journal.files())))
    n_windows, found = 0, []
    for sound in journal.sounds():
        n_windows += int((sound.faults & LEFT_OUT == 0).sum())
        if (candidates := _highest(sound, journal.labels, most)) is not None:
            found.append(candidates)
    if not found:
        raise RunError(
            f"{journal.folder}: nothing was analysed", "look at errors.csv, and give other recordings"
        )
    chosen = _pool(found)
    vectors = _directions(np.stack([found[i].embedding[j] for i, j in chosen]))
    clusters = _clusters(vectors, n_clusters)
    return _taken([(found[i], j) for i, j in chosen], clusters, per_cluster, n_windows)


def _highest(sound: ScoredSound, labels: Labels, most: int) -> _Candidates | None:
    """The windows that look most like a call; None where nothing was analysed."""
    if sound.embeddings is None:
        raise RunError(f"{sound.file.path}: has no embeddings in the journal", "scan with --keep embeddings")
    calls = [k for k, name in enumerate(labels.names) if name.casefold() not in NEGATIVE]
    kept = np.flatnonzero(sound.faults & LEFT_OUT == 0)
    if not len(kept) or not calls:
        return None
    p = softmax(sound.logits[kept])[:, calls]
    best = p.argmax(axis=1)
    score = p[np.arange(len(p)), best]
    order = np.lexsort((sound.start[kept], -score))[:most]
    window = kept[order]
    label = np.array(calls)[best[order]]
    return _Candidates(sound, window, score[order], label, sound.embeddings[window])


def _pool(found: list[_Candidates]) -> list[tuple[int, int]]:
    """(sound, place) of at most `MOST` windows: the highest of every sound, then the next of every sound."""
    pairs = [(i, j) for i, candidates in enumerate(found) for j in range(len(candidates.window))]
    pairs.sort(key=lambda pair: (pair[1], -float(found[pair[0]].score[pair[1]]), pair[0]))
    return pairs[:MOST]


def _directions(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Embeddings (N, D) without their mean, of length 1."""
    x = embeddings.astype(np.float64)
    x -= x.mean(axis=0)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.where(length > 0, x / np.where(length > 0, length, 1.0), 0.0)


def _clusters(vectors: NDArray[np.float64], n_clusters: int) -> NDArray[np.int64]:
    """The cluster (N,) of each vector (N, D): k-means that starts from vectors far from each other.

    The first centre is the first vector, that of the highest score; each next one is the vector that is
    farthest from all centres (Gonzalez 1985, "Clustering to minimize the maximum intercluster distance",
    Theor. Comput. Sci. 38:293-306). So a thousand copies of one sound are one centre, and a rare sound is one
    too.
    """
    centres = [0]
    nearest = _distance(vectors, vectors[0])
    while len(centres) < n_clusters and nearest.max() > SAME:
        centres.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distance(vectors, vectors[centres[-1]]))
    if len(centres) == 1:
        return np.zeros(len(vectors), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that became empty is no cluster
        _, codes = kmeans2(vectors, vectors[centres], iter=ROUNDS, minit="matrix")
    return np.asarray(codes, dtype=np.int64)


def _distance(vectors: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances (N,), summed in one order whatever the number of threads."""
    return np.asarray(np.square(vectors - centre).sum(axis=1))


def _taken(
    chosen: list[tuple[_Candidates, int]], clusters: NDArray[np.int64], per_cluster: int, n_windows: int
) -> Mining:
    """The highest windows of each cluster; clusters are numbered by their highest score."""
    score = np.array([float(c.score[j]) for c, j in chosen])
    first = [(float(score[clusters == k].max()), int(k)) for k in np.unique(clusters)]
    windows: list[MinedWindow] = []
    rows: list[MinedCluster] = []
    for number, (_, k) in enumerate(sorted(first, key=lambda pair: (-pair[0], pair[1]))):
        members = [_window(*chosen[i], number) for i in np.flatnonzero(clusters == k)]
        members.sort(key=lambda w: (-w.score, w.path, -1 if w.channel is None else w.channel, w.start_s))
        taken = list(_apart(members, windows, per_cluster))
        windows += taken
        rows.append(MinedCluster(number, len(members), len(taken), members[0].score, members[0].taken_for))
    windows.sort(key=lambda w: (w.path, w.start_s, -1 if w.channel is None else w.channel))
    return Mining(tuple(windows), tuple(rows), n_windows, len(chosen))


def _window(candidates: _Candidates, j: int, number: int) -> MinedWindow:
    sound, i = candidates.sound, int(candidates.window[j])
    rate = sound.file.sample_rate
    return MinedWindow(
        sound.file.path,
        sound.channel,
        float(sound.start[i]) / rate,
        float(sound.stop[i]) / rate,
        sound.labels.names[int(candidates.label[j])],
        float(candidates.score[j]),
        number,
    )


def _apart(members: list[MinedWindow], before: list[MinedWindow], most: int) -> Iterator[MinedWindow]:
    """The first `most` members that overlap no window that was taken."""
    taken = list(before)
    n = 0
    for one in members:
        if n == most:
            return
        if not any(_overlap(one, other) for other in taken):
            taken.append(one)
            n += 1
            yield one


def _overlap(a: MinedWindow, b: MinedWindow) -> bool:
    return a.path == b.path and a.start_s < b.stop_s and b.start_s < a.stop_s
