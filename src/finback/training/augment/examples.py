"""Examples of every augmentation of one clip, as spectrograms and waves to look at and listen to.

    source = load("clip.wav", spec)
    for example in make(source, spec, Amounts(wave, spectrum), seed=0): ...

Each augmentation is applied alone and to all its examples: with the amounts of the settings if they have it
on, otherwise with amounts that are large enough to see. The last examples have all augmentations of the
settings, as in a training step.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from finback.audio.io import open_recording, write
from finback.core.storage.locks import only_writer
from finback.core.types import Clip
from finback.features.extract import Extractor
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.training.augment import mix, spectrum, wave
from finback.training.augment.noise_files import NoiseBank
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave import WaveDraw, WaveSettings


@dataclass(frozen=True)
class Source:
    """The first window of a clip, as the input of a model."""

    wave: Tensor  # (T,)
    background_db: Tensor | None  # (M,) if the spec subtracts the background of the recording


@dataclass(frozen=True)
class Amounts:
    """The amounts: two sections of a preset."""

    wave: WaveSettings
    spectrum: SpectrumSettings


@dataclass(frozen=True)
class Example:
    """One augmented clip; without a wave if only the spectrogram is augmented."""

    name: str
    title: str  # the name and the drawn parameters
    mel: np.ndarray  # (M, F) in the spec's units
    wave: np.ndarray | None  # (T,)


Describe = Callable[[WaveDraw, int, float], str]  # (draw, row, half the sample rate in Hz) -> parameters

# Amounts that are large enough to see, used if the settings have the augmentation off; shares become 1.
WAVE: dict[str, tuple[dict[str, object], Describe]] = {
    "time-stretch": ({"stretch": 0.35}, lambda d, i, top: f"× {d.stretch.duration[i]:.2f}"),
    "pitch-shift": ({"pitch_semitones": 5}, lambda d, i, top: _semitones(d.stretch.pitch[i])),
    "speed": ({"speed_semitones": 5}, lambda d, i, top: _semitones(d.stretch.speed[i])),
    "gain": (
        {"gain_db": 12, "polarity": 0.5},
        lambda d, i, top: _db(20 * np.log10(abs(d.gain[i]))) + (", inverted" if d.gain[i] < 0 else ""),
    ),
    "noise": (
        {"noise": 1, "noise_snr_db": (0, 12)},
        lambda d, i, top: f"{d.noise.snr_db[i]:.0f} dB SNR, 1/f^{d.noise.exponent[i]:.1f}",
    ),
    "noise file": (
        {"real_noise": 1, "noise_snr_db": (0, 12)},
        lambda d, i, top: f"{d.noise.real_snr_db[i]:.0f} dB SNR",
    ),
    "background": (
        {"background": 1, "background_snr_db": (0, 12)},
        lambda d, i, top: f"{d.noise.background_snr_db[i]:.0f} dB SNR",
    ),
    "band-pass": (
        {"band_pass": 1},
        lambda d, i, top: f"{_hz(d.equipment.low[i] * top)} to {_hz(d.equipment.high[i] * top)}",
    ),
    "tilt": ({"tilt_db": 30}, lambda d, i, top: _db(d.equipment.tilt_db[i])),
    "resonances": (
        {"resonance_db": 20},
        lambda d, i, top: ", ".join(map(_db, d.equipment.resonance[i, :, 2])),
    ),
    "resampled": ({"resample": 1}, lambda d, i, top: f"up to {_hz(d.equipment.cut[i] * top)}"),
    "hum": (
        {"hum": 1, "hum_snr_db": (0, 15)},
        lambda d, i, top: f"{d.equipment.mains_hz[i]:.0f} Hz, {d.equipment.hum_snr_db[i]:.0f} dB SNR",
    ),
    "hiss": (
        {"hiss": 1, "hiss_snr_db": (5, 20)},
        lambda d, i, top: f"{d.equipment.hiss_snr_db[i]:.0f} dB SNR",
    ),
    "overload": ({"overload": 1}, lambda d, i, top: f"driven {d.equipment.drive[i]:.1f} ×"),
}
# Settings that are shares of clips.
SHARES = ("polarity", "noise", "real_noise", "background", "band_pass", "resample", "hum", "hiss", "overload")
SPECTRUM: dict[str, dict[str, float]] = {
    "roll": {"roll": 1.0},
    "frequency shift": {"shift_bands": 8},
    "masks": {"mask_time": 0.3, "mask_bands": 0.3},
    "equaliser": {"eq_db": 12.0},
    "raised floor": {"noise": 1.0},
    "low-pass": {"low_pass": 1.0},
}
NO_SPECTRUM = {
    "roll": 0,
    "shift_bands": 0,
    "mask_time": 0,
    "mask_bands": 0,
    "eq_db": 0,
    "noise": 0,
    "low_pass": 0,
}


def load(path: Path | str, spec: FeatureSpec, channel: int | None = None) -> Source:
    """The first window of a sound file, processed as for training. Raises `AudioError`."""
    recording = open_recording(path)
    extractor = Extractor(spec, "wave")
    first = extractor.windows(Clip(recording, 0, recording.n_samples, channel=channel))[0]
    background = torch.from_numpy(extractor.background_db(first)) if spec.background == "median" else None
    return Source(torch.from_numpy(extractor(first)[0]), background)


def make(
    source: Source,
    spec: FeatureSpec,
    amounts: Amounts,
    seed: int = 0,
    n: int = 1,
    noise: NoiseBank | None = None,
    other: Source | None = None,
) -> Iterator[Example]:
    """The original clip, then `n` examples of each augmentation in turn.

    Augmentations that need `noise` files or an `other` clip are left out without them.
    """
    x = source.wave.repeat(n, 1)  # (n, T)
    mel = _Mel(spec, source.background_db)
    yield Example("original", "original", mel(x[:1])[0, 0].numpy(), x[0].numpy())
    for name, (amount, describe) in WAVE.items():
        if (name == "noise file" and noise is None) or (name == "background" and other is None):
            continue
        rng = _generator(seed, name)
        d = wave.draw(rng, _alone(amounts.wave, amount), (n, x.shape[1]), spec.sample_rate)
        y = wave.apply(x, d, spec.sample_rate, *_noise_inputs(rng, x, noise, other))
        top = spec.sample_rate / 2
        for i, spectrogram in enumerate(mel(y)[:, 0].numpy()):
            yield Example(name, f"{name}: {describe(d, i, top)}", spectrogram, y[i].numpy())
    for name, settings in _spectrum_settings(amounts.spectrum):
        z = _augmented(mel(x), settings, _generator(seed, name))
        yield from (Example(name, name, spectrogram, None) for spectrogram in z[:, 0].numpy())
    if other is not None:
        yield from _mixed(mel(x), _Mel(spec, other.background_db)(other.wave[None]), seed)
    yield from _together(x, mel, amounts, seed, _Extra(noise, other))


def write_waves(examples: Sequence[Example], folder: Path, sample_rate: int) -> list[Path]:
    """Write the examples with a wave as `00-original.wav`, `01-time-stretch.wav` ...; return the paths.

    Samples are 32-bit floats, which need not be below 1.
    """
    with_wave = [e for e in examples if e.wave is not None]
    paths = [folder / f"{i:02d}-{e.name.replace(' ', '-')}.wav" for i, e in enumerate(with_wave)]
    with only_writer(folder):
        for path, example in zip(paths, with_wave, strict=True):
            if example.wave is not None:
                write(path, example.wave, sample_rate, "FLOAT")
    return paths


@dataclass(frozen=True)
class _Extra:
    noise: NoiseBank | None
    other: Source | None


class _Mel:
    """Waves to spectrograms in dB or PCEN, without the background of the recording if the spec says so."""

    def __init__(self, spec: FeatureSpec, background_db: Tensor | None) -> None:
        self.spec, self.logmel, self.background_db = spec, LogMel(spec.in_db), background_db

    def __call__(self, x: Tensor) -> Tensor:
        """(n, T) -> (n, 1, M, F)"""
        background = None if self.background_db is None else self.background_db.repeat(len(x), 1)
        return cast(Tensor, self.logmel(x, background))


def _generator(seed: int, name: str) -> np.random.Generator:
    """The generator of one augmentation: leaving out an augmentation does not change the others."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _alone(settings: WaveSettings, amount: dict[str, object]) -> WaveSettings:
    """One augmentation for all clips: as strong as in `settings` if on there, otherwise as in `amount`."""
    on = {key: getattr(settings, key) for key in amount}
    is_on = WaveSettings(**on).on
    values = on if is_on else amount
    shares = {key: 1.0 for key in values if key in SHARES and key != "polarity"}
    return WaveSettings.model_validate({**values, **shares, "changed": 1.0})


def _noise_inputs(
    rng: np.random.Generator, x: Tensor, noise: NoiseBank | None, other: Source | None
) -> tuple[Tensor | None, Tensor | None]:
    excerpts = None if noise is None else torch.from_numpy(noise.draw(rng, len(x), x.shape[1]))
    return excerpts, None if other is None else other.wave.repeat(len(x), 1)


def _spectrum_settings(settings: SpectrumSettings) -> Iterator[tuple[str, SpectrumSettings]]:
    for name, amount in SPECTRUM.items():
        on = {k: getattr(settings, k) for k in amount}
        values = (
            {k: 1.0 if k in ("noise", "low_pass") else v for k, v in on.items()}
            if any(on.values())
            else amount
        )
        yield name, SpectrumSettings.model_validate({**NO_SPECTRUM, **values})


def _augmented(mel: Tensor, settings: SpectrumSettings, rng: np.random.Generator) -> Tensor:
    return spectrum.apply(mel, spectrum.draw(rng, settings, (len(mel), mel.shape[2], mel.shape[3])))


def _mixed(mel: Tensor, other: Tensor, seed: int) -> Iterator[Example]:
    """Mixup and cutmix of each spectrogram in `mel` (n, 1, M, F) with the other clip."""
    labels, swap = torch.eye(2), torch.tensor([1, 0])
    for name in ("mixup", "cutmix"):
        rng = _generator(seed, name)
        for one in mel:
            pair = torch.stack([one, other[0]])
            d = mix.draw_mix(rng, 2, float(name == "mixup"), float(name == "cutmix"), mel.shape[-1])
            both, y = mix.apply_mix(pair, labels, mix.MixDraw(swap.numpy(), d.share, d.box))
            yield Example(
                name, f"{name}: {100 * float(y[0, 0]):.0f} % of this clip", both[0, 0].numpy(), None
            )


def _together(x: Tensor, mel: _Mel, amounts: Amounts, seed: int, extra: _Extra) -> Iterator[Example]:
    """All augmentations that the settings have on, with their shares, as in training."""
    name = "as in training"
    rng = _generator(seed, name)
    missing = {"real_noise": extra.noise is None, "background": extra.other is None}
    on = amounts.wave.model_copy(update={key: 0.0 for key, absent in missing.items() if absent})
    y = x
    if on.on:
        rate = mel.spec.sample_rate
        y = wave.apply(
            x,
            wave.draw(rng, on, (len(x), x.shape[1]), rate),
            rate,
            *_noise_inputs(rng, x, extra.noise, extra.other),
        )
    spectrograms = _augmented(mel(y), amounts.spectrum, rng)[:, 0].numpy()
    for i, spectrogram in enumerate(spectrograms):
        yield Example(name, name, spectrogram, y[i].numpy() if on.on else None)


def _semitones(ratio: float) -> str:
    return f"{12 * np.log2(ratio):+.1f} semitones".replace("-", "−")


def _db(value: float) -> str:
    return f"{value:+.0f} dB".replace("-", "−")


def _hz(hz: float) -> str:
    return f"{hz / 1000:.1f} kHz" if hz >= 1000 else f"{hz:.0f} Hz"
