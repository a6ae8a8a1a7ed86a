"""A trained generator or vocoder, ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finback import models
from finback.core.errors import RunError
from finback.core.runs import RunFolder
from finback.core.settings import build
from finback.features.spec import FeatureSpec
from finback.models.devices import torch_device
from finback.models.model_files import located_settings
from finback.models.weights import load_weights


def load_model(path: Path, kind: str, device: str = "auto") -> tuple[Any, RunFolder]:
    """The trained model of a run of that kind ("generator", "vocoder"), ready to use, and its folder.

    Raises `RunError` if the folder is none, of another kind, unfinished or damaged.
    """
    run = RunFolder.open(path)
    info = run.info
    if info.kind != kind:
        train = {"generator": "diffusion", "vocoder": "vocoder"}[kind]
        raise RunError(f"{path}: a {info.kind}, not a {kind}", f"give the folder of finback train {train}")
    run.require_trained()
    spec = build(FeatureSpec, info.spec)
    model = models.create(
        info.family, spec, len(info.labels), **located_settings(info.family, info.settings["model"], run.path)
    )
    load_weights(model, run.weights)
    return model.to(torch_device(device)).eval(), run
