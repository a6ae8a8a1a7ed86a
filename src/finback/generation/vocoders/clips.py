"""A sound of any length to log-mels and back, window by window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.io import probe, read
from finback.audio.level import normalise, remove_dc
from finback.audio.resample import resample
from finback.audio.samples import samples_of
from finback.audio.windows import windows
from finback.core.errors import AudioError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.features.extract import fit_length
from finback.features.logmel import LogMel, to_db
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.inversion import Inverter, to_waves
from finback.generation.vocoders.level import limit, match, rms

LONGEST_S = 600.0  # of a file that is vocoded whole, in memory


def read_wave(path: Path, spec: FeatureSpec, channel: int | None = None) -> NDArray[np.float32]:
    """(n,) samples of a whole file as the features use them: mono, without offset, at the spec's rate in Hz.

    Raises `AudioError` for a file longer than `LONGEST_S`.
    """
    info = probe(path)
    _check_length(path, info.n_samples / info.sample_rate)
    return resample(remove_dc(read(path, channel=channel)), info.sample_rate, spec.sample_rate)


def wave_around(clip: Clip, spec: FeatureSpec) -> NDArray[np.float32]:
    """The same of the whole recording of a clip, whose content is checked. Raises `AudioError`."""
    recording = clip.recording
    _check_length(recording.path, recording.duration_s)
    samples = samples_of(clip).read(0, recording.n_samples)
    return resample(remove_dc(samples), recording.sample_rate, spec.sample_rate)


def _check_length(path: Path, seconds: float) -> None:
    if seconds > LONGEST_S:
        raise AudioError(
            f"{path}: {seconds:.0f} s long; at most {LONGEST_S:.0f} s can be vocoded", "give a shorter file"
        )


def round_trip(
    wave: NDArray[np.float32], spec: FeatureSpec, invert: Inverter, progress: Progress = no_progress
) -> NDArray[np.float32]:
    """(n,) at the spec's rate -> (n,): to log-mels and back, never clipped.

    Windows overlap by two n_fft, in the middle half of which one fades into the next: the first and last
    frames of a window see only a part of the sound. The phases of two windows are independent, so the fade
    keeps the power, not the sum. Where the spec normalises the level of its windows,
    each window gets its own level back.
    """
    length = spec.covered_samples
    spans = windows(len(wave), length, max(length // 2, length - 2 * spec.n_fft))
    pieces = np.stack(
        [fit_length(normalise(wave[a : a + spec.clip_samples], spec.level), spec) for a, _ in spans]
    )
    with torch.inference_mode():
        logmels = LogMel(spec)(torch.from_numpy(pieces))[:, 0].numpy()
    vocoded = to_waves(logmels, invert, progress)[:, : len(wave)]
    if spec.level != "none":
        own = torch.tensor([float(rms(torch.from_numpy(wave[a:b])[None])) for a, b in spans])
        vocoded = match(torch.from_numpy(vocoded), own).numpy()
    return _joined(vocoded, spans, spec.n_fft)


def _joined(waves: np.ndarray, spans: list[tuple[int, int]], fade: int) -> NDArray[np.float32]:
    """(W, T') windows at `spans` -> (n,); each fades into the next over at most `fade` samples."""
    out = np.zeros(spans[-1][1], dtype=np.float32)
    out[: spans[0][1]] = waves[0]
    for (_, before), (start, stop), wave in zip(spans, spans[1:], waves[1:], strict=False):
        length = min(fade, before - start)
        first = start + (before - start - length) // 2
        angle = np.linspace(0, np.pi / 2, length, dtype=np.float32)
        part = wave[first - start :]
        out[first : first + length] *= np.cos(angle)
        out[first : first + length] += np.sin(angle) * part[:length]
        out[first + length : stop] = part[length:]
    return limit(torch.from_numpy(out)[None])[0].numpy()


@torch.inference_mode()
def logmel_of(waves: np.ndarray, spec: FeatureSpec, n_frames: int = 0) -> NDArray[np.float32]:
    """(W, T) -> (W, M, n_frames) dB for any length T, floored by the spec's `top_db`.

    `n_frames` is by default ceil(T / hop). A spec can have one frame more than its `covered_samples` fill.
    """
    x, front = torch.from_numpy(np.ascontiguousarray(waves)), LogMel(spec)
    n_frames = n_frames or max(2, -(-waves.shape[1] // spec.hop))
    out = []
    for wave in x:
        db = to_db(front.mel_power(wave[None], n_frames))  # (1, M, F')
        out.append(db if spec.top_db is None else torch.maximum(db, db.amax() - spec.top_db))
    return torch.cat(out).numpy()
