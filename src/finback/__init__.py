"""finback: names marine-mammal species in hydrophone clips, and says how far each answer can be trusted.

    import finback

    finback.load("watkins").predict("dive.wav").top(3)

Public names load on first use, so that `import finback` costs next to nothing. `__init__.pyi` has the same
names for editors and type checkers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from finback.core.version import __version__ as __version__

_PUBLIC = {
    "Clip": "finback.core.types",
    "Dataset": "finback.data.dataset",
    "FeatureSpec": "finback.features.spec",
    "FinbackError": "finback.core.errors",
    "Labels": "finback.core.types",
    "LogMel": "finback.features.logmel",
    "Predictor": "finback.models.predictor",
    "Recording": "finback.core.types",
    "Scores": "finback.core.types",
    "Split": "finback.core.types",
    "TrainedRun": "finback.evaluation.trained_run",
    "compare": "finback.evaluation.compare",
    "evaluate_detections": "finback.evaluation.detections.api",
    "generate": "finback.generation.generate",
    "load": "finback.models.predict",
    "read_labels": "finback.data.dataset",
    "resynthesize": "finback.generation.vocoders.resynthesis",
    "sampling_steps": "finback.generation.sampling_steps",
    "scan": "finback.scan.scan",
    "simulate": "finback.datasets.simulate.dataset",
    "soundscape": "finback.datasets.simulate.dataset",
    "train": "finback.evaluation.trained_run",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'finback' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
