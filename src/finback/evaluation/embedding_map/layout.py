"""Embeddings in two dimensions. Both methods keep neighbours together; other distances mean little.

Sources: van der Maaten & Hinton, "Visualizing data using t-SNE", JMLR 9 (2008); McInnes et al., "UMAP:
uniform manifold approximation and projection", arXiv:1802.03426.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from finback.core.errors import SettingsError
from finback.core.extras import install as install_line

Floats = NDArray[np.float32]
PERPLEXITY = 30  # number of neighbours that t-SNE keeps together; its authors propose 5 to 50
NEIGHBOURS = 15  # the same for UMAP, its default
PCA_DIMENSIONS = 50  # the authors of t-SNE first reduce the vectors to this number of dimensions


def tsne(vectors: Floats, seed: int) -> Floats:
    """t-SNE of vectors (N, D) -> positions (N, 2) from -1 to 1."""
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    flat = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        _reduced(vectors, seed)
    )
    return _centred(flat)


def umap(vectors: Floats, seed: int) -> Floats:
    """UMAP of vectors (N, D) -> positions (N, 2) from -1 to 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for widgets of a progress bar that is never shown
        from umap import UMAP

    near = min(NEIGHBOURS, len(vectors) - 1)
    threads = torch.get_num_threads()
    flat = UMAP(n_neighbors=near, random_state=seed, n_jobs=1).fit_transform(_reduced(vectors, seed))
    torch.set_num_threads(threads)  # Numba changes it for the whole process, and sums depend on it
    return _centred(flat)


METHODS: dict[str, Callable[[Floats, int], Floats]] = {"t-SNE": tsne, "UMAP": umap}


def available() -> tuple[str, ...]:
    """The methods that are installed."""
    return tuple(m for m in METHODS if m != "UMAP" or importlib.util.find_spec("umap") is not None)


def choose_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """Names of `METHODS`, in any case; without names, all installed ones. Raises `SettingsError`."""
    by_name = {name.lower().replace("-", ""): name for name in METHODS}
    chosen = []
    for method in methods:
        name = by_name.get(method.lower().replace("-", ""))
        if name is None:
            raise SettingsError(f"{method}: no such method", "the methods are: " + ", ".join(METHODS))
        if name not in available():
            raise SettingsError(f"{name}: umap-learn is not installed", install_line("figures"))
        chosen.append(name)
    return tuple(chosen) or available()


def _reduced(vectors: Floats, seed: int) -> Floats:
    """Vectors (N, D) -> (N, at most `PCA_DIMENSIONS`)."""
    n = min(PCA_DIMENSIONS, len(vectors))
    if vectors.shape[1] <= n:
        return vectors.astype(np.float32)
    return PCA(n, random_state=seed).fit_transform(vectors).astype(np.float32)


def _centred(flat: Floats) -> Floats:
    """Positions (N, 2) scaled to -1 to 1 on each axis: the axes of a layout have no meaning of their own."""
    flat = flat - (flat.max(axis=0) + flat.min(axis=0)) / 2
    return (flat / np.abs(flat).max(axis=0).clip(1e-9)).astype(np.float32)
