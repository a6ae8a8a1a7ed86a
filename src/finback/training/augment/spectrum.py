"""Augmentation of log-mel spectrograms: shifts, masks, and other recording equipment and noise.

`draw` draws the parameters of a batch from an explicit generator; `apply` applies them. The equipment matters
most: when each recording group is trained on with many random equalisers and noise floors, a model cannot use
the tilt, band limit or noise floor of a group to recognise its species.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from finback.training.augment.spectrum_settings import SpectrumSettings

BITS = float(np.log2(10.0) / 10.0)  # powers of two in a dB


@dataclass(frozen=True)
class SpectrumDraw:
    """The drawn parameters of a batch; the first axis is the clip."""

    roll: np.ndarray  # (B,) frames
    shift: np.ndarray  # (B,) bands
    time_mask: np.ndarray  # (B, 2) first frame, length
    band_mask: np.ndarray  # (B, 2) first band, length
    eq: np.ndarray  # (B, M) dB
    floor: np.ndarray  # (B, M) dB re the loudest value of the clip; -inf = none
    cut: np.ndarray  # (B,) first band that is removed


def draw(rng: np.random.Generator, settings: SpectrumSettings, shape: tuple[int, int, int]) -> SpectrumDraw:
    """The parameters for a batch of `shape` (B, M, F)."""
    n, n_mels, n_frames = shape
    reach = round(settings.roll * n_frames)
    time_length = rng.integers(0, round(settings.mask_time * n_frames) + 1, n)
    band_length = rng.integers(0, round(settings.mask_bands * n_mels) + 1, n)
    raised = rng.random(n) < settings.noise
    # About 25 dB of dynamic range or more stays: the call must remain audible.
    floor = np.where(raised, rng.uniform(-60.0, -25.0, n), -np.inf)[:, None] + _smooth(rng, n, n_mels, 6.0)
    cut = np.where(rng.random(n) < settings.low_pass, rng.integers(n_mels // 2, n_mels + 1, n), n_mels)
    return SpectrumDraw(
        roll=rng.integers(0, reach + 1, n),
        shift=rng.integers(-settings.shift_bands, settings.shift_bands + 1, n),
        time_mask=np.stack([rng.integers(0, n_frames, n), time_length], axis=1),
        band_mask=np.stack([rng.integers(0, n_mels, n), band_length], axis=1),
        eq=_smooth(rng, n, n_mels, settings.eq_db),
        floor=floor,
        cut=cut,
    )


def apply(x: Tensor, d: SpectrumDraw) -> Tensor:
    """Log-mels (B, 1, M, F) in dB -> augmented log-mels, a new tensor."""
    _, _, n_mels, n_frames = x.shape
    time = (torch.arange(n_frames) - torch.from_numpy(d.roll)[:, None]) % n_frames  # (B, F)
    band = (torch.arange(n_mels) - torch.from_numpy(d.shift)[:, None]).clamp_(0, n_mels - 1)  # (B, M)
    place = (band[:, :, None] * n_frames + time[:, None, :]).flatten(1)
    y = x.flatten(1).gather(1, place).unflatten(1, (n_mels, n_frames))  # (B, M, F)
    top = y.amax(dim=(1, 2), keepdim=True)
    lowest = y.amin(dim=(1, 2), keepdim=True)
    y += torch.from_numpy(d.eq).float()[:, :, None]
    raised = np.flatnonzero(np.isfinite(d.floor).any(axis=1))
    if len(raised):
        floor = top[raised] + torch.from_numpy(d.floor[raised]).float()[:, :, None]
        y[raised] = torch.logaddexp2(y[raised] * BITS, floor * BITS) / BITS  # powers add
    lost = torch.arange(n_mels)[None, :, None] >= torch.from_numpy(d.cut)[:, None, None]
    y = torch.lerp(y, lowest, lost.float())  # much faster than where()
    masked = _inside(d.time_mask, n_frames)[:, None, :] | _inside(d.band_mask, n_mels)[:, :, None]
    return torch.lerp(y, y.mean(dim=(1, 2), keepdim=True), masked.float())[:, None]


@dataclass(frozen=True)
class OverlayDraw:
    """The drawn parameters of clips that are added to some clips of a batch."""

    rows: np.ndarray  # (k,) clips of the batch that get another one
    added: np.ndarray  # (k,) number of the added clip among those of its class
    roll: np.ndarray  # (k,) frames
    level: np.ndarray  # (k,) dB


def draw_overlay(
    rng: np.random.Generator, settings: SpectrumSettings, n: int, n_frames: int, n_clips: int
) -> OverlayDraw:
    """The parameters for a batch of `n` clips, with `n_clips` clips that may be added."""
    rows = np.flatnonzero(rng.random(n) < settings.overlay)
    return OverlayDraw(
        rows=rows,
        added=rng.integers(0, n_clips, len(rows)),
        roll=rng.integers(0, n_frames, len(rows)),
        level=rng.uniform(*settings.overlay_db, len(rows)),
    )


def apply_overlay(x: Tensor, other: Tensor, d: OverlayDraw) -> Tensor:
    """Log-mels (B, 1, M, F) in dB, and the added ones (k, 1, M, F) -> their sum as powers, a new tensor."""
    y = x.clone()
    rows = torch.from_numpy(d.rows)
    rolled = torch.stack([one.roll(int(n), dims=-1) for one, n in zip(other, d.roll, strict=True)])
    louder = rolled + torch.from_numpy(d.level).float()[:, None, None, None]
    y[rows] = torch.logaddexp2(x[rows] * BITS, louder * BITS) / BITS
    return y


def _inside(mask: np.ndarray, n: int) -> Tensor:
    """(B, 2) first and length -> (B, n) bool."""
    first, length = torch.from_numpy(mask).unbind(dim=1)
    at = torch.arange(n)
    return (at >= first[:, None]) & (at < (first + length)[:, None])


def _smooth(rng: np.random.Generator, n: int, n_mels: int, deviation_db: float) -> np.ndarray:
    """Random smooth curves over the bands, (n, M) dB: a random tilt and three slow cosines."""
    position = np.linspace(0.0, 1.0, n_mels)
    curve = rng.normal(size=(n, 1)) * (position - 0.5) * 2.0
    for cycles in (0.5, 1.0, 2.0):
        phase = rng.uniform(0, 2 * np.pi, (n, 1))
        curve = curve + rng.normal(size=(n, 1)) * np.cos(2 * np.pi * cycles * position + phase)
    return curve * deviation_db / 2.0  # four terms, each with a variance near 1
