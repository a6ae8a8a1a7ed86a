"""`vocoder`: log-mels to waves by a network that draws spectra, in the manner of Vocos.

Good for: hearing spectrograms, generated ones too, in some hundredths of a second a clip. Any `FeatureSpec`
in dB will do, and the level is no matter: the network hears spectrograms re their loudest band, and a clip
6 dB louder becomes a wave twice as large.

As in Vocos (Siuzdak 2023, arXiv 2306.00814) ConvNeXt blocks run along the frames, none of which is ever made
longer or shorter, and an inverse STFT with the spec's own window makes the wave. What is known is not learnt:

1. The magnitude starts as straight lines in dB from the middle of one band to the next. The network bends
   it; then it is scaled until its bands are those asked for (`UPDATES` steps of `LogMel.inverse`), so what is
   learnt is the fine structure within bands and never their level.
2. The phase starts as that of white noise, which is the right one for noise, the most of what a hydrophone
   hears. To its unit vectors the network adds vectors of its own, long ones where it is sure of a tone or
   click.
3. No wave has just these spectra. A few rounds of fast Griffin-Lim lead to one that nearly has; training goes
   through them, so the network learns what they make of its spectra, not what they start from.
4. Where the wave still lacks some of a band, two last rounds give it, and leave the rest as it is.

The noise is always the same, so the same log-mel gives the same wave, whatever the batch.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from finback.errors import SettingsError
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec

UPDATES = 3  # of the magnitude towards its bands; they are then right to some tenths of a dB
MENDED = 2  # rounds that follow the bands instead of the magnitude, when not training
MOMENTUM = 0.99  # of Griffin-Lim (Perraudin, Balazs & Søndergaard 2013, WASPAA)
REACH = 7  # frames that a block hears at once, as in ConvNeXt
WIDER = 3  # times that a block's middle is wider than its ends, as in Vocos
NEPER = math.log(10) / 20  # natural logarithm of a magnitude, per dB
MID_DB, SPREAD_DB = -40.0, 20.0  # of log-mels re the loudest band: brings them to about -2 to 2
LOUDEST = 8.0  # nepers that the network may reach above the loudest band: far above any spectrum
TINY = 1e-14  # power re the loudest band, 140 dB below it


class Vocoder(nn.Module):
    """(B, 1, M, F) dB -> (B, T'), T' = `spec.covered_samples`. Learns from waves. Knows no species.

    `rounds` of Griffin-Lim follow the network. A spec that removes the background has it put back by the
    caller, or the sound is whitened; above and below the spec's bands there is silence.
    """

    input: ClassVar[Literal["wave"]] = "wave"
    task: ClassVar[str] = "vocoder"

    def __init__(
        self, spec: FeatureSpec, n_classes: int, width: int = 256, depth: int = 6, rounds: int = 8
    ) -> None:
        super().__init__()
        if spec.scale != "db":
            raise SettingsError(
                f"features.scale = '{spec.scale}' with a vocoder: it has lost the level", "use scale = 'db'"
            )
        if 2 * spec.hop > spec.n_fft:
            raise SettingsError(
                f"features.hop = {spec.hop} with n_fft = {spec.n_fft}: frames do not overlap by half",
                f"a vocoder needs a hop of at most {spec.n_fft // 2}",
            )
        self.spec = spec
        self.rounds = rounds
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
        return sum(p.numel() for p in self.parameters())

    def forward(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) dB -> (B, T')."""
        shape = (1, logmel_db.shape[3] * self.spec.hop)
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal(shape))  # the same on every device
        return self.synthesise(logmel_db, noise.to(logmel_db), self.rounds, MENDED)[0]

    def synthesise(
        self, logmel_db: Tensor, noise: Tensor, rounds: int, mended: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Log-mels (B, 1, M, F) of any length and white noise (B or 1, F hops) to waves (B, F hops or T').

        Beside the waves comes the magnitude (B, n_bins, F) that the network meant them to have. `rounds` of
        Griffin-Lim are followed by `mended` ones that mend the bands.
        """
        n_frames = logmel_db.shape[3]
        x = logmel_db[:, 0]
        level = x.amax(dim=(1, 2), keepdim=True)  # (B, 1, 1) dB
        # One frame more, centred on the end: half of it is silence, so it has half the power.
        x = torch.cat([x, x[..., -1:] - 3.0], dim=-1) - level  # (B, M, F + 1)
        h = self._read(x)  # (B, F + 1, D)
        bands = torch.exp(2 * NEPER * x)  # (B, M, F + 1) power
        magnitude = self._magnitude(h, bands)
        p, q = self.phase(h).transpose(1, 2).chunk(2, dim=1)  # (B, n_bins, F + 1)
        start = unit(self.analyse(noise))  # (B or 1, n_bins, F + 1)
        phase = unit(torch.complex(start.real + p, start.imag + q))
        waves = self._settle(magnitude, phase, rounds)
        for _ in range(mended):
            spectra = self.analyse(waves)
            power = torch.view_as_real(spectra).square().sum(dim=-1)
            waves = self._inverse(spectra * self._lacking(power, bands).sqrt())
        gain = torch.exp(level * NEPER)
        return waves[:, : self.spec.clip_samples] * gain[:, 0], magnitude[..., :n_frames] * gain

    def analyse(self, waves: Tensor) -> Tensor:
        """(B, F hops) -> spectra (B, n_bins, F + 1), complex."""
        spectra: Tensor = torch.stft(
            waves,
            self.spec.n_fft,
            self.spec.hop,
            window=self.front.window,
            pad_mode="constant",
            return_complex=True,
        )
        return spectra

    def _read(self, x: Tensor) -> Tensor:
        """(B, M, F) dB re the loudest -> (B, F, D)."""
        h = self.norm(self.stem((x - MID_DB) / SPREAD_DB).transpose(1, 2))
        read: Tensor = self.last_norm(self.blocks(h))
        return read

    def _magnitude(self, h: Tensor, bands: Tensor) -> Tensor:
        """(B, F, D) and the power of the bands (B, M, F) -> (B, n_bins, F), with those bands."""
        front = self.front
        per_bin = torch.log(bands / front.weights.sum(dim=1, keepdim=True).clamp_min(1e-12)) / 2  # nepers
        bent = per_bin.transpose(1, 2) @ front.straight + self.magnitude(h)  # (B, F, n_bins)
        power = torch.exp(2 * bent.clamp_max(LOUDEST)).transpose(1, 2)
        for _ in range(UPDATES):
            power = power * self._lacking(power, bands).pow(1.5)  # as in LogMel.inverse
        return (power + TINY).sqrt()

    def _lacking(self, power: Tensor, bands: Tensor) -> Tensor:
        """What to multiply power (B, n_bins, F) by, to bring its bands nearer to (B, M, F).

        As `LogMel.correction`, through which no gradient goes.
        """
        ratio = bands / (self.front.weights @ power).clamp_min(TINY)
        return self.front.shares.T @ ratio

    def _settle(self, magnitude: Tensor, phase: Tensor, rounds: int) -> Tensor:
        """Spectra's two parts (B, n_bins, F + 1) -> waves (B, F hops) by rounds of fast Griffin-Lim."""
        waves, before = self._inverse(magnitude * phase), None
        for _ in range(rounds):
            found = self.analyse(waves)
            ahead = found if before is None else found + MOMENTUM * (found - before)
            waves, before = self._inverse(magnitude * unit(ahead)), found
        return waves

    def _inverse(self, spectra: Tensor) -> Tensor:
        return torch.istft(spectra, self.spec.n_fft, self.spec.hop, window=self.front.window)


class Block(nn.Module):
    """ConvNeXt along time (Liu et al. 2022, arXiv 2201.03545): frames mix, then features.

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
        out: Tensor = x + self.scale * self.layers(h)
        return out


def unit(spectra: Tensor) -> Tensor:
    """Complex numbers of any size -> of size 1; 0 stays 0."""
    power = spectra.real.square() + spectra.imag.square()
    scaled: Tensor = spectra * torch.rsqrt(power + TINY)
    return scaled
