"""Channels, DC offset, peak and RMS. No function changes its input."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError

Level = Literal["none", "peak", "rms"]
RMS_TARGET = 0.1  # -20 dB re full scale: leaves calls a crest of 20 dB before they pass 1
# Below this a sound is silent: -200 dB re full scale, far under the last bit of a 24-bit recorder (-138 dB).
# Scaling it up would only show rounding errors, such as those left where a constant offset was removed.
SILENCE = 1e-10
FLOOR_DB = -200.0


def mixed(frames: NDArray[np.float32], channel: int | None) -> NDArray[np.float32]:
    """(n, channels) -> (n,): one channel, or the mean of all for None."""
    if channel is not None:
        return np.ascontiguousarray(frames[:, channel])
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)


def remove_dc(x: np.ndarray) -> np.ndarray:
    """Subtract the mean, taken in double: a recorder's offset is not sound. (n,) -> (n,) float32."""
    out = np.empty(x.shape, dtype=np.float32)
    if x.size:
        remove_dc_into(out, x)
    return out


def remove_dc_into(out: NDArray[np.float32], x: np.ndarray) -> None:
    """The same into an array (n,) that is there, without arrays in between."""
    np.subtract(x, x.mean(dtype=np.float64), out=out, dtype=np.float64, casting="unsafe")


def normalise(x: np.ndarray, level: Level) -> np.ndarray:
    """Scale to a peak of 1 ("peak"), an RMS of 0.1 ("rms"), or not at all ("none"). (n,) -> (n,) float32.

    Silence stays silence. Raises `SettingsError` for another level.
    """
    if level not in ("none", "peak", "rms"):
        raise SettingsError(f"unknown level '{level}'", "choose none, peak or rms")
    x = x.astype(np.float32)
    if level == "none" or not x.size:
        return x
    peak = float(np.abs(x).max())
    if peak < SILENCE:
        return x
    if level == "peak":
        return x / np.float32(peak)
    rms = peak * float(np.sqrt(np.mean(np.square(x / peak, dtype=np.float64))))  # by the peak: no underflow
    return x * np.float32(RMS_TARGET / rms)


def db(power: np.ndarray | float) -> np.ndarray:
    """10 log10 of a power (mean square, re full scale squared), floored at -200 dB, so silence is finite."""
    return 10 * np.log10(np.maximum(np.asarray(power, dtype=np.float64), 10 ** (FLOOR_DB / 10)))
