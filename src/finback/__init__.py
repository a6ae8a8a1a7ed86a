"""finback: names marine-mammal species in hydrophone clips, and says how far each answer can be trusted.

Public names load on first use, so that `import finback` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Clip": "finback.core.types",
    "Detection": "finback.core.types",
    "FinbackError": "finback.core.errors",
    "FeatureSpec": "finback.features.spec",
    "Labels": "finback.core.types",
    "LogMel": "finback.features.logmel",
    "Predictor": "finback.models.predictor",
    "Recording": "finback.core.types",
    "Scores": "finback.core.types",
    "Split": "finback.core.types",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'finback' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
