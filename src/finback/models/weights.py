"""Weights and checkpoints: safetensors files, each written whole or not at all.

A checkpoint holds everything that the next training step depends on. Numbers are JSON in the header of the
file; nothing is pickled. A digest in the header covers all of it, so damage anywhere in the file is an error
that names the file, never another answer. Random numbers need no state: every step draws from its own seed.
Tensors of older versions get their names of today when a file is read.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from finback.core.errors import RunError
from finback.core.runs.renames import RENAMED_MODULES
from finback.core.storage.files import RESTORE, write_atomic

METADATA = "facts"  # key of the JSON object in the header of the file, since version 0.1.0
GATE = "gate."  # begins the names of the tensors of a gate (models/gate.py), beside those of a classifier
DIGEST = "digest"  # of all tensors and the JSON object; files of version 0.1.0 have none
# SafetensorError for most damage; the others for a header that names types or sizes that nobody has.
UNREADABLE = (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and a JSON object. Raises `FinbackError` on a full disk; the old file stays."""
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    facts = json.dumps(metadata)
    write_atomic(path, _in_order(save(plain, {METADATA: facts, DIGEST: _digest(plain, facts)})))


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with the keys of its header in order: equal content is an equal file.

    The library writes the texts of the header in an order that changes from process to process.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors start at a multiple of 8 bytes
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file under their names of today, and its JSON object.

    Raises `RunError` when the file is missing, damaged, or does not fit its digest.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
        facts, digest = header.get(METADATA, "{}"), header.get(DIGEST)
        metadata = json.loads(facts)
        is_whole = set(header) <= {METADATA, DIGEST} and digest in (None, _digest(tensors, facts))
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except UNREADABLE as error:
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(f"{path}: damaged ({text})", RESTORE) from None
    if not is_whole or not isinstance(metadata, dict):
        raise RunError(f"{path}: damaged (its content does not fit its digest)", RESTORE)
    return {current_name(name): tensor for name, tensor in tensors.items()}, metadata


def _digest(tensors: dict[str, Tensor], facts: str) -> str:
    """32 hex digits of names, types, shapes and values of the tensors, and of the JSON text."""
    digest = hashlib.blake2b(facts.encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def current_name(tensor: str) -> str:
    """The name of a tensor today, for a name that this or an older version wrote."""
    return ".".join(RENAMED_MODULES.get(part, part) for part in tensor.split("."))


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a model from a run's weights, without its gate. Raises `RunError` if another model wrote them."""
    tensors, _ = load_tensors(path)
    try:
        model.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(GATE)})
    except RuntimeError as error:
        raise RunError(f"{path}: not the weights of this model", str(error).splitlines()[0]) from None


def pack(model: nn.Module, average: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """One flat dict with the model, its average and the state of the optimizer."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    return tensors


def unpack(tensors: dict[str, Tensor], model: nn.Module, average: nn.Module, optimizer: Optimizer) -> None:
    """The reverse of `pack`, in place."""

    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    model.load_state_dict(part("model."))
    average.load_state_dict(part("average."))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimizer.").items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
