"""Loading a trained model: from a run folder, or the name of a bundled model, to a network on its device.

    model = load_model("watkins", "generator")
    model.network, model.labels, model.spec, model.run

`Predictor`, `SpectrogramGenerator`, `LatentSpace` and `Vocoder` open runs through this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from finback import models
from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.core.storage.files import RESTORE, tensors_digest
from finback.core.types import Labels
from finback.features.spec import FeatureSpec
from finback.models import pretrained
from finback.models.devices import torch_device
from finback.models.model_files import located_settings
from finback.models.weights import load_weights

Kind = Literal["classifier", "generator", "vocoder"]
TRAINED_BY = {"classifier": "cnn2d", "generator": "diffusion", "vocoder": "vocoder"}


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network in evaluation mode on its device, with its features (input) and labels (output)."""

    network: Any  # a Classifier, Generator or Vocoder
    labels: Labels
    spec: FeatureSpec
    run: RunFolder


def open_run(where: str | Path, kind: Kind) -> RunFolder:
    """The run folder of that kind, or of the bundled model of that name; an ensemble is a classifier.

    Raises `RunError` if there is no such folder or model, or the folder is of another kind.
    """
    run = RunFolder.open(pretrained.resolve(where, kind))
    found = run.info.kind
    if found != kind and not (kind == "classifier" and found == "ensemble"):
        raise RunError(
            f"{where}: a {found}, not a {kind}", f"give the folder of finback train {TRAINED_BY[kind]}"
        )
    return run


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
