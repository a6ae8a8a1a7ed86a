"""`LogMel`: waves to log-mel spectrograms, and back to a linear magnitude.

Numerically equal to librosa's `melspectrogram` (Hann window, centred, zero-padded) followed by
`power_to_db(ref=1)` on the frames that the spec keeps; librosa is the reference in the tests. Works in slices
of a few clips, so that its scratch memory stays in cache whatever the batch.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.mel import band_centres_hz, filterbank
from finback.features.pcen import pcen
from finback.features.scales import AMIN, in_db, with_floor
from finback.features.spec import FeatureSpec

SLICE = 2  # clips at a time: 2 x 112 frames x 2048 float32 is 1.8 MB, which stays in cache


class LogMel(nn.Module):
    """(B, T) waves -> (B, 1, M, F) log-mel in dB re 1 (or power, or PCEN), one spec for both directions.

    `forward` takes each clip by itself: no value depends on its neighbours in the batch, not by a bit. The
    last bits of a matrix product and of a logarithm depend on the number of rows and their place in memory,
    so these are taken of one clip at a time.
    """

    window: Tensor
    weights: Tensor
    twice: Tensor
    shares: Tensor
    straight: Tensor

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        self.spec = spec
        bank = filterbank(spec.sample_rate, spec.n_fft, spec.n_mels, spec.f_min, spec.top_hz)
        # Computed in double precision: float32 cosines alone would cost half a thousandth of a dB.
        hann = torch.hann_window(spec.n_fft, dtype=torch.float64).float()
        self.register_buffer("window", hann, persistent=False)  # (n_fft,)
        self.register_buffer("weights", torch.from_numpy(bank), persistent=False)  # (M, n_bins)
        # Each bin's weights twice: a power is the sum of two squares, and the product may as well add them.
        twice = self.weights.T.repeat_interleave(2, dim=0)  # (2 n_bins, M)
        self.register_buffer("twice", twice, persistent=False)
        # For the inverse: each band's share in a bin, and the weights of a line from band to band.
        shares = self.weights / self.weights.sum(dim=0).clamp_min(1e-12)
        self.register_buffer("shares", shares, persistent=False)  # (M, n_bins)
        self.register_buffer("straight", torch.from_numpy(_straight(spec, bank)), persistent=False)
        self._blocks = _blocks(bank)

    def forward(self, waves: Tensor, background_db: Tensor | None = None) -> Tensor:
        """(B, T) float32 -> (B, 1, M, F). `background_db` (B, M) is subtracted per band, before the floor."""
        out = waves.new_empty(len(waves), 1, self.spec.n_mels, self.spec.n_frames)
        for i in range(0, len(waves), SLICE):
            for j, squares in enumerate(self._squares(waves[i : i + SLICE], self.spec.n_frames), start=i):
                mel = self._bands(squares).T  # (M, F)
                background = None if background_db is None else background_db[j]
                if self.spec.scale == "pcen":
                    out[j, 0] = pcen(mel, self.spec.sample_rate / self.spec.hop)
                elif self.spec.scale == "power":
                    out[j, 0] = self._floored_power(mel, background)
                else:
                    out[j, 0] = self._floored_db(mel, background)
        return out

    def _floored_power(self, mel: Tensor, background_db: Tensor | None) -> Tensor:
        """The values of `_floored_db`, as power."""
        mel = mel.clamp_min(AMIN)
        if background_db is not None:
            mel = mel / torch.pow(10.0, background_db.unsqueeze(-1) / 10.0)
        return with_floor(mel, self.spec.top_db)

    def _floored_db(self, mel: Tensor, background_db: Tensor | None) -> Tensor:
        db = to_db(mel)  # (M, F)
        if background_db is not None:
            db = db - background_db.unsqueeze(-1)
        if self.spec.top_db is not None:
            db = torch.maximum(db, db.amax() - self.spec.top_db)
        return db

    def mel_power(self, waves: Tensor, n_frames: int) -> Tensor:
        """(B, T) -> (B, M, n_frames) power per band; frame i is centred on sample i * hop."""
        mel = self._bands(self._squares(waves, n_frames).flatten(0, 1))  # (B F, M)
        return torch.unflatten(mel, 0, (len(waves), n_frames)).transpose(1, 2)

    def _squares(self, waves: Tensor, n_frames: int) -> Tensor:
        """(B, T) -> (B, n_frames, 2 n_bins): a power is the sum of two neighbours."""
        n_fft, hop = self.spec.n_fft, self.spec.hop
        left = n_fft // 2
        needed = (n_frames - 1) * hop + n_fft
        x = waves[:, : needed - left]
        x = nn.functional.pad(x, (left, needed - left - x.shape[1]))  # (B, needed)
        return _squares(x.unfold(1, n_fft, hop) * self.window)  # of frames (B, F, n_fft)

    def _bands(self, squares: Tensor) -> Tensor:
        """Squares (N, 2 n_bins) -> mel power (N, M), by blocks: most of the filterbank is zeros."""
        mel = squares.new_zeros(len(squares), self.spec.n_mels)
        for first, stop, bands in self._blocks:
            both = slice(2 * first, 2 * stop)  # real and imaginary parts
            mel[:, bands].addmm_(squares[:, both], self.twice[both, bands])
        return mel

    @torch.no_grad()
    def median_db(self, wave: Tensor) -> Tensor:
        """Per-band median of a stretch of recording (T,) -> (M,) dB: its steady background."""
        if self.spec.scale == "pcen":
            raise SettingsError(
                "background = 'median' with scale = 'pcen'", "PCEN removes the background itself"
            )
        n_frames = max(1, 1 + len(wave) // self.spec.hop)
        parts = []
        per_slice = SLICE * self.spec.n_frames
        for first in range(0, n_frames, per_slice):
            # Frames [first, first + count) need the samples around them; only the ends are padded.
            count = min(per_slice, n_frames - first)
            start = first * self.spec.hop - self.spec.n_fft // 2
            stop = start + (count - 1) * self.spec.hop + self.spec.n_fft
            piece = wave[max(0, start) : stop]
            piece = nn.functional.pad(piece, (max(0, -start), stop - max(0, start) - len(piece)))
            frames = piece.unfold(0, self.spec.n_fft, self.spec.hop) * self.window  # (count, n_fft)
            parts.append(to_db(self._bands(_squares(frames))))  # (count, M)
        return torch.cat(parts).median(dim=0).values

    @torch.no_grad()
    def inverse(self, logmel: Tensor, background_db: Tensor | None = None, iterations: int = 8) -> Tensor:
        """(B, 1, M, F) dB (or power) -> (B, n_bins, F) linear magnitude whose mel bands come closest.

        Closest in relative terms (generalised Kullback-Leibler divergence), so that bands 60 dB below the
        loudest are right too; least squares on the power would ignore these bands. A spec that removes the
        background needs the `background_db` (B, M) that was subtracted.

        Many spectra have these bands; the result is a smooth one. The updates start from straight lines, in
        dB, between the middles of the bands, so a few updates are enough. Many updates from a flat start keep
        steps between the bands, and end further from the true spectrum.
        """
        mel = self.band_power(logmel, background_db).transpose(1, 2)  # (B, F, M)
        power = torch.empty(*mel.shape[:2], self.spec.n_bins, device=mel.device)  # (B, F, n_bins)
        size = slice_for(mel)
        for i in range(0, len(mel), size):
            wanted = mel[i : i + size]
            level = wanted / self.weights.sum(dim=1).clamp_min(1e-12)
            part = (level.clamp_min_(1e-30).log_() @ self.straight).exp_()  # (b, F, n_bins)
            for _ in range(iterations):
                factor = self.correction(part, wanted)
                part *= factor.mul_(factor.sqrt())  # a step and a half: up to two still converge
            power[i : i + size] = part
        return power.sqrt_().transpose(1, 2)

    def band_power(self, logmel: Tensor, background_db: Tensor | None = None) -> Tensor:
        """(B, 1, M, F) dB or power, as the spec says -> (B, M, F) power. Raises `SettingsError` for PCEN."""
        logmel = in_db(logmel, self.spec)
        if background_db is not None:
            logmel = logmel + background_db[:, None, :, None]
        return torch.pow(10.0, logmel[:, 0] / 10.0)

    def correction(self, power: Tensor, mel: Tensor) -> Tensor:
        """Factors for power (..., n_bins) that bring its bands nearer to mel (..., M).

        Source: Lee & Seung 2001, NIPS, theorem 2 (weights fixed). Gradients go through.
        """
        flat, wanted = power.flatten(0, -2), mel.reshape(-1, self.spec.n_mels)
        bands = flat.new_zeros(wanted.shape)
        for first, stop, rows in self._blocks:
            bands[:, rows].addmm_(flat[:, first:stop], self.weights[rows, first:stop].T)
        ratio = wanted / bands.clamp_min_(1e-30)
        factor = torch.zeros_like(flat)
        for first, stop, rows in self._blocks:
            factor[:, first:stop] = ratio[:, rows] @ self.shares[rows, first:stop]
        return factor.view(power.shape)


def slice_for(x: Tensor) -> int:
    """Number of clips in one iteration.

    One on a CPU: it stays in cache, and rounding, which many rounds amplify, is the same in any batch.
    """
    return 1 if x.device.type == "cpu" else 64


def _squares(frames: Tensor) -> Tensor:
    """Windowed frames (..., n_fft) -> (..., 2 n_bins): a power is the sum of two neighbours."""
    return torch.view_as_real(torch.fft.rfft(frames)).flatten(-2).square_()


def _blocks(bank: np.ndarray) -> list[tuple[int, int, slice]]:
    """Ranges of bins (first, stop), each half as long as the next, with the bands that they feed."""
    n_bins = bank.shape[1]
    blocks = []
    for first, stop in pairwise([0, n_bins // 8, n_bins // 4, n_bins // 2, n_bins]):
        bands = np.flatnonzero(bank[:, first:stop].any(axis=1))
        if len(bands):
            blocks.append((first, stop, slice(int(bands[0]), int(bands[-1]) + 1)))
    return blocks


def _straight(spec: FeatureSpec, bank: np.ndarray) -> np.ndarray:
    """Weights (M, n_bins) float32 that draw straight lines between the middles of the bands.

    A band narrower than one bin has no power: the lines pass over it.
    """
    used = np.flatnonzero(bank.any(axis=1))
    middles = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)[used]
    hz = np.fft.rfftfreq(spec.n_fft, 1.0 / spec.sample_rate)
    lines = np.zeros(bank.shape, dtype=np.float32)
    for i, band in enumerate(used):
        lines[band] = np.interp(hz, middles, np.eye(len(used))[i])
    return lines


def to_db(power: Tensor) -> Tensor:
    """Power -> dB re 1, never below -100."""
    return power.clamp_min(AMIN).log10_().mul_(10.0)
