"""The environment for `finback doctor`: versions, devices, codecs, cache."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch

from finback.audio.io import formats
from finback.core.runs.folder import environment
from finback.core.version import __version__
from finback.features.cache import default_folder


def environment_report() -> dict[str, Any]:
    """Plain values, stable keys: finback, versions, platform, cpus, devices, codecs, cache."""
    cache = default_folder()
    files = list(cache.rglob("*.npy")) if cache.is_dir() else []
    devices = ["cpu"] + [
        f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "finback": __version__,
        **environment(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "devices": devices,
        "codecs": formats(),
        "cache": {
            "folder": str(cache),
            "files": len(files),
            "MB": round(sum(p.stat().st_size for p in files) / 1e6),
        },
    }
