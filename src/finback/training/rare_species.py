"""Rare species taken on after training: their rows of the head come from their few clips' embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from finback.core.run_files import WEIGHTS
from finback.core.types import Clip
from finback.features.cache import FeatureStore
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_embeddings
from finback.models.weights import save_tensors
from finback.training.stages import How


def take_on(model: Classifier, store: FeatureStore, clips: Sequence[Clip], how: How, folder: Path) -> None:
    """Imprint the species `how.rare` on a trained model, in place and in the folder's weights.

    `clips` are all training clips, common and rare. Done again, it changes nothing.
    """
    z = clip_embeddings(model, store, clips, how.progress)  # (N, D)
    y = torch.from_numpy(how.labels.targets(clips).astype(np.int64))
    model.imprint(torch.from_numpy(z), y, [how.labels.index(name) for name in how.rare])
    save_tensors(folder / WEIGHTS, model.state_dict(), {})
