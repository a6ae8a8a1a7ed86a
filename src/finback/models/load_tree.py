"""The tree of a run folder: its folds or members, down to trained classifiers on their device."""

from __future__ import annotations

import torch

from finback.core.errors import RunError, SpecMismatchError
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.settings import build
from finback.core.storage.files import RESTORE
from finback.features.spec import FeatureSpec
from finback.metrics.combination import Combination, equal
from finback.models.attach_gate import with_gate
from finback.models.inference import for_inference
from finback.models.load import load_network
from finback.models.tree import Leaf, Node


def tree_of(run: RunFolder, device: torch.device) -> Leaf | Node:
    """The tree of a run. Raises `RunError` or `SpecMismatchError` for parts that do not fit each other."""
    info = run.info
    if run.folds:
        folds = tuple(tree_of(_part(fold, info), device) for fold in run.folds)
        return Node(folds, equal(len(folds)))
    run.require_trained()
    if info.kind == "classifier":
        return _leaf(run, device)
    fitted = info.combination
    if info.kind != "ensemble" or fitted is None:
        raise RunError(f"{run.run_json}: neither a classifier nor an ensemble with its combination", RESTORE)
    combination = Combination(fitted["how"], tuple(fitted["weights"]), tuple(fitted.get("bias", ())))
    parts = [run.member(i) for i in range(len(combination.weights))]
    members = tuple(tree_of(_part(part, info), device) for part in parts)
    return Node(members, combination, _temperature(run))


def _part(run: RunFolder, whole: RunInfo) -> RunFolder:
    """A fold or member, checked: it has the species of the whole run and, as a fold, its features."""
    if not run.run_json.is_file():
        run.require_trained()
    info = run.info
    if info.labels != whole.labels:
        raise RunError(
            f"{run.path}: was trained on different species than the run that contains it",
            "restore its folder from a copy, or train into another --out",
        )
    if whole.kind == info.kind and info.spec != whole.spec:
        own, others = (build(FeatureSpec, i.spec).fingerprint for i in (info, whole))
        raise SpecMismatchError(
            f"{run.path}: trained with features {own}, not {others}",
            "train it with the features of the whole run",
        )
    return run


def _leaf(run: RunFolder, device: torch.device) -> Leaf:
    model = load_network(run, device)
    network = with_gate(for_inference(model.network), run, device)
    return Leaf(network, _temperature(run), model.spec, run.info.backbone_version)


def _temperature(run: RunFolder) -> float:
    if run.info.temperature is None:
        raise RunError(
            f"{run.run_json}: damaged (it has no temperature)",
            RESTORE,
        )
    return run.info.temperature
