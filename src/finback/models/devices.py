"""The device to compute on, and a setting of the memory allocator."""

from __future__ import annotations

import ctypes
import platform
from typing import TYPE_CHECKING

import torch

from finback.models.device_names import check_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def fabric_for(device: str, precision: str) -> Fabric:
    """A Lightning Fabric for `auto`, `cpu`, `cpu*2`, `cuda`, `cuda:1`, `cuda*4` or `mps`."""
    from lightning_fabric import Fabric

    check_device(device)
    kind, _, count = device.partition("*")
    kind, _, index = kind.partition(":")
    if kind == "auto":
        kind = torch_device("auto").type
    devices: int | list[int] = [int(index)] if index and kind == "cuda" else int(count or 1)
    strategy = "ddp" if isinstance(devices, int) and devices > 1 else "auto"
    return Fabric(accelerator=kind, devices=devices, strategy=strategy, precision=precision)  # type: ignore[arg-type]


def torch_device(device: str) -> torch.device:
    """The torch device to predict on. Raises `SettingsError` as `check_device` does."""
    check_device(device)
    if device.startswith("auto"):
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    return torch.device(device.partition("*")[0])


def tune_allocator() -> bool:
    """Tell glibc to keep freed memory, so that large tensors do not cause page faults in every step.

    On virtual machines new large allocations are slow: this setting made training 2-4 times faster. The
    numbers of the parameters are from malloc.h of glibc. Returns True if the setting was changed (Linux with
    glibc only).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(mmap_max, 0) and mallopt(trim_threshold, 2**31 - 1) and mallopt(top_pad, 64 << 20))
