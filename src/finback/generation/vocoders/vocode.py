"""Log-mels to sound by any vocoder, by its name; a clip to its log-mel and back, and what that cost.

    invert = vocoder("auto", spec)
    waves = to_waves(logmels, invert)  # (N, M, F) dB -> (N, T'), never clipped
    vocode(VocodeRequest(Path("clip.wav"), Path("again.wav")), spec).measures

A vocoder is "griffin-lim", "fast-griffin-lim", the run folder of `finback train vocoder`, the name of one
that comes with finback, or "auto": one that comes along and fits the features, else fast-griffin-lim.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.audio import io
from finback.audio.windows import windows
from finback.core.errors import InputError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.settings import build
from finback.features.spec import FeatureSpec
from finback.generation.vocoders import clips
from finback.generation.vocoders.files import SUFFIXES, load_logmels
from finback.generation.vocoders.inversion import (
    BATCH,
    METHODS,
    ROUNDS,
    Inverter,
    check,
    inverter,
    to_waves,
)
from finback.generation.vocoders.level import match, rms
from finback.metrics.waveforms import measures, mel_correlation, mel_l1, onset_error
from finback.models import pretrained as shipped
from finback.models.devices import torch_device, tune_allocator
from finback.models.load import load_model

AUTO = "auto"
# What a vocoder depends on. How clips were filled up or levelled before makes no difference to it.
SOUND = (
    "sample_rate",
    "n_fft",
    "hop",
    "n_mels",
    "n_frames",
    "f_min",
    "top_hz",
    "scale",
    "background",
    "covered_samples",
)


class Vocoder:
    """An `Inverter` of a known name, on its device; log-mels may be on any, and waves come back to theirs."""

    def __init__(self, name: str, spec: FeatureSpec, invert: Inverter, device: torch.device) -> None:
        self.name, self.spec = name, spec
        self._invert, self._device = invert, device

    @torch.no_grad()
    def __call__(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) dB -> (B, T'). Raises `SpecMismatchError` for other shapes."""
        check(logmel_db, self.spec)
        waves = logmel_db.new_empty(len(logmel_db), self.spec.covered_samples)
        for i in range(0, len(waves), BATCH):
            waves[i : i + BATCH] = self._invert(logmel_db[i : i + BATCH].to(self._device))
        return waves


def vocoder(
    name: str | Path, spec: FeatureSpec, device: str = "auto", rounds: int = ROUNDS, seed: int = 0
) -> Vocoder:
    """The vocoder of that name for these features; `rounds` and `seed` are Griffin-Lim's.

    Raises `SpecMismatchError` if it was trained for other features, `RunError` if there is no such vocoder,
    `SettingsError` if no wave can be made of such features (PCEN).
    """
    tune_allocator()
    if str(name) == AUTO:
        fitting = [n for n in shipped.names("vocoder") if not _differences(_spec_of(n), spec)]
        name = (fitting or ["fast-griffin-lim"])[0]
    on = torch_device(device)
    if str(name) in METHODS:
        return Vocoder(str(name), spec, inverter(str(name), spec, rounds, seed), on)
    path = shipped.resolve(name, "vocoder")
    model, run = load_model(path, "vocoder", device)
    different = _differences(build(FeatureSpec, run.info.spec), spec)
    if different:
        raise SpecMismatchError(
            f"{name}: a vocoder for other features ({', '.join(different[:3])})",
            "train one for these: finback train vocoder; or take --vocoder fast-griffin-lim",
        )
    return Vocoder(str(name), spec, model, on)


@dataclass(frozen=True)
class VocodeRequest:
    """Spectrograms or a clip to make sound of, where to, and by what."""

    source: Path  # .npy, .npz, or a sound file
    out: Path  # .wav or .flac; a folder for several spectrograms
    vocoder: str = AUTO
    rounds: int = ROUNDS
    seed: int = 0
    device: str = "auto"
    like: Path | None = None  # a sound file whose level is taken
    channel: int | None = None


@dataclass(frozen=True, eq=False)
class VocodeResult:
    """What was written, and how near it is to what was asked for, by measures of `metrics.vocoding`."""

    paths: tuple[Path, ...]
    vocoder: str
    spec: FeatureSpec
    before_db: np.ndarray  # (M, F) the first
    after_db: np.ndarray
    measures: dict[str, float]  # means over windows, or over spectrograms


def vocode(request: VocodeRequest, spec: FeatureSpec, progress: Progress = no_progress) -> VocodeResult:
    """Write the sound. Raises `InputError` for what is neither log-mels nor sound, or a wrong name."""
    if request.source.suffix.lower() in SUFFIXES:
        return _vocode_logmels(request, spec, progress)
    invert = vocoder(request.vocoder, spec, request.device, request.rounds, request.seed)
    _check_sound(request.out)
    real = clips.heard(request.source, spec, request.channel)
    made = _as_loud(clips.through(real, spec, invert, progress)[None], request, spec)[0]
    io.write(request.out, made, spec.sample_rate)
    length = min(len(real), spec.covered_samples)
    spans = windows(len(real), length, length)
    pairs = (np.stack([x[a:b] for a, b in spans]) for x in (real, made))
    found = compare(next(pairs), next(pairs), spec)
    before, after = (clips.logmel_of(x[None], spec)[0] for x in (real, made))
    means = {name: float(values.mean()) for name, values in found.items()}
    return VocodeResult((request.out,), invert.name, spec, before, after, means)


def _vocode_logmels(request: VocodeRequest, spec: FeatureSpec, progress: Progress) -> VocodeResult:
    found, spec = load_logmels(request.source, spec)
    invert = vocoder(request.vocoder, spec, request.device, request.rounds, request.seed)
    if len(found) == 1:
        _check_sound(request.out)
        paths = [request.out]
    else:
        if request.out.suffix:
            raise InputError(f"--out {request.out}: there are {len(found)} spectrograms", "name a folder")
        paths = [request.out / f"{name.removesuffix('.wav').replace('/', '-')}.wav" for name in found]
    asked = np.stack(list(found.values()))
    waves = _as_loud(to_waves(asked, invert, progress), request, spec)
    for path, wave in zip(paths, waves, strict=True):
        io.write(path, wave, spec.sample_rate)
    made = clips.logmel_of(waves, spec)[..., : spec.n_frames]
    values = {
        "mel_l1_db": mel_l1(asked, made),
        "mel_correlation": mel_correlation(asked, made),
        "onset_error": onset_error(asked, made),
    }
    means = {name: float(value.mean()) for name, value in values.items()}
    return VocodeResult(tuple(paths), invert.name, spec, asked[0], made[0], means)


def _check_sound(path: Path) -> None:
    if path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"--out {path}: not a sound file's name", "end it in .wav or .flac")


def _as_loud(waves: np.ndarray, request: VocodeRequest, spec: FeatureSpec) -> np.ndarray:
    """(N, T) at the level of the clip that was named, if one was."""
    if request.like is None:
        return waves
    other = torch.from_numpy(clips.heard(request.like, spec))[None]
    louder: np.ndarray = match(torch.from_numpy(waves), rms(other)).numpy()
    return louder


def compare(real: np.ndarray, made: np.ndarray, spec: FeatureSpec) -> dict[str, np.ndarray]:
    """Every measure of `metrics.vocoding` (W,) for waves (W, T) at the spec's rate."""
    return measures(
        real, made, clips.logmel_of(real, spec), clips.logmel_of(made, spec), spec.n_fft, spec.hop
    )


def _spec_of(name: str) -> FeatureSpec:
    return build(FeatureSpec, RunFolder.open(shipped.resolve(name, "vocoder")).info.spec)


def _differences(trained: FeatureSpec, wanted: FeatureSpec) -> list[str]:
    """`hop 256, not 512` for all that a vocoder depends on."""
    pairs = ((key, getattr(trained, key), getattr(wanted, key)) for key in SOUND)
    return [f"{key} {then}, not {now}" for key, then, now in pairs if then != now]
