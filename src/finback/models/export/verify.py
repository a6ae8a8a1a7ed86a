"""Sounds to verify an exported model with, and the tolerated difference from finback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from finback.audio import io
from finback.audio.content import require_content
from finback.core.errors import AudioError, FinbackError, RunError
from finback.core.runs.folder import RunFolder
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.features.spec import FeatureSpec
from finback.models.predictor import Predictor

TOLERANCE = 1e-4  # of a probability
N_RECORDED = 4
LENGTHS = (0.4, 1.0, 2.6)  # windows
RATES = (1.0, 2.0, 0.73)  # times the model's own


@contextmanager
def trial_clips(run: RunFolder, spec: FeatureSpec) -> Iterator[list[Clip]]:
    """Simulated sounds of several rates and lengths, and some recordings of the run if they still exist."""
    with TemporaryDirectory() as folder:
        clips = []
        for i, (length, rate) in enumerate(zip(LENGTHS, RATES, strict=True)):
            own = max(10, round(rate * spec.sample_rate))
            path = Path(folder) / f"{i}.wav"
            io.write(path, _sound(round(length * spec.native(spec.clip_samples, own)), i), own, "PCM_24")
            recording = io.open_recording(path)
            clips.append(Clip(recording, 0, recording.n_samples))
        yield [*clips, *_recorded(run)]


def _sound(n_samples: int, seed: int) -> np.ndarray:
    """(n,) noise that falls off with frequency, and a sweep."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=n_samples))
    noise = np.fft.irfft(spectrum / np.sqrt(1.0 + np.arange(len(spectrum))), n_samples)
    t = np.arange(n_samples) / n_samples
    sweep = np.sin(2 * np.pi * n_samples * (0.02 * t + 0.04 * (1 + seed) * t**2))
    x = noise / np.abs(noise).max() + 0.5 * sweep * np.hanning(n_samples)
    return (0.3 * x / np.abs(x).max()).astype(np.float32)


def _recorded(run: RunFolder) -> list[Clip]:
    try:
        manifest = Manifest.load(run.manifest)
    except FinbackError:  # a packaged run has none, or recordings have changed: simulated sounds will do
        return []
    clips = manifest.clips[:: max(1, len(manifest.clips) // N_RECORDED)][:N_RECORDED]
    return [clip for clip in clips if _is_there(clip)]


def _is_there(clip: Clip) -> bool:
    try:
        require_content(clip.recording)
    except AudioError:
        return False
    return True


def largest_difference(answers: np.ndarray, predictor: Predictor, clips: Sequence[Clip]) -> float:
    """Between probabilities (N, K) of an exported model and those of `predictor` for the same clips."""
    return float(np.abs(answers - predictor.scores(clips).probabilities).max())


def refuse_if_far(difference: float, what: str) -> None:
    """Raises `RunError` beyond `TOLERANCE`: a model with other answers is not the same model."""
    if not difference <= TOLERANCE:
        raise RunError(
            f"{what}: probabilities differ from finback's by {difference:.1e}, more than {TOLERANCE:.0e}; "
            "nothing was written",
            "please report it, with the family and the version of onnxruntime",
        )
