"""Vectors laid out in the plane, like beside like. Both ways keep neighbours, and say little of far groups.

Sources: van der Maaten & Hinton, "Visualizing data using t-SNE", JMLR 9 (2008); McInnes et al., "UMAP:
uniform manifold approximation and projection", arXiv:1802.03426.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from finback.core.errors import SettingsError

PERPLEXITY = 30  # neighbours that t-SNE keeps together, its authors' middle choice
NEIGHBOURS = 15  # and UMAP, its default
PCA_DIMENSIONS = 50  # t-SNE's authors reduce to so many first


def tsne(vectors: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) -> (N, 2)."""
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    flat = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        _reduced(vectors, seed)
    )
    return _centred(flat)


def umap(vectors: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) -> (N, 2)."""
    from umap import UMAP

    near = min(NEIGHBOURS, len(vectors) - 1)
    threads = torch.get_num_threads()
    flat = UMAP(n_neighbors=near, random_state=seed, n_jobs=1).fit_transform(_reduced(vectors, seed))
    torch.set_num_threads(threads)  # Numba sets those of the whole process, and sums change with their number
    return _centred(flat)


METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"t-SNE": tsne, "UMAP": umap}


def available() -> tuple[str, ...]:
    """Methods that this machine can do."""
    return tuple(m for m in METHODS if m != "UMAP" or importlib.util.find_spec("umap") is not None)


def wanted(methods: Sequence[str]) -> tuple[str, ...]:
    """Names of `METHODS` as they are spelt there; none given: all available. Raises `SettingsError`."""
    by_name = {name.lower().replace("-", ""): name for name in METHODS}
    asked = []
    for method in methods:
        name = by_name.get(method.lower().replace("-", ""))
        if name is None:
            raise SettingsError(f"{method}: no such map", "there are: " + ", ".join(METHODS))
        if name not in available():
            raise SettingsError(f"{name}: umap-learn is not installed", "pip install 'finback[figures]'")
        asked.append(name)
    return tuple(asked) or available()


def _reduced(vectors: np.ndarray, seed: int) -> np.ndarray:
    n = min(PCA_DIMENSIONS, len(vectors))
    if vectors.shape[1] <= n:
        return vectors.astype(np.float32)
    reduced: np.ndarray = PCA(n, random_state=seed).fit_transform(vectors).astype(np.float32)
    return reduced


def _centred(flat: np.ndarray) -> np.ndarray:
    """Filling a square from -1 to 1: neither axis means anything, so each is stretched to its full length."""
    flat = flat - (flat.max(axis=0) + flat.min(axis=0)) / 2
    scaled: np.ndarray = (flat / np.abs(flat).max(axis=0).clip(1e-9)).astype(np.float32)
    return scaled
