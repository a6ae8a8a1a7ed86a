"""Log-mels from files: a .npy of one or several, or the .npz that `finback generate` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finback.core.errors import InputError
from finback.core.storage.arrays import read_arrays
from finback.features.spec import FeatureSpec

SUFFIXES = (".npy", ".npz")


def load_logmels(path: Path, spec: FeatureSpec) -> tuple[dict[str, np.ndarray], FeatureSpec]:
    """{name: (M, F) float32 in the scale of the spec}, and the spec with as many frames as they have.

    A .npy holds (M, F) or (N, M, F); in an .npz each array is one or several of these. Raises `InputError`
    for other shapes than the spec's, arrays without numbers, and values that cannot be dB (or power).
    """
    logmels: dict[str, np.ndarray] = {}
    for name, array in _arrays(path).items():
        several = array[None] if array.ndim == 2 else array
        if several.ndim != 3 or several.shape[1] != spec.n_mels or several.shape[2] < 2:
            raise InputError(
                f"{path}: an array of shape {array.shape}, not log-mels of {spec.n_mels} bands x frames",
                "give the preset or settings of these log-mels",
            )
        for i, one in enumerate(several):
            logmels[name if len(several) == 1 else f"{name}-{i + 1:04d}"] = one.astype(np.float32)
    frames = {one.shape[1] for one in logmels.values()}
    if len(frames) != 1:
        raise InputError(
            f"{path}: log-mels of different lengths, {sorted(frames)} frames",
            "put log-mels of one length into a file",
        )
    for name, one in logmels.items():
        if spec.scale == "power" and np.isfinite(one).all() and (one >= 0).all():
            continue
        if spec.scale == "power":
            raise InputError(
                f"{path}: {name} is not power (not finite, or below 0)", "give power, or use scale = 'db'"
            )
        if not np.isfinite(one).all() or np.abs(one).max() > 400:
            raise InputError(
                f"{path}: {name} is not in dB (not finite, or above 400)", "give 10 log10(power)"
            )
    n_frames = frames.pop()
    if n_frames == spec.n_frames:
        return logmels, spec
    return logmels, spec.model_copy(update={"n_frames": n_frames, "clip_samples": n_frames * spec.hop})


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Named numeric arrays of a file, in its order."""
    try:
        arrays = read_arrays(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read as arrays ({error})", "write it with numpy.save") from error
    arrays = {key: array for key, array in arrays.items() if array.dtype.kind in "fiu" and array.ndim >= 2}
    if not arrays:
        raise InputError(f"{path}: holds no log-mels", "save arrays of (bands, frames) in dB")
    return arrays
