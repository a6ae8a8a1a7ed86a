"""The names of devices, checked without torch where that is possible: a wrong one is told at once."""

from __future__ import annotations

import platform
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from finback.core.errors import SettingsError

KINDS = ("auto", "cpu", "cuda", "mps")
REPAIR = "write auto, cpu, cpu*2 (two processes), cuda, cuda:1 (one card), cuda*4 (several) or mps"


def check_device(device: str) -> None:
    """Raises `SettingsError` for an unknown device, or a device that this machine does not have."""
    kind, _, count = device.partition("*")
    kind, _, index = kind.partition(":")
    if kind not in KINDS or not (count or "1").isdigit() or not (index or "0").isdigit():
        raise SettingsError(f"--device {device}: no such device", REPAIR)
    if index and kind != "cuda":
        raise SettingsError(f"--device {device}: only cuda devices have numbers", REPAIR)
    if kind == "cuda" and int(index or 0) + int(count or 1) > (found := _cuda_devices()):
        raise SettingsError(
            f"--device {device}: this torch sees {found} CUDA devices", "use --device cpu, or see README"
        )
    if kind == "mps" and not _has_mps():
        raise SettingsError("--device mps: not available here", "use --device cpu")


def _cuda_devices() -> int:
    if not _built_for_cards():
        return 0
    import torch

    return torch.cuda.device_count()


def _has_mps() -> bool:
    if platform.system() != "Darwin":
        return False
    import torch

    return torch.backends.mps.is_available()


@cache
def _built_for_cards() -> bool:
    """Whether the installed torch was built for CUDA or ROCm; its `version.py` says so without an import."""
    found = find_spec("torch")  # runs nothing of torch
    stated = Path(found.origin).with_name("version.py") if found and found.origin else None
    if stated is None or not stated.is_file():
        return True  # unknown: ask torch
    text = stated.read_text(encoding="utf-8")
    return re.search(r"^(cuda|hip)\b[^=\n]*=\s*['\"]", text, re.MULTILINE) is not None
