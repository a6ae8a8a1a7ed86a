"""Logits and embeddings of windows and clips: used by validation, evaluation, prediction and scanning.

A network's last bits depend on the number of rows that it is given. So a network always runs on the same
number of rows (`rows_of`), here and nowhere else: a window has the same logits bit for bit, alone or among
others, whatever the batch (docs/decisions/0042).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import AudioError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.features.cache import FeatureStore, batches
from finback.models.networks.classifier import Classifier

# What `clip_logits` does, in words; also networks that would take a clip of any length get windows.
LONGER_CLIPS = "cut into windows, evenly spaced; the logits of all windows are averaged"
BATCH = 32  # windows, in one piece of features
GPU_ROWS = 64  # rows of a network on a graphics card, which a few rows leave idle


def clip_logits(
    models: Sequence[Classifier], store: FeatureStore, clips: Sequence[Clip], progress: Progress = no_progress
) -> np.ndarray:
    """(E, N, K) float32: for each of E models, the logits of each clip, averaged over its windows.

    Features are computed once for all models; every window counts, so no audio is ignored.
    """
    return _averaged(models, lambda m: m, store, clips, progress)


def clip_embeddings(
    model: Classifier, store: FeatureStore, clips: Sequence[Clip], progress: Progress = no_progress
) -> np.ndarray:
    """(N, D) float32: the embedding of each clip, averaged over its windows."""
    embeddings = _averaged([model], lambda m: m.embed, store, clips, progress)[0]
    return require_finite([str(clip.recording.path) for clip in clips], embeddings, "embedding")


@torch.inference_mode()
def through(model: Classifier, output: Callable[[Tensor], Tensor], x: np.ndarray) -> np.ndarray:
    """(N, ...) float32: an output of the model (itself, its `embed`) for each log-mel of (N, M, F)."""
    device = device_of(model)
    model.eval()
    nothing = output(torch.zeros(1, 1, *x.shape[1:], device=device))[:0]  # its shape, without any log-mel
    starts = range(0, len(x), BATCH)
    rows = rows_of(model)
    pieces = [in_rows(output, torch.from_numpy(x[i : i + BATCH]).to(device)[:, None], rows) for i in starts]
    return torch.cat([nothing, *pieces]).float().cpu().numpy()


def rows_of(model: Classifier) -> int:
    """Rows on which a network always runs: equal for one family on one kind of device."""
    return model.rows if device_of(model).type == "cpu" else max(model.rows, GPU_ROWS)


def in_rows(output: Callable[[Tensor], Tensor], x: Tensor, rows: int) -> Tensor:
    """`output` of x (B, ...) -> (B, ...), computed `rows` rows at a time; the last ones are filled up.

    The rows are copied: an array of NumPy may begin anywhere in memory, which may change last bits too.
    """
    parts = []
    for i in range(0, len(x), rows):
        part = x[i : i + rows]
        filled = x.new_empty((rows, *x.shape[1:]))
        filled[: len(part)] = part
        filled[len(part) :] = part[:1]  # real values: no filling costs more than a window
        parts.append(output(filled)[: len(part)])
    return torch.cat(parts)


def require_finite(names: Sequence[str], values: np.ndarray, what: str = "score") -> np.ndarray:
    """Scores (N, K) or embeddings (N, D) of N sounds, unchanged.

    Raises `AudioError` naming a sound where one is NaN or infinite.
    """
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        more = f" (and {len(bad) - 1} more sounds)" if len(bad) > 1 else ""
        raise AudioError(
            f"{names[bad[0]]}{more}: the {what}s are not finite numbers",
            "check the level of its samples; if all files give this, restore the run folder from a copy",
        )
    return values


def device_of(model: Classifier) -> torch.device:
    """The device of the model, also of a fitted head, which has buffers only."""
    return next(chain(model.parameters(), model.buffers())).device


@torch.inference_mode()
def _averaged(
    models: Sequence[Classifier],
    output: Callable[[Classifier], Callable[[Tensor], Tensor]],
    store: FeatureStore,
    clips: Sequence[Clip],
    progress: Progress,
) -> np.ndarray:
    device = device_of(models[0])
    sums: list[np.ndarray] = [np.zeros((0, 0))] * len(models)
    count = np.zeros(len(clips))
    for inputs, owners in batches(store, progress(clips, "scoring", len(clips)), BATCH):
        x = store.extractor.front_end.batch(inputs).to(device)
        for i, model in enumerate(models):
            out = in_rows(output(model.eval()), x, rows_of(model)).float().cpu().numpy()
            if not sums[i].size:
                sums[i] = np.zeros((len(clips), out.shape[1]))
            np.add.at(sums[i], owners, out)
        np.add.at(count, owners, 1)
    return (np.stack(sums) / np.maximum(count, 1)[:, None]).astype(np.float32)
