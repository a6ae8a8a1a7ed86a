"""Log-mels to waves: what every vocoder here is, and the two that need no training.

    invert = inverter("fast-griffin-lim", spec)
    waves = invert(logmel_db)  # (B, 1, M, F) -> (B, T')

**T' = `spec.covered_samples`**, F hops: what the kept frames stand for. Frames are centred, so the last one
is centred a hop before the end; (F - 1) hops, the usual length of an inverse STFT, would cut it in half, and
its spectrogram, taken again, would end 3 dB low. Windows of a longer sound laid end to end are as long as it.

A trained network is called the same way (`vocode.vocoder` gives either). Sound is as loud as the dB
say; `level.limit` keeps it from clipping.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.features.logmel import LogMel, slice_for
from finback.features.spec import FeatureSpec
from finback.features.stft import Frames
from finback.generation.vocoders import griffin_lim as gl
from finback.generation.vocoders.level import limit

Inverter = Callable[[Tensor], Tensor]
METHODS = {"griffin-lim": 0.0, "fast-griffin-lim": gl.FAST}  # name -> momentum
ROUNDS = 32
BATCH = 16  # log-mels at a time
UPDATES = 4  # of the linear magnitude: enough for a start, since the last rounds mend the bands
SETTLE = 4  # rounds that follow the bands instead of the magnitude


class GriffinLim:
    """Linear magnitude by `LogMel.inverse`, phases by Griffin-Lim, then a few rounds towards the bands.

    No wave has the smooth magnitude that was asked for, so the wave that comes nearest has lost some of each
    noisy band. In the last rounds each bin of its spectrum is scaled by what its bands lack, instead of being
    given a magnitude: the fine structure that the wave has found stays, and the bands come right.

    Where the spec removes a recording's background, add it to the log-mels first; else the sound is whitened.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        momentum: float = gl.FAST,
        rounds: int = ROUNDS,
        seed: int = 0,
    ) -> None:
        if spec.scale != "db":
            raise SettingsError(
                f"features.scale = '{spec.scale}': cannot be made sound, it discards the level",
                "use a spec with scale = 'db'",
            )
        if rounds < 1:
            raise SettingsError(f"{rounds} rounds of Griffin-Lim", "32 is usual, 1 the least")
        self.spec, self.momentum, self.rounds, self.seed = spec, momentum, rounds, seed
        self.logmel = LogMel(spec)

    @torch.no_grad()
    def __call__(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) dB -> (B, T'). Raises `SpecMismatchError` for other shapes than the spec's."""
        check(logmel_db, self.spec)
        self.logmel.to(logmel_db.device)
        magnitude = self.logmel.inverse(logmel_db, None, UPDATES)  # (B, n_bins, F)
        length = self.spec.covered_samples
        waves = gl.griffin_lim(magnitude, self.spec, self.rounds, self.momentum, self.seed, length)
        return self._settled(waves, self.logmel.band_power(logmel_db).transpose(1, 2))

    def _settled(self, waves: Tensor, bands: Tensor) -> Tensor:
        """(B, T') with spectra scaled towards the power of their bands (B, F, M)."""
        frames = Frames(self.spec, self.spec.n_frames, waves.shape[1], waves)
        out = torch.empty_like(waves)
        size = slice_for(waves)
        for i in range(0, len(waves), size):
            padded = frames.padded(waves[i : i + size])
            for _ in range(SETTLE):
                spectra = frames.analyse(padded)  # (b, F, n_bins)
                parts = torch.view_as_real(spectra)
                power = parts[..., 0].square().addcmul_(parts[..., 1], parts[..., 1])
                gain = self.logmel.correction(power, bands[i : i + size]).sqrt_()
                padded = frames.synthesise(spectra * gain)
            out[i : i + size] = frames.cut(padded)
        return out


def inverter(how: str, spec: FeatureSpec, rounds: int = ROUNDS, seed: int = 0) -> Inverter:
    """ "griffin-lim" or "fast-griffin-lim" for one spec. Raises `SettingsError` for another name."""
    if how not in METHODS:
        raise SettingsError(f"no inversion '{how}'", "there are: " + ", ".join(METHODS))
    return GriffinLim(spec, METHODS[how], rounds, seed)


def to_waves(logmels: np.ndarray, invert: Inverter, progress: Progress = no_progress) -> np.ndarray:
    """(N, M, F) dB -> (N, T') float32, as loud as they say; one that would clip is turned down as a whole."""
    x = torch.from_numpy(np.ascontiguousarray(logmels, dtype=np.float32))[:, None]
    starts = range(0, len(x), BATCH)
    made = [invert(x[i : i + BATCH]) for i in progress(starts, "vocoding", len(starts))]
    waves: np.ndarray = limit(torch.cat(made)).cpu().numpy()
    return waves


def check(logmel_db: Tensor, spec: FeatureSpec) -> None:
    """Raises `SpecMismatchError` unless the log-mels are (B, 1, M, F) of this spec."""
    wanted = (1, spec.n_mels, spec.n_frames)
    if logmel_db.ndim != 4 or tuple(logmel_db.shape[1:]) != wanted:
        raise SpecMismatchError(
            f"log-mels of shape {tuple(logmel_db.shape)} for a vocoder of (B, {', '.join(map(str, wanted))})",
            "give the preset or settings that they were made with",
        )
