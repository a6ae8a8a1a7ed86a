"""`vocoder`: log-mels to waves by a network that predicts spectra, as Vocos does.

Good for: converting spectrograms, also generated ones, to sound in a few hundredths of a second for each
clip. It supports any `FeatureSpec` in dB. The level does not matter: the input of the network is relative to
the loudest band, and a spectrogram that is 6 dB louder becomes a wave with twice the amplitude.

As in Vocos (Siuzdak 2023, arXiv 2306.00814), ConvNeXt blocks run along the frames, which keep their length,
and an inverse STFT with the window of the spec computes the wave. The network learns only what the input does
not determine:

1. The magnitude starts as straight lines in dB from the middle of one band to the next. The network changes
   these lines. Then the magnitude is scaled until its bands are those of the input (`UPDATES` steps of
   `LogMel.inverse`). So the network learns the fine structure within bands and never their level.
2. The phase starts as that of white noise, which is right for noise, and most of a hydrophone recording is
   noise. The network predicts vectors that are added to the unit vectors of this phase. They are long where
   it predicts a tone or click.
3. In general no wave has exactly these spectra. A few rounds of fast Griffin-Lim find a wave that is close.
   Training differentiates through these rounds, so the loss is that of their result.
4. Twelve last rounds correct the power of the bands.

With `components`, tones and clicks are found in the input first, and placed within its bands and frames
(`features.components`). Steps 1 to 3 make the rest, which is noise, from the bands without them. The sound of
the tones and clicks is added before step 4. Phases of tones that fit from frame to frame cannot be predicted
from a log-mel frame by frame, so they are integrated, not learned. Vocoders of version 0.1.0 have no
`components`.

The noise is always the same, so the same log-mel gives the same wave in any batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.components.split import split, unfloored
from finback.features.logmel import LogMel, slice_for
from finback.features.spec import FeatureSpec
from finback.features.stft import Frames

UPDATES = 3  # of the magnitude towards its bands, which are then right to some tenths of a dB
BAND_ROUNDS = 12  # rounds that correct the bands instead of the magnitude, except in training
MOMENTUM = 0.99  # of Griffin-Lim (Perraudin, Balazs & Søndergaard 2013, WASPAA)
REACH = 7  # frames of the kernel of a block, as in ConvNeXt
WIDER = 3  # width of the hidden layer of a block / width of the block, as in Vocos
NEPER = math.log(10) / 20  # natural logarithm of a magnitude, per dB
MID_DB, SPREAD_DB = -40.0, 20.0  # of log-mels re the loudest band: brings them to about -2 to 2
LOUDEST = 8.0  # largest magnitude in nepers re the loudest band: far above any spectrum
TINY = 1e-14  # power re the loudest band, 140 dB below it


class Vocoder(nn.Module):
    """(B, 1, M, F) dB -> (B, T'), T' = `spec.covered_samples`. Trained on waves, without species.

    `rounds` of Griffin-Lim follow the network. If the spec removes the background, the caller must add it
    again, otherwise the sound is whitened. The sound has no energy outside the bands of the spec.
    """

    input: ClassVar[str] = "wave"  # name of the front end of its training clips
    front_end_settings: ClassVar[Mapping[str, str]] = {}
    task: ClassVar[str] = "vocoder"

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        width: int = 128,
        depth: int = 4,
        rounds: int = 6,
        components: int = 0,
    ) -> None:
        super().__init__()
        if spec.scale != "db":
            raise SettingsError(
                f"features.scale = '{spec.scale}' with a vocoder: it is trained on spectrograms in dB",
                "use scale = 'db'; such a vocoder makes sound from scale = 'power' too",
            )
        if 2 * spec.hop > spec.n_fft:
            raise SettingsError(
                f"features.hop = {spec.hop} with n_fft = {spec.n_fft}: frames do not overlap by half",
                f"a vocoder needs a hop of at most {spec.n_fft // 2}",
            )
        self.spec = spec
        self.rounds = rounds
        self.components = bool(components)
        self.front = LogMel(spec)
        self.stem = nn.Conv1d(spec.n_mels, width, REACH, padding=REACH // 2)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width, 1 / depth) for _ in range(depth)))
        self.last_norm = nn.LayerNorm(width)
        self.magnitude = nn.Linear(width, spec.n_bins)
        self.phase = nn.Linear(width, 2 * spec.n_bins)
        nn.init.zeros_(self.magnitude.weight)
        nn.init.normal_(self.phase.weight, std=0.02)
        nn.init.zeros_(self.magnitude.bias)
        nn.init.zeros_(self.phase.bias)

    @property
    def n_parameters(self) -> int:
        """The number of trained values."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) dB -> (B, T')."""
        shape = (1, logmel_db.shape[3] * self.spec.hop)
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal(shape)).to(
            logmel_db
        )  # on any device
        parts = torch.split(logmel_db, slice_for(logmel_db))
        return torch.cat([self.synthesise(x, noise, self.rounds, BAND_ROUNDS)[0] for x in parts])

    def synthesise(
        self, logmel_db: Tensor, noise: Tensor, rounds: int, band_rounds: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Log-mels (B, 1, M, F) of any length and white noise (B or 1, F hops) to waves (B, F hops or T').

        Also returns the magnitude (B, F, n_bins) that the network predicted. After `rounds` of Griffin-Lim,
        `band_rounds` more correct the power of the bands.
        """
        n_frames = logmel_db.shape[3]
        frames = Frames(self.spec, n_frames + 1, noise.shape[1], noise)
        x = logmel_db[:, 0].transpose(1, 2)  # (B, F, M)
        level = x.amax(dim=(1, 2), keepdim=True)  # (B, 1, 1) dB
        x = x - level
        placed: Tensor | None = None
        rest = x
        if self.components:
            x = unfloored(x, self.spec)
            placed, rest = self._components(x)  # (B, F hops), (B, F, M) dB
        rest, bands = with_end(rest), torch.exp(2 * NEPER * with_end(x))  # (B, F + 1, M); power
        h = self._read(rest)  # (B, F + 1, D)
        magnitude = self._magnitude(h, torch.exp(2 * NEPER * rest))  # (B, F + 1, n_bins)
        p, q = self.phase(h).chunk(2, dim=2)
        start = unit(frames.analyse(frames.padded(noise)))  # (B or 1, F + 1, n_bins)
        phase = unit(torch.complex(start.real + p, start.imag + q))
        waves = fast_griffin_lim(frames, magnitude, phase, rounds)
        if placed is not None:
            placed = frames.padded(placed)
            waves = waves + placed
            power = torch.view_as_real(frames.analyse(placed)).square().sum(dim=-1)
            magnitude = (magnitude.square() + power).sqrt()
        for _ in range(band_rounds):
            spectra = frames.analyse(waves)
            power = torch.view_as_real(spectra).square().sum(dim=-1)
            waves = frames.synthesise(spectra * self.front.correction(power, bands).sqrt())
        gain = torch.exp(level * NEPER)
        waves = frames.cut(waves)[:, : self.spec.clip_samples] * gain[:, 0]
        return waves, magnitude[:, :n_frames] * gain

    @torch.no_grad()
    def _components(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, M) dB re the loudest -> the sound of tones and clicks (B, F hops), and the rest in dB.

        Clip by clip, on the processor, so that a clip gives the same in any batch.
        """
        parts = [split(one, self.spec) for one in torch.exp(2 * NEPER * x).cpu().numpy()]
        waves = torch.from_numpy(np.stack([part.wave for part in parts])).to(x)
        rest = torch.from_numpy(np.stack([part.rest for part in parts])).to(x)
        return waves, torch.minimum(rest.log() / (2 * NEPER), x)

    def _read(self, x: Tensor) -> Tensor:
        """(B, F, M) dB re the loudest -> (B, F, D)."""
        units = (x.transpose(1, 2) - MID_DB) / SPREAD_DB
        return self.last_norm(self.blocks(self.norm(self.stem(units).transpose(1, 2))))

    def _magnitude(self, h: Tensor, bands: Tensor) -> Tensor:
        """(B, F, D) and the power of the bands (B, F, M) -> (B, F, n_bins), with those bands."""
        front = self.front
        per_bin = torch.log(bands / front.weights.sum(dim=1).clamp_min(1e-12)) / 2  # nepers
        power = torch.exp(2 * (per_bin @ front.straight + self.magnitude(h)).clamp_max(LOUDEST))
        for _ in range(UPDATES):
            factor = self.front.correction(power, bands)
            power = power * factor * (factor + TINY).sqrt()  # a step and a half, as in LogMel.inverse
        return (power + TINY).sqrt()


def with_end(x: Tensor) -> Tensor:
    """(B, F, M) dB -> (B, F + 1, M): one frame more, centred on the end.

    Half of that frame is silence, so it has half the power.
    """
    return torch.cat([x, x[:, -1:] - 3.0], dim=1)


def fast_griffin_lim(frames: Frames, magnitude: Tensor, phase: Tensor, rounds: int) -> Tensor:
    """Magnitude and phase (B, F, n_bins) -> padded waves of `frames`. It is differentiable."""
    waves, before = frames.synthesise(magnitude * phase), None
    for _ in range(rounds):
        spectra = frames.analyse(waves)
        # c + momentum (c - c_before), divided by 1 + momentum: the size does not matter, the phases do.
        ahead = spectra if before is None else torch.sub(spectra, before, alpha=MOMENTUM / (1 + MOMENTUM))
        waves, before = frames.synthesise(magnitude * unit(ahead)), spectra
    return waves


class Block(nn.Module):
    """ConvNeXt along time (Liu et al. 2022, arXiv 2201.03545): first the frames are mixed, then the features.

    (B, F, D) -> same.
    """

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, REACH, padding=REACH // 2, groups=width)
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, WIDER * width), nn.GELU(), nn.Linear(WIDER * width, width)
        )
        self.scale = nn.Parameter(torch.full((width,), scale))  # small: a deep net starts as a shallow one

    def forward(self, x: Tensor) -> Tensor:
        h = self.mix(x.transpose(1, 2)).transpose(1, 2)
        return x + self.scale * self.layers(h)


def unit(spectra: Tensor) -> Tensor:
    """Complex numbers of any size -> of size 1; 0 stays 0."""
    power = spectra.real.square() + spectra.imag.square()
    return spectra * torch.rsqrt(power + TINY)
