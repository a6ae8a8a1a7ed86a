"""`onnx`: any network in an ONNX file that turns windows of sound into vectors: Perch, or one of your own.

    finback train onnx --set model.onnx_file=perch_v2.onnx --set model.onnx_output=embedding \\
        --set features.sample_rate=32000 --set features.clip_samples=160000 ...

The network takes one float32 input, (B, T) or (B, 1, T) or (T,), of waves in [-1, 1]. If an output has more
axes than (B, D), it is averaged over the axes in between. The content of the file, and of the files beside it
that hold its large tensors, is part of the cache's key. All are copied into the run folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError
from finback.core.extras import install as install_line
from finback.features.backbones import Backbone
from finback.features.backbones.onnx_files import content_of, network_files
from finback.features.spec import FeatureSpec


class Onnx(Backbone):
    """(w, T) -> (w, D): the output `onnx_output` ("": its only one) of the network in `onnx_file`."""

    name: ClassVar[str] = "onnx"
    install: ClassVar[str] = install_line("onnx")
    licence: ClassVar[str] = "weights of your own ONNX file: read its licence"
    no_graph: ClassVar[str] = "its network is an ONNX file of its own already"

    def __init__(
        self, spec: FeatureSpec, onnx_file: str = "", onnx_output: str = "", preferred: str = ""
    ) -> None:
        """Raises `SettingsError` naming what is wrong with the file, its input or its output.

        `preferred` is taken where the network has an output of that name and none was chosen.
        """
        self._file = onnx_file
        self._session, content = _open(onnx_file, self.install)
        self._input, self._axes = _input(self._session, spec, onnx_file)
        self._output = _output(self._session, onnx_file, onnx_output, preferred)
        self.covered_samples = spec.clip_samples
        self.version = f"{content}-{self._output.replace('/', '_').replace(':', '_')}"
        self.n_features = self._vector(np.zeros((1, spec.clip_samples), dtype=np.float32)).shape[1]

    def vectors(self, waves: NDArray[np.float32]) -> NDArray[np.float32]:
        """(w, T) -> (w, D)."""
        # Alone, so that no vector depends on its neighbours whatever the network does with a batch.
        vectors = [self._vector(wave[None]) for wave in waves]
        if any(vector.shape[1] != self.n_features for vector in vectors):
            raise SettingsError(
                f"{self._file}: its output has several lengths",
                "export it with a fixed length",
            )
        return np.concatenate(vectors)

    def _vector(self, wave: np.ndarray) -> np.ndarray:
        """(1, T) -> (1, D)."""
        shaped = {1: wave[0], 2: wave, 3: wave[:, None]}[self._axes]
        try:
            found = self._session.run([self._output], {self._input: shaped})[0]
            out = np.asarray(found, dtype=np.float32)
        except _failures() as error:
            problem = f"{self._file}: fails on a window of {wave.shape[1]} samples ({_first_line(error)})"
            raise SettingsError(problem, "export it again") from None
        if not 1 <= out.ndim <= 8 or not out.size or (out.ndim > 1 and len(out) != 1):
            shape = f"its output has the shape {out.shape}"
            raise SettingsError(f"{self._file}: {shape}", "an output of (B, D) is needed, one row a window")
        out = out[None] if out.ndim == 1 else out
        return out.mean(axis=tuple(range(1, out.ndim - 1))) if out.ndim > 2 else out


def _open(name: str, install: str) -> tuple[Any, str]:
    """The session, and 12 hex digits of the content of all files of the network."""
    try:
        import onnxruntime
    except ImportError:
        raise SettingsError("onnx: onnxruntime is not installed", install) from None
    if not name:
        raise SettingsError("onnx: no network is given", "name its file: --set model.onnx_file=network.onnx")
    content = content_of(network_files(Path(name)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the feature store asks from two threads already
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(name, options, providers=["CPUExecutionProvider"]), content
    except _failures() as error:
        problem = f"{name}: not a network that onnxruntime can run ({_first_line(error)})"
        raise SettingsError(problem, "export it again") from None


def _failures() -> tuple[type[Exception], ...]:
    """All errors that onnxruntime raises for a network or its input; they have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError, TypeError, MemoryError, OverflowError, IndexError)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _input(session: Any, spec: FeatureSpec, name: str) -> tuple[str, int]:
    """Name and number of axes of the only input, after a check that it fits the windows of the spec."""
    inputs = session.get_inputs()
    shapes = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) not in (1, 2, 3):
        raise SettingsError(
            f"{name}: its inputs are {shapes}", "one float32 input (B, T), (B, 1, T) or (T,) is needed"
        )
    axes = inputs[0].shape
    fixed = [n for n in axes if isinstance(n, int)]
    if isinstance(axes[-1], int) and axes[-1] != spec.clip_samples:
        raise SettingsError(
            f"{name}: needs windows of {axes[-1]} samples; these settings give {spec.clip_samples}",
            f"set features.clip_samples = {axes[-1]} and features.sample_rate to the network's own",
        )
    leading = [n for n in (fixed[:-1] if isinstance(axes[-1], int) else fixed) if n != 1]
    if leading:
        raise SettingsError(
            f"{name}: its input is {shapes}", "export it with a batch of 1 or of any size, one channel"
        )
    return inputs[0].name, len(axes)


def _output(session: Any, name: str, output: str, preferred: str) -> str:
    names = [o.name for o in session.get_outputs()]
    if not output and preferred in names:
        return preferred
    if not output and len(names) == 1:
        return str(names[0])
    if output not in names:
        problem = f"no output '{output}'" if output else f"{len(names)} outputs"
        raise SettingsError(f"{name}: {problem}", "set model.onnx_output to one of: " + ", ".join(names))
    return output
