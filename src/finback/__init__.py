"""finback: names marine-mammal species in hydrophone clips, and says how far each answer can be trusted.

    import finback

    finback.load("watkins").predict("dive.wav").top(3)

Public names load on first use, so that `import finback` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors complete and type checkers see; the same names as in _PUBLIC
    from finback.core.errors import FinbackError as FinbackError
    from finback.core.types import Clip as Clip
    from finback.core.types import Labels as Labels
    from finback.core.types import Recording as Recording
    from finback.core.types import Scores as Scores
    from finback.core.types import Split as Split
    from finback.data.dataset import Dataset as Dataset
    from finback.data.dataset import read_labels as read_labels
    from finback.datasets.simulate.dataset import simulate as simulate
    from finback.evaluation.compare import compare as compare
    from finback.evaluation.trained_run import TrainedRun as TrainedRun
    from finback.evaluation.trained_run import train as train
    from finback.features.logmel import LogMel as LogMel
    from finback.features.spec import FeatureSpec as FeatureSpec
    from finback.generation.generate import generate as generate
    from finback.generation.vocoders.resynthesis import resynthesize as resynthesize
    from finback.models.predict import load as load
    from finback.models.predictor import Predictor as Predictor

__version__ = "0.1.0"

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
    "generate": "finback.generation.generate",
    "load": "finback.models.predict",
    "read_labels": "finback.data.dataset",
    "resynthesize": "finback.generation.vocoders.resynthesis",
    "simulate": "finback.datasets.simulate.dataset",
    "train": "finback.evaluation.trained_run",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'finback' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
