"""A gate for a run that was trained without one: its recordings are read again, its weights stay.

    add_gate(Path("runs/old"))

The answers of the run then have the class "none of these". Its fingerprint changes: thresholds and scans of
the run without a gate are of another model.
"""

from __future__ import annotations

from pathlib import Path

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_split
from finback.core.runs.training_clips import save_training_clips
from finback.core.storage.files import tensors_digest
from finback.core.storage.locks import only_writer
from finback.data.manifest import Manifest
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.attach_gate import save_gate
from finback.models.devices import torch_device
from finback.models.load import load_network
from finback.training.describe_clips import described
from finback.training.gate import fit_gate_of
from finback.training.unknown_settings import UnknownSettings


def add_gate(
    path: Path,
    settings: UnknownSettings | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
) -> RunFolder:
    """Fit the gate of a trained classifier, of each of its folds; one that is there is replaced.

    Raises `RunError` for a run that is no classifier of its own, such as an ensemble, or is unfinished, and
    `AudioError` where its recordings are not found.
    """
    run = RunFolder.open(Path(path))
    if run.info.kind != "classifier":
        raise RunError(
            f"{path}: is no classifier of its own", "add gates to the runs, then combine them again"
        )
    clips = Manifest.load(run.manifest).clips
    with only_writer(run.path):
        for part in run.parts:
            split = load_split(part.split_table, clips, part.info.split_by)
            model = load_network(part, torch_device(device)).network
            store = FeatureStore(Extractor.for_model(model), default_folder())
            known = (*split.train, *split.val)
            fitted = fit_gate_of(model, store, known, settings or UnknownSettings(), progress)
            save_gate(part.weights, fitted.gate)
            digest = (
                {"weights_digest": tensors_digest(part.weights).hex()} if part.info.weights_digest else {}
            )
            save_training_clips(part.training_clips, described(known, fitted.least_known, progress))
            part.note(gate=fitted.facts, **digest)
    return RunFolder.open(run.path)
