"""Loading a trained model: from a run folder, or the name of a bundled model, to a network on its device.

    model = load_model("watkins", "generator")
    model.network, model.labels, model.spec, model.run

`Predictor`, `SpectrogramGenerator`, `LatentSpace` and `Vocoder` open runs through this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from finback import models
from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.core.storage.files import RESTORE, tensors_digest
from finback.core.types import Labels
from finback.features.spec import FeatureSpec
from finback.models.devices import torch_device
from finback.models.model_files import located_settings
from finback.models.pretrained import Kind as Kind
from finback.models.pretrained import open_run as open_run
from finback.models.weights import load_weights


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network in evaluation mode on its device, with its features (input) and labels (output)."""

    network: Any  # a Classifier, Generator or Vocoder
    labels: Labels
    spec: FeatureSpec
    run: RunFolder


def load_model(where: str | Path, kind: Kind, device: str = "auto") -> TrainedModel:
    """The trained model of that kind, ready to use.

    `where` is a run folder or the name of a bundled model. Raises `RunError` if there is no such folder or
    model, or it is of another kind, unfinished, damaged, or consists of several models (folds, an ensemble).
    """
    run = open_run(where, kind)
    if run.folds or run.info.members:
        raise RunError(f"{where}: consists of several models", "use finback.models.predictor.Predictor")
    return load_network(run, torch_device(device))


def load_network(run: RunFolder, device: torch.device) -> TrainedModel:
    """The network of an opened run. Raises `RunError` if it is unfinished or damaged."""
    run.require_trained()
    info = run.info
    spec, labels = build(FeatureSpec, info.spec), Labels(info.labels)
    settings = located_settings(info.family, info.settings["model"], run.path)
    network = models.create(info.family, spec, len(labels), **settings)
    if info.weights_digest and info.weights_digest != tensors_digest(run.weights).hex():
        raise RunError(f"{run.weights}: damaged (its content does not fit its digest)", RESTORE)
    load_weights(network, run.weights)
    return TrainedModel(network.to(device).eval(), labels, spec, run)
