"""The baseline of an audit: a stationary Gaussian of each species, fitted on the spot to the training clips.

It has the spectra of the tapes and no calls (`finback.models.networks.stationary`). A generator that is no
better than this baseline in a figure has not learned what the figure measures.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from finback import models
from finback.evaluation.generator_audit.windows import Windows
from finback.features.lengths import true_frames
from finback.features.spec import FeatureSpec

BASELINE = "stationary-gaussian"
BATCH = 16


@torch.no_grad()
def baseline_windows(train: Windows, spec: FeatureSpec, counts: NDArray[np.int64], seed: int = 0) -> Windows:
    """`counts` (K,) samples of each species, from a Gaussian fitted to the training windows."""
    model = models.create(BASELINE, spec, len(counts))
    x, y = torch.from_numpy(train.x)[:, None], torch.from_numpy(train.y)
    model.scale.fit(x, y)
    model.fit(x, y, torch.from_numpy(true_frames(train.spans, spec)))
    labels = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))
    random = torch.Generator().manual_seed(seed)
    parts = [np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32)]
    for own in labels.split(BATCH):
        loudness = torch.randn(len(own), generator=random)
        units = model.decode(torch.randn(len(own), *model.noise_shape, generator=random), own)
        parts.append(model.scale.to_db(units, own, loudness)[:, 0].numpy())
    ids = np.arange(len(labels))
    return Windows(np.concatenate(parts), labels.numpy(), ids, tuple(f"sample {i}" for i in ids))
