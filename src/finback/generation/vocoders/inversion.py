"""Log-mels to waves: the contract of every vocoder, and three vocoders that need no training.

    invert = inverter("fast-griffin-lim", spec)
    waves = invert(logmel_db)  # (B, 1, M, F) -> (B, T')

**T' = `spec.covered_samples`** = F hops, the time that the frames cover. Frames are centred, so the last
frame is centred one hop before the end. (F - 1) hops, the usual length of an inverse STFT, would cut the last
frame in half, and the log-mel of that wave would end 3 dB too low. With F hops, the windows of a longer
sound, laid end to end, have its length.

A trained network is called in the same way (`vocode.Vocoder.load` gives either kind). A wave has the level of
its log-mel; `level.limit` keeps it from clipping.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.features.components.split import split, unfloored
from finback.features.logmel import LogMel, slice_for
from finback.features.spec import FeatureSpec
from finback.features.stft import Frames
from finback.generation.vocoders import griffin_lim as gl
from finback.generation.vocoders.level import limit

Inverter = Callable[[Tensor], Tensor]
COMPONENTS = "components"
METHODS = {"griffin-lim": 0.0, "fast-griffin-lim": gl.FAST, COMPONENTS: gl.FAST}  # name -> momentum
ROUNDS = 32
BATCH = 16  # log-mels at a time
UPDATES = 4  # of the linear magnitude: enough for a start, since the last rounds correct the bands
BAND_ROUNDS = 4  # rounds that follow the bands instead of the magnitude


class GriffinLim:
    """Linear magnitude by `LogMel.inverse`, phases by Griffin-Lim, then a few rounds towards the bands.

    No wave has exactly the smooth magnitude that a log-mel asks for, so the nearest wave loses some power in
    each noisy band. The last rounds do not impose a magnitude: they scale each bin of the spectrum by the
    missing power of its bands. The fine structure of the wave stays, and the power of the bands becomes
    right.

    With `components`, tones and clicks are placed first, Griffin-Lim makes the rest, and the sum is corrected
    (`features.components`).

    If the spec removes a recording's background, add the background to the log-mels first; otherwise the
    sound is whitened. Raises `SettingsError` for features without a level (PCEN) or fewer than one round.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        momentum: float = gl.FAST,
        rounds: int = ROUNDS,
        seed: int = 0,
        components: bool = False,
    ) -> None:
        if spec.scale != "db":
            raise SettingsError(
                f"features.scale = '{spec.scale}': no sound can be made from it, because it has no level",
                "use a spec with scale = 'db' or 'power'",
            )
        if rounds < 1:
            raise SettingsError(f"{rounds} rounds of Griffin-Lim", "give 1 or more; 32 is usual")
        self.spec, self.momentum, self.rounds, self.seed = spec, momentum, rounds, seed
        self.components = components
        self.logmel = LogMel(spec)

    @torch.no_grad()
    def __call__(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) dB -> (B, T'). Raises `SpecMismatchError` for other shapes than the spec's."""
        check(logmel_db, self.spec)
        self.logmel.to(logmel_db.device)
        length, placed, rest_db = self.spec.covered_samples, None, logmel_db
        if self.components:
            logmel_db = unfloored(logmel_db, self.spec)
            placed, rest_db = self._placed(logmel_db)
        magnitude = self.logmel.inverse(rest_db, None, UPDATES)  # (B, n_bins, F)
        waves = gl.griffin_lim(magnitude, self.spec, self.rounds, self.momentum, self.seed, length)
        if placed is not None:
            waves += placed
        return self._corrected(waves, self.logmel.band_power(logmel_db).transpose(1, 2))

    def _placed(self, logmel_db: Tensor) -> tuple[Tensor, Tensor]:
        """The sound (B, T') of the tones and clicks, and log-mels (B, 1, M, F) in dB of what is left."""
        bands = self.logmel.band_power(logmel_db).transpose(1, 2)  # (B, F, M)
        parts = [split(one, self.spec) for one in bands.cpu().numpy()]
        waves = torch.from_numpy(np.stack([part.wave for part in parts])).to(logmel_db)
        rest = torch.from_numpy(np.stack([part.rest for part in parts])).to(logmel_db)
        rest_db = 10 * rest.clamp_min(1e-30).log10().transpose(1, 2)[:, None]
        return waves[:, : self.spec.covered_samples], torch.minimum(rest_db, logmel_db)

    def _corrected(self, waves: Tensor, bands: Tensor) -> Tensor:
        """Waves (B, T') with spectra scaled towards the power of their bands (B, F, M)."""
        frames = Frames(self.spec, self.spec.n_frames, waves.shape[1], waves)
        out = torch.empty_like(waves)
        size = slice_for(waves)
        for i in range(0, len(waves), size):
            padded = frames.padded(waves[i : i + size])
            for _ in range(BAND_ROUNDS):
                spectra = frames.analyse(padded)  # (b, F, n_bins)
                parts = torch.view_as_real(spectra)
                power = parts[..., 0].square().addcmul_(parts[..., 1], parts[..., 1])
                gain = self.logmel.correction(power, bands[i : i + size]).sqrt_()
                padded = frames.synthesise(spectra * gain)
            out[i : i + size] = frames.cut(padded)
        return out


def inverter(method: str, spec: FeatureSpec, rounds: int = ROUNDS, seed: int = 0) -> Inverter:
    """One of `METHODS` for one spec. Raises `SettingsError` for another name."""
    if method not in METHODS:
        raise SettingsError(f"unknown inversion method '{method}'", "there are: " + ", ".join(METHODS))
    return GriffinLim(spec, METHODS[method], rounds, seed, method == COMPONENTS)


def to_waves(logmels: np.ndarray, invert: Inverter, progress: Progress = no_progress) -> NDArray[np.float32]:
    """(N, M, F) dB -> (N, T') within -1 to 1; a wave that would clip is turned down as a whole."""
    x = torch.from_numpy(np.ascontiguousarray(logmels, dtype=np.float32))[:, None]
    starts = range(0, len(x), BATCH)
    waves = [invert(x[i : i + BATCH]) for i in progress(starts, "vocoding", len(starts))]
    return limit(torch.cat(waves)).cpu().numpy()


def check(logmel_db: Tensor, spec: FeatureSpec) -> None:
    """Raises `SpecMismatchError` unless the log-mels are (B, 1, M, F) of this spec."""
    wanted = (1, spec.n_mels, spec.n_frames)
    if logmel_db.ndim != 4 or tuple(logmel_db.shape[1:]) != wanted:
        raise SpecMismatchError(
            f"log-mels of shape {tuple(logmel_db.shape)} for a vocoder of (B, {', '.join(map(str, wanted))})",
            "give the preset or settings of these log-mels",
        )
