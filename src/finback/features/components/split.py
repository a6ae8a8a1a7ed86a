"""A mel spectrogram as tones, clicks, and a remainder that is noise.

parts = split(bands, spec)  # (F, M) power
parts.wave  # (F hops,) of the tones and clicks
parts.rest  # (F, M) power of the bands without them
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from finback.features.components import clicks, tones
from finback.features.components.layout import layout
from finback.features.spec import FeatureSpec

BELOW_FLOOR_DB = 15.0  # a value at the floor `top_db` of a log-mel can be any lower one
LEAST = 1e-9  # of the loudest band: what is left where nothing is left


@dataclass(frozen=True, eq=False)
class Split:
    """The sound of the tones and clicks (F hops,), and the power of what is left (F, M)."""

    wave: NDArray[np.float32]
    rest: NDArray[np.float32]
    n_tones: int
    n_clicks: int


def unfloored(logmel_db: torch.Tensor, spec: FeatureSpec) -> torch.Tensor:
    """(B, ...) dB with values at the floor of the spec lowered, which lies `top_db` below each maximum.

    Bands at the floor, all taken together, would hold as much power as a noise 50 dB below a tone.
    """
    if spec.top_db is None:
        return logmel_db
    loudest = logmel_db.flatten(1).amax(dim=1).view(-1, *(1,) * (logmel_db.ndim - 1))
    floored = logmel_db <= loudest - (spec.top_db - 0.01)
    return torch.where(floored, logmel_db - BELOW_FLOOR_DB, logmel_db)


def split(bands: NDArray[np.floating], spec: FeatureSpec) -> Split:
    """Tones and clicks of the power (F, M) of bands, as `LogMel.mel_power` gives it."""
    kit = layout(spec)
    energy = np.asarray(bands, dtype=np.float64) * kit.from_power
    rest = energy
    wave = np.zeros(len(energy) * spec.hop)
    n_tones = n_clicks = 0
    found = tones.find_tones(energy, kit)
    if found is not None:
        wave += tones.sound(found, spec)
        rest = np.maximum(rest - found.energy, 0)
        n_tones = int((found.amplitude > 0).sum())
    pulses = clicks.find_clicks(rest, spec, kit)
    if pulses is not None:
        wave += clicks.sound(pulses, spec, kit, len(wave))
        rest = np.maximum(rest - pulses.energy, 0)
        n_clicks = len(pulses.samples)
    rest = np.maximum(rest / kit.from_power, LEAST * float(np.max(bands)))
    return Split(wave.astype(np.float32), rest.astype(np.float32), n_tones, n_clicks)
