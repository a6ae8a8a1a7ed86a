"""Weight imprinting: the row of the head for a rare species is computed from embeddings of its few clips.

Qi et al. 2018, "Low-shot learning with imprinted weights", CVPR.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from finback.core.runs.files import WEIGHTS
from finback.core.types import Clip
from finback.features.cache import FeatureStore
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_embeddings
from finback.models.weights import save_tensors
from finback.training.stages import FitContext


def imprint_rare_species(
    model: Classifier, store: FeatureStore, clips: Sequence[Clip], context: FitContext, folder: Path
) -> None:
    """Imprint the species `context.rare` on a trained model, in place and in the weights of `folder`.

    `clips` are all training clips, common and rare. A second call changes nothing.
    """
    z = clip_embeddings(model, store, clips, context.progress)  # (N, D)
    y = torch.from_numpy(context.labels.targets(clips).astype(np.int64))  # (N,)
    model.imprint(torch.from_numpy(z), y, [context.labels.index(name) for name in context.rare])
    save_tensors(folder / WEIGHTS, model.state_dict(), {})
