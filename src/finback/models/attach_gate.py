"""The gate of a run folder: its tensors lie in `weights.safetensors`, beside those of the classifier.

network = with_gate(network, run, device)   # the head has an output more, if the run has a gate
save_gate(run.weights, gate)
"""

from __future__ import annotations

from pathlib import Path

import torch

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import RESTORE
from finback.models.networks.classifier import Classifier
from finback.models.networks.gate import Gate, GatedHead
from finback.models.weights import GATE, load_tensors, save_tensors


def with_gate(network: Classifier, run: RunFolder, device: torch.device) -> Classifier:
    """The network, whose head has the gate of the run, if there is one, beside it.

    Raises `RunError` for a gate that is damaged.
    """
    tensors, _ = load_tensors(run.weights)
    own = {name.removeprefix(GATE): t.float() for name, t in tensors.items() if name.startswith(GATE)}
    if own:
        try:
            gate = Gate(**own)
        except TypeError:
            raise RunError(f"{run.weights}: damaged (its gate is not whole)", RESTORE) from None
        network.add_module("head", GatedHead(network.head, gate.to(device)))
    return network.eval()


def save_gate(path: Path, gate: Gate | None) -> None:
    """Put the gate into a file of weights, in place of the one that is there; None takes that one away."""
    tensors, facts = load_tensors(path)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(GATE)}
    own = {} if gate is None else {GATE + name: tensor for name, tensor in gate.state_dict().items()}
    if own or len(kept) < len(tensors):
        save_tensors(path, kept | own, facts)
