"""The scales of a spectrogram, and the way from each to dB and back.

`db` is 10 log10 of the power of each band, `power` is the power itself: both hold the same, so each is exact
in the other. `pcen` (per-channel energy normalisation) discards the level and cannot be converted.
"""

from __future__ import annotations

import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec

AMIN = 1e-10  # power below which a band counts as empty: -100 dB, as in librosa


def in_db(x: Tensor, spec: FeatureSpec) -> Tensor:
    """Spectrograms in the scale of the spec -> in dB. Raises `SettingsError` for PCEN."""
    if spec.scale == "power":
        return 10.0 * torch.log10(x.clamp_min(1e-30))
    if spec.scale == "pcen":
        raise SettingsError(
            "PCEN cannot be inverted: it discards the level", "use a spec with scale = 'db' or 'power'"
        )
    return x


def of_db(db: Tensor, spec: FeatureSpec) -> Tensor:
    """Spectrograms in dB -> in the scale of the spec. Raises `SettingsError` for PCEN."""
    return torch.pow(10.0, db / 10.0) if spec.scale == "power" else in_db(db, spec)


def with_floor(power: Tensor, top_db: float | None) -> Tensor:
    """Power (..., M, F), no lower than `AMIN` and than `top_db` below the maximum of each spectrogram."""
    power = power.clamp_min(AMIN)
    if top_db is None:
        return power
    return torch.maximum(power, power.amax(dim=(-2, -1), keepdim=True) * 10 ** (-top_db / 10))
