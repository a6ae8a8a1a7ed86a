"""Log-mels to sound by any vocoder; a clip to its log-mel and back, with measures of the difference.

    vocoder = Vocoder.load("auto", spec)
    waves = to_waves(logmels, vocoder)  # (N, M, F) dB -> (N, T'), never clipped
    vocode(VocodeRequest(Path("clip.wav"), Path("again.wav")), spec).measures

The name of a vocoder is "griffin-lim", "fast-griffin-lim", "components", the run folder of `finback train
vocoder`, the name of a bundled vocoder, or "auto": the bundled vocoder that has these features, or else
components, which needs no training.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.audio import io
from finback.audio.windows import windows
from finback.core.errors import InputError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.core.storage.locks import only_writer
from finback.core.storage.paths import inside, portable, refuse_overwriting
from finback.features.scales import in_db
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.clips import logmel_of, read_wave, round_trip
from finback.generation.vocoders.files import SUFFIXES, load_logmels
from finback.generation.vocoders.inversion import (
    BATCH,
    COMPONENTS,
    METHODS,
    ROUNDS,
    Inverter,
    check,
    inverter,
    to_waves,
)
from finback.generation.vocoders.level import match, rms
from finback.metrics.waveforms import Transform, measures, mel_correlation, mel_l1, onset_error
from finback.models import pretrained
from finback.models.devices import torch_device, tune_allocator
from finback.models.load import load_model, open_run

AUTO = "auto"
# The features that a vocoder depends on. Padding and level of the clips make no difference to it.
RELEVANT = (
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
    """An `Inverter` with a name, on its device. Log-mels may be on another device; waves return to it."""

    def __init__(
        self,
        name: str,
        spec: FeatureSpec,
        invert: Inverter,
        device: torch.device,
        run: RunFolder | None = None,
    ) -> None:
        self.name, self.spec = name, spec
        self.run = run  # of a trained vocoder; None for a method without training
        self._invert, self._device = invert, device

    def __repr__(self) -> str:
        return f"Vocoder({self.name})"

    @classmethod
    def load(
        cls, name: str | Path, spec: FeatureSpec, device: str = "auto", rounds: int = ROUNDS, seed: int = 0
    ) -> Vocoder:
        """The vocoder of that name for these features; `rounds` and `seed` are settings of Griffin-Lim.

        Raises `SpecMismatchError` if it was trained on other features, `RunError` if there is no such
        vocoder, `SettingsError` if sound cannot be made from such features (PCEN).
        """
        tune_allocator()
        as_db = spec.in_db  # linear power is converted to dB, without loss
        name = chosen_vocoder(name, as_db)
        on = torch_device(device)
        if str(name) in METHODS:
            return cls(str(name), spec, inverter(str(name), as_db, rounds, seed), on)
        model = load_model(name, "vocoder", device)
        different = _differences(model.spec, as_db)
        if different:
            raise SpecMismatchError(
                f"{name}: this vocoder was trained on other features ({', '.join(different[:3])})",
                "train one for these features: finback train vocoder; or use --vocoder components",
            )
        return cls(str(name), spec, model.network, on, model.run)

    @torch.no_grad()
    def __call__(self, logmel_db: Tensor) -> Tensor:
        """(B, 1, M, F) in dB (or power, if the spec says so) -> (B, T'). Raises `SpecMismatchError`."""
        check(logmel_db, self.spec)
        logmel_db = in_db(logmel_db, self.spec)
        waves = logmel_db.new_empty(len(logmel_db), self.spec.covered_samples)
        for i in range(0, len(waves), BATCH):
            waves[i : i + BATCH] = self._invert(logmel_db[i : i + BATCH].to(self._device))
        return waves


@dataclass(frozen=True)
class VocodeRequest:
    """The spectrograms or the clip to vocode, the output, and the vocoder."""

    source: Path  # .npy, .npz, or a sound file
    out: Path  # .wav or .flac; a folder for several spectrograms
    vocoder: str = AUTO
    rounds: int = ROUNDS
    seed: int = 0
    device: str = "auto"
    like: Path | None = None  # a sound file whose level is used
    channel: int | None = None


@dataclass(frozen=True, eq=False)
class VocodeResult:
    """The files written, and measures of `metrics.waveforms` between the input and the output."""

    paths: tuple[Path, ...]
    vocoder: str
    spec: FeatureSpec
    before_db: NDArray[np.float32]  # (M, F) the first log-mel
    after_db: NDArray[np.float32]  # (M, F) the log-mel of its sound
    measures: dict[str, float]  # means over windows, or over spectrograms


def vocode(request: VocodeRequest, spec: FeatureSpec, progress: Progress = no_progress) -> VocodeResult:
    """Write the sound. Raises `InputError` for a file without log-mels or sound, or a wrong name."""
    refuse_overwriting(request.out, request.source, request.like)
    if request.source.suffix.lower() in SUFFIXES:
        return _vocode_logmels(request, spec, progress)
    vocoder = Vocoder.load(request.vocoder, spec, request.device, request.rounds, request.seed)
    _check_sound(request.out)
    real = read_wave(request.source, spec, request.channel)
    vocoded = _as_loud(round_trip(real, spec, vocoder, progress)[None], request, spec)[0]
    io.write(request.out, vocoded, spec.sample_rate)
    length = min(len(real), spec.covered_samples)
    spans = windows(len(real), length, length)
    pairs = (np.stack([x[a:b] for a, b in spans]) for x in (real, vocoded))
    values = compare(next(pairs), next(pairs), spec)
    before, after = (logmel_of(x[None], spec)[0] for x in (real, vocoded))
    means = {name: float(value.mean()) for name, value in values.items()}
    return VocodeResult((request.out,), vocoder.name, spec, before, after, means)


def _vocode_logmels(request: VocodeRequest, spec: FeatureSpec, progress: Progress) -> VocodeResult:
    named, spec = load_logmels(request.source, spec)
    vocoder = Vocoder.load(request.vocoder, spec, request.device, request.rounds, request.seed)
    if len(named) == 1:
        _check_sound(request.out)
        paths = [request.out]
    else:
        if request.out.suffix:
            raise InputError(f"--out {request.out}: there are {len(named)} spectrograms", "name a folder")
        paths = [inside(request.out, portable(f"{name.removesuffix('.wav')}.wav")) for name in named]
    before = np.stack(list(named.values()))
    waves = _as_loud(to_waves(before, vocoder, progress), request, spec)
    with only_writer(request.out) if len(paths) > 1 else nullcontext():
        for path, wave in zip(paths, waves, strict=True):
            refuse_overwriting(path, request.source, request.like)
            io.write(path, wave, spec.sample_rate)
    before = in_db(torch.from_numpy(before), spec).numpy()
    after = logmel_of(waves, spec, spec.n_frames)
    values = {
        "mel_l1_db": mel_l1(before, after),
        "mel_correlation": mel_correlation(before, after),
        "onset_error": onset_error(before, after),
    }
    means = {name: float(value.mean()) for name, value in values.items()}
    return VocodeResult(tuple(paths), vocoder.name, spec, before[0], after[0], means)


def _check_sound(path: Path) -> None:
    if path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(
            f"--out {path}: not the name of a sound file", "use a name that ends in .wav or .flac"
        )


def _as_loud(waves: NDArray[np.float32], request: VocodeRequest, spec: FeatureSpec) -> NDArray[np.float32]:
    """(N, T) at the level of the clip `like`, if there is one."""
    if request.like is None:
        return waves
    other = torch.from_numpy(read_wave(request.like, spec))[None]
    return match(torch.from_numpy(waves), rms(other)).numpy()


def compare(real: np.ndarray, vocoded: np.ndarray, spec: FeatureSpec) -> dict[str, np.ndarray]:
    """Every measure of `metrics.waveforms` (W,) between waves (W, T) at the spec's rate, in its band."""
    return measures(real, vocoded, logmel_of(real, spec), logmel_of(vocoded, spec), transform_of(spec))


def transform_of(spec: FeatureSpec) -> Transform:
    """The spectra that the measures of a vocoder of this spec compare: those of its band."""
    return Transform(spec.n_fft, spec.hop, spec.sample_rate, spec.f_min, spec.top_hz)


def _spec_of(name: str) -> FeatureSpec:
    return build(FeatureSpec, open_run(name, "vocoder").info.spec)


def chosen_vocoder(name: str | Path, spec: FeatureSpec) -> str | Path:
    """For `auto`, the name of a bundled vocoder that fits the features, or `components`."""
    if str(name) != AUTO:
        return name
    fitting = [n for n in pretrained.names("vocoder") if not _differences(_spec_of(n), spec)]
    return (fitting or [COMPONENTS])[0]


def _differences(trained: FeatureSpec, wanted: FeatureSpec) -> list[str]:
    """`hop 256, not 512` for each relevant feature that differs."""
    pairs = ((key, getattr(trained, key), getattr(wanted, key)) for key in RELEVANT)
    return [f"{key} {then}, not {now}" for key, then, now in pairs if then != now]
