"""A sound of any length to log-mels and back, window by window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from finback.audio.io import probe, read
from finback.audio.level import normalise, remove_dc
from finback.audio.resample import resample
from finback.audio.windows import windows
from finback.core.errors import AudioError
from finback.core.progress import Progress, no_progress
from finback.features.extract import fit_length
from finback.features.logmel import LogMel, to_db
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.inversion import Inverter, to_waves
from finback.generation.vocoders.level import limit, match, rms

LONGEST_S = 600.0  # of a file that is heard and made again whole, in memory


def heard(path: Path, spec: FeatureSpec, channel: int | None = None) -> np.ndarray:
    """(n,) samples of a whole file as the features hear it: mono, without offset, at the spec's rate."""
    info = probe(path)
    seconds = info.n_samples / info.sample_rate
    if seconds > LONGEST_S:
        raise AudioError(
            f"{path}: {seconds:.0f} s long, more than the {LONGEST_S:.0f} s that are vocoded", "cut it"
        )
    return resample(remove_dc(read(path, channel=channel)), info.sample_rate, spec.sample_rate)


def through(
    wave: np.ndarray, spec: FeatureSpec, invert: Inverter, progress: Progress = no_progress
) -> np.ndarray:
    """(n,) at the spec's rate -> (n,): to log-mels and back, never clipped.

    Windows overlap by one n_fft, over which one fades into the next; the phases of the two have nothing to do
    with each other, so the fade keeps the power, not the sum. A spec that levels its windows has taken their
    level away: each is given its own back.
    """
    length = spec.covered_samples
    spans = windows(len(wave), length, max(length // 2, length - spec.n_fft))
    pieces = np.stack(
        [fit_length(normalise(wave[a : a + spec.clip_samples], spec.level), spec) for a, _ in spans]
    )
    with torch.inference_mode():
        logmels = LogMel(spec)(torch.from_numpy(pieces))[:, 0].numpy()
    made = to_waves(logmels, invert, progress)[:, : len(wave)]
    if spec.level != "none":
        own = torch.tensor([float(rms(torch.from_numpy(wave[a:b])[None])) for a, b in spans])
        made = match(torch.from_numpy(made), own).numpy()
    return _joined(made, spans, spec.n_fft)


def _joined(made: np.ndarray, spans: list[tuple[int, int]], fade: int) -> np.ndarray:
    """(W, T') windows that lie at `spans` -> (n,), each fading into the next where they overlap."""
    out = np.zeros(spans[-1][1], dtype=np.float32)
    out[: spans[0][1]] = made[0]
    for (_, before), (start, stop), wave in zip(spans, spans[1:], made[1:], strict=False):
        length = min(fade, before - start)
        first = start + (before - start - length) // 2
        angle = np.linspace(0, np.pi / 2, length, dtype=np.float32)
        part = wave[first - start :]
        out[first : first + length] *= np.cos(angle)
        out[first : first + length] += np.sin(angle) * part[:length]
        out[first + length : stop] = part[length:]
    return limit(torch.from_numpy(out)[None])[0].numpy()


@torch.inference_mode()
def logmel_of(waves: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """(W, T) -> (W, M, ceil(T / hop)) dB, floored as the spec says, whatever the length."""
    x, front = torch.from_numpy(np.ascontiguousarray(waves)), LogMel(spec)
    n_frames = max(2, -(-waves.shape[1] // spec.hop))
    out = []
    for wave in x:
        db = to_db(front.mel_power(wave[None], n_frames))  # (1, M, F')
        out.append(db if spec.top_db is None else torch.maximum(db, db.amax() - spec.top_db))
    logmels: np.ndarray = torch.cat(out).numpy()
    return logmels
