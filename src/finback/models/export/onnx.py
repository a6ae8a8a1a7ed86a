"""A run as one ONNX file: from waves to calibrated probabilities, with metadata.

    exported = to_onnx(run, predictor, Path("model.onnx"))

Input `wave` (windows, T) float32; outputs `probabilities` (windows, K) of each window, and `clip` (1, K) of
all windows as those of one clip. Before the file is written to its path, onnxruntime runs it on a few sounds,
and the results are compared with those of the predictor.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from finback.core.errors import SettingsError
from finback.core.extras import install as install_line
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import atomic_path
from finback.core.types import Clip
from finback.models.export.metadata import metadata_of
from finback.models.export.module import ExportedModel
from finback.models.export.verify import largest_difference, refuse_if_far, trial_clips
from finback.models.predictor import Predictor

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
INPUT, OUTPUTS = "wave", ("probabilities", "clip")
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def check_packages() -> None:
    """Raises `SettingsError` that names the packages that are missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"export to ONNX needs {', '.join(missing)}, not installed", install_line("export")
        )


def to_onnx(run: RunFolder, predictor: Predictor, path: Path) -> dict[str, Any]:
    """Write the file, whole or not at all; returns its metadata and the largest difference from finback.

    Raises `SettingsError` for a run that cannot be a graph or without the packages; `RunError` where answers
    differ by more than the tolerance.
    """
    check_packages()
    from onnx import save

    metadata = metadata_of(run, predictor)
    model = graph(ExportedModel(predictor.root), predictor.spec.clip_samples)
    describe(model, metadata)
    with atomic_path(path) as temporary, trial_clips(run, predictor.spec) as clips:
        save(model, str(temporary))
        answers = run_file(temporary, predictor, clips)
        difference = largest_difference(answers, predictor, clips)
        refuse_if_far(difference, str(path))
    return {**metadata, "opset": OPSET, "largest_difference": difference, "n_clips": len(clips)}


def graph(module: ExportedModel, clip_samples: int) -> ModelProto:
    """The module as an ONNX model of any number of windows, without paths of this machine."""
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    example = torch.zeros(2, clip_samples)
    windows = torch.export.Dim("windows", min=1, max=1 << 16)
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)  # it reports that torchvision is missing, which is not needed
    try:
        with warnings.catch_warnings(), torch.inference_mode(False):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                dynamic_shapes=({0: windows},),
                optimize=False,  # its optimizer replaces x + 1e-8 by x; onnxruntime optimizes again
                verbose=False,
            )
    finally:
        exporter.setLevel(level)
    assert program is not None
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    model = program.model_proto
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        del part.metadata_props[:]  # stack traces, with the paths of this machine
        part.doc_string = ""
    return model


def describe(model: ModelProto, metadata: dict[str, Any]) -> None:
    """Add the metadata to the properties of the model, each value as JSON."""
    from onnx import checker

    model.producer_name, model.producer_version = "finback", str(metadata["finback"])
    for name, value in metadata.items():
        model.metadata_props.add(key=name, value=json.dumps(value, ensure_ascii=False))
    checker.check_model(model)


def run_file(path: Path, predictor: Predictor, clips: Sequence[Clip]) -> np.ndarray:
    """(N, K) probabilities of clips, computed from the file at `path` by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    extractor = predictor.store.extractor
    answers = [session.run([OUTPUTS[1]], {INPUT: extractor.waves(clip)})[0] for clip in clips]
    return np.concatenate(answers)
