"""Checkpoints of PyTorch that others published: read without running code, kept as safetensors.

tensors, settings = read_checkpoint(Path("BEATs_iter3.pt"))
save_copy(folder / "backbone.safetensors", tensors, settings)
tensors, settings = read_copy(folder / "backbone.safetensors")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.core.storage.files import atomic_path
from finback.features.backbones.added import Added
from finback.features.backbones.onnx_files import content_of
from finback.features.spec import FeatureSpec

AGAIN = "download the file again, from the page of its authors"
Tensors = dict[str, Tensor]
# All that `torch.load` raises for damaged files; the reader of pickles has its own error.
_UNREADABLE = (
    torch.serialization.pickle.UnpicklingError,  # type: ignore[attr-defined]
    *(RuntimeError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, OSError),
    *(SafetensorError, MemoryError, OverflowError, AssertionError, ImportError),
)


def read_checkpoint(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors of a checkpoint by name, and its plain settings (the key `cfg`), if it has any.

    The tensors may be under the key `model` or `state_dict`, or be the whole file; safetensors are read too.
    Raises `SettingsError` for a file that is none of these.
    """
    try:
        loaded: Any = load_file(path) if path.suffix == ".safetensors" else _loaded(path)
    except _UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise SettingsError(f"{path}: not a checkpoint that can be read ({reason})", AGAIN) from None
    if not isinstance(loaded, Mapping):
        raise SettingsError(f"{path}: a checkpoint without named tensors", AGAIN)
    named = [loaded[key] for key in ("model", "state_dict") if isinstance(loaded.get(key), Mapping)]
    inner: Mapping[Any, Any] = named[0] if named else loaded
    tensors = {str(k): v for k, v in inner.items() if isinstance(v, Tensor)}
    if not tensors:
        raise SettingsError(f"{path}: a checkpoint without named tensors", AGAIN)
    settings = loaded.get("cfg")
    return tensors, dict(settings) if isinstance(settings, Mapping) else {}


def _loaded(path: Path) -> Any:
    """Some checkpoints also hold numbers and arrays of NumPy, under the names of NumPy 1 or 2."""
    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    parts = [(getattr(multiarray, n), n) for n in ("scalar", "_reconstruct")]
    named = [(part, f"numpy.{core}.multiarray.{n}") for part, n in parts for core in ("core", "_core")]
    kinds = [type(np.dtype(kind)) for kind in ("int64", "int32", "float64", "float32", "bool")]
    with torch.serialization.safe_globals([*named, np.ndarray, np.dtype, *kinds]):
        return torch.load(path, map_location="cpu", weights_only=True)


def save_copy(path: Path, tensors: Tensors, settings: Mapping[str, Any]) -> None:
    """Write tensors in single precision, and the settings of the network, which are plain values."""
    plain = {name: tensor.detach().float().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, {"settings": json.dumps(dict(settings), sort_keys=True)})


def read_copy(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and settings of `save_copy`. Raises `SettingsError` for a missing or damaged file."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such file", "check the path, or add the weights again")
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {}).get("settings", "{}"))
        return load_file(path), dict(settings)
    except _UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise SettingsError(f"{path}: damaged ({reason})", "take the file from a backup") from None


def fill(network: Callable[[], nn.Module], tensors: Tensors, path: Path, what: str) -> nn.Module:
    """A network with these weights, ready to answer.

    Raises `SettingsError` naming the first tensor that is missing or has another shape.
    """
    with torch.device("meta"):
        made = network()
    for name, wanted in made.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        own = tensors.get(name)
        if own is None:
            raise SettingsError(f"{path}: not {what}, its tensor {name} is missing", AGAIN)
        if own.shape != wanted.shape:
            shapes = f"{tuple(own.shape)} instead of {tuple(wanted.shape)}"
            raise SettingsError(f"{path}: not {what}, its tensor {name} is {shapes}", AGAIN)
    made.load_state_dict(
        {n: tensors[n] for n in made.state_dict() if n in tensors}, strict=False, assign=True
    )
    for name, buffer in made.named_buffers():
        if buffer.is_meta:  # counters of batches, which no answer needs
            parent, _, last = name.rpartition(".")
            made.get_submodule(parent)._buffers[last] = torch.zeros(buffer.shape, dtype=buffer.dtype)
    return made.eval().requires_grad_(False)


class FromCheckpoint(Added):
    """Base of the added backbones whose network is code of finback: (w, T) -> (w, D)."""

    stored: ClassVar[str] = "backbone.safetensors"
    network: nn.Module  # with `n_features`

    @classmethod
    def network_of(cls, tensors: Tensors, settings: Mapping[str, Any], path: Path) -> nn.Module:
        """The network with these weights. Raises `SettingsError` for those of another network."""
        raise TypeError(f"{cls.__name__} does not define network_of")

    def open(self, path: Path, spec: FeatureSpec) -> None:
        tensors, settings = read_copy(path)
        self.network = self.network_of(tensors, settings, path)
        self.n_features = cast(int, self.network.n_features)
        self.version = content_of({path.name: path})

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    @torch.inference_mode()
    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, T) -> (w, D), one window at a time: no number depends on its neighbours."""
        return torch.cat([self.network(wave[None]) for wave in torch.from_numpy(waves)]).numpy()
