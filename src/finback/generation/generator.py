"""Spectrograms of a species from a trained generator of any kind.

    generator = SpectrogramGenerator.load(run)
    logmels = generator.sample(labels, seeds, Sampling(steps=18, guidance=1.5))  # (N, M, F) dB

Each sample has its own stream of random numbers, named by its species and seed: both give the same sample in
every batch, and one seed gives every species other numbers. Samples have the units of the generator's
`FeatureSpec`, so they can be vocoded, scored and used for training like the log-mels of real clips.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.errors import InputError, SettingsError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.types import Labels
from finback.features.frontends import front_end_class
from finback.generation.calls.parameters import SampleParameters
from finback.generation.calls.waves import limited_wave, logmels_of, parameters_of, without_background
from finback.generation.diffusion.accuracy import warn_of_width
from finback.generation.diffusion.conditioned import (
    conditions_of_clips,
    denoiser_of_labels,
    draw_conditions,
    guided_denoiser,
    spread_of,
)
from finback.generation.diffusion.contract import Denoise, StepCallback
from finback.generation.diffusion.guidance import classifier_guided, independent
from finback.generation.diffusion.samplers import SAMPLERS, levels_for, levels_from
from finback.generation.diffusion.seeds import Streams
from finback.generation.sampling import Sampling as Sampling
from finback.models.devices import tune_allocator
from finback.models.load import load_model
from finback.models.networks.calls.network import Calls
from finback.models.networks.conditions import Conditions
from finback.models.networks.generator import Generator, level_of
from finback.models.networks.residual_denoiser import ResidualDenoiser
from finback.models.predictor import Predictor

NO_BACKGROUND = -1  # in place of the number of a recording group: calls alone
BATCH = 16  # samples at a time
Integers = Sequence[int] | NDArray[np.integer]


class SpectrogramGenerator:
    """A trained generator, its species and its features."""

    def __init__(self, model: Generator, labels: Labels, run: RunFolder) -> None:
        self.model = model
        self.labels = labels
        self.run = run
        self.spec = model.spec

    def __repr__(self) -> str:
        family, n = self.run.info.family, len(self.labels)
        return f"SpectrogramGenerator({family}, {n} species, {self.run.path})"

    @classmethod
    def load(cls, where: str | Path, device: str = "auto") -> SpectrogramGenerator:
        """The generator of a run folder. Raises `RunError` if there is none or it is not trained."""
        tune_allocator()
        model = load_model(where, "generator", device)
        return cls(model.network, model.labels, model.run)

    @torch.no_grad()
    def sample(
        self,
        labels: Integers,
        seeds: Integers,
        sampling: Sampling | None = None,
        guide: Predictor | None = None,
        progress: Progress = no_progress,
        callback: StepCallback | None = None,
    ) -> NDArray[np.float32]:
        """Class ids (N,) and seeds (N,) -> log-mels (N, M, F) in dB.

        `guide` is the classifier of classifier guidance. It is used if `sampling.classifier_scale` is above 0
        and must have the generator's species and features; raises `SettingsError` without one,
        `SpecMismatchError` for other features. `callback` sees every step of a diffusion sampler
        (`diffusion.contract`), in the units of the model's `scale`. Warns (`Inexact`) of a sampler that is
        more than a tenth too narrow or too wide with so few steps.
        """
        sampling = sampling or Sampling()
        if sampling.tape:
            self.tape_number(sampling.tape)
        if self.makes_waves:
            return logmels_of(self.sample_waves(labels, seeds, progress, sampling.tape), self.spec)
        if self.model.way == "denoise":
            warn_of_width(sampling.sampler, sampling.steps)
        starts = range(0, len(labels), BATCH)
        batches = [
            self._batch(labels[i : i + BATCH], seeds[i : i + BATCH], sampling, guide, callback)
            for i in progress(starts, "generating", len(starts))
        ]
        empty = np.zeros((0, self.spec.n_mels, self.spec.n_frames), dtype=np.float32)
        return np.concatenate([empty, *batches])

    @property
    def makes_waves(self) -> bool:
        """Whether `sample_waves` makes the sound itself, so that no vocoder is needed."""
        return isinstance(self.model, Calls)

    def sample_waves(
        self, labels: Integers, seeds: Integers, progress: Progress = no_progress, tape: str = ""
    ) -> NDArray[np.float32]:
        """Class ids (N,) and seeds (N,) -> waves (N, T') within -1 to 1, of a generator that `makes_waves`.

        `tape`: the recording group whose background the samples get; "": groups of the species; "none": none.
        Raises `InputError` for a species without a training clip.
        """
        pairs = list(zip(labels, seeds, strict=True))
        waves = [
            limited_wave(self.parameters(int(k), int(s), tape))
            for k, s in progress(pairs, "generating", len(pairs))
        ]
        return np.stack(waves) if waves else np.zeros((0, self.spec.covered_samples), dtype=np.float32)

    def parameters(self, label: int, seed: int, tape: str = "") -> SampleParameters:
        """Everything that a sample of a generator that `makes_waves` is made from."""
        if not isinstance(self.model, Calls):
            raise TypeError(f"{self!r} has no parameters: it makes log-mels")
        number = self.tape_number(tape) if tape else None
        alone, name = number == NO_BACKGROUND, self.labels.names[label]
        sample = parameters_of(self.model, label, name, seed, None if alone else number)
        return without_background(sample) if alone else sample

    @torch.no_grad()
    def vary(
        self,
        logmels: NDArray[np.float32],
        frames: Integers,
        labels: Integers,
        seeds: Integers,
        strength: float,
        sampling: Sampling | None = None,
    ) -> NDArray[np.float32]:
        """Variations of real log-mels (N, M, F) in dB, at the levels of the clips: (N, M, F) dB.

        Noise of the level that `strength` gives (`samplers.sigma_of_strength`) is added to each, and removed
        again by the denoiser of the species (N,): near 0 it is the clip, 1 is another sample. `frames` (N,)
        is the number of frames of each that are not padding. Raises `SettingsError` for a generator without
        steps.
        """
        self.require_steps()
        sampling = sampling or Sampling()
        starts = range(0, len(labels), BATCH)
        parts = [slice(i, i + BATCH) for i in starts]
        batches = [
            self._batch(labels[p], seeds[p], sampling, None, None, Source(logmels[p], frames[p], strength))
            for p in parts
        ]
        return np.concatenate([logmels[:0], *batches])

    def require_steps(self, what: str = "variations") -> None:
        """Raises `SettingsError` for a generator that is no diffusion model, for `what` needs one."""
        if self.model.way != "denoise":
            raise SettingsError(
                f"{what} by {self.run.info.family}: this generator does not work in steps",
                "name watkins-diffusion, or train a diffusion model: finback train diffusion",
            )

    def denoiser(self, labels: Integers, seeds: Integers, sampling: Sampling) -> tuple[Denoise, Tensor]:
        """The guided denoiser of a batch, and the noise (B, ...) that its sampler starts from."""
        y, streams = self._streams(labels, seeds, sampling)
        loudness, noise = streams.normal(()), streams.normal(self.model.noise_shape)
        given = self._conditions(y, streams, sampling, None)
        return self._denoise(y, given, loudness, sampling, None), noise

    def _streams(self, labels: Integers, seeds: Integers, sampling: Sampling) -> tuple[Tensor, Streams]:
        device = self.model.scale.mean.device
        y = torch.as_tensor(np.asarray(labels), dtype=torch.long, device=device)
        names = [self.labels.names[int(k)] for k in labels] if sampling.streams == "species" else None
        return y, Streams((int(s) for s in seeds), device, names)

    def _batch(
        self,
        labels: Integers,
        seeds: Integers,
        sampling: Sampling,
        guide: Predictor | None,
        callback: StepCallback | None,
        source: Source | None = None,
    ) -> NDArray[np.float32]:
        """(B,), (B,) -> (B, M, F) dB."""
        model, device = self.model, self.model.scale.mean.device
        y, streams = self._streams(labels, seeds, sampling)
        # The level is drawn first, so that the number of draws of a sampler does not change it.
        loudness = streams.normal(())
        noise = streams.normal(model.noise_shape)
        if model.way == "decode":
            return _array(model.scale.to_db(model.decode(noise, y), y, loudness))
        given = self._conditions(y, streams, sampling, source)
        denoise = self._denoise(y, given, loudness, sampling, guide)
        levels = levels_for(sampling.sampler, sampling.steps)
        if source is None:
            units = SAMPLERS[sampling.sampler](denoise, noise, levels, streams, callback)
            return _array(model.scale.to_db(units, y, loudness))
        x = torch.from_numpy(source.logmels)[:, None].to(device)
        frames = torch.as_tensor(np.asarray(source.frames), device=device)
        levels = levels_from(sampling.sampler, sampling.steps, source.strength)
        start = model.scale.to_units(x, frames) / float(levels[0]) + noise
        units = SAMPLERS[sampling.sampler](denoise, start, levels, streams, callback)
        return _array(model.scale.at_level(units, level_of(x)[:, 0, 0, 0]))

    def _conditions(
        self, y: Tensor, streams: Streams, sampling: Sampling, source: Source | None
    ) -> Conditions | None:
        """Tape and joints of each sample; None for a network that is told the species only."""
        tape = self.tape_number(sampling.tape) if sampling.tape else None
        if not isinstance(self.model, ResidualDenoiser):
            return None
        if source is not None:
            return conditions_of_clips(self.model, y, [int(n) for n in source.frames], tape)
        return draw_conditions(self.model, y, streams, tape)

    def tape_number(self, tape: str) -> int:
        """The number of a recording group of the training clips.

        `NO_BACKGROUND` for the word "none" with a generator that `makes_waves`. Raises `InputError` with the
        nearest names.
        """
        names = self.run.info.tapes
        if tape == "none" and self.makes_waves and tape not in names:
            return NO_BACKGROUND
        if not names:
            raise InputError(
                f"tape '{tape}': this generator was trained without recording groups",
                "leave the tape out, or train it again: finback train diffusion",
            )
        if tape not in names:
            near = difflib.get_close_matches(tape, names, n=3, cutoff=0.3) or names[:3]
            raise InputError(f"unknown tape '{tape}'", "the nearest are: " + ", ".join(near))
        return names.index(tape)

    def _denoise(
        self,
        y: Tensor,
        given: Conditions | None,
        loudness: Tensor,
        sampling: Sampling,
        guide: Predictor | None,
    ) -> Denoise:
        sigma_data = float(self.run.info.setting("diffusion", "sigma_data"))
        weight, interval = sampling.guidance, sampling.interval
        spread = independent(sigma_data)
        if given is not None and isinstance(self.model, ResidualDenoiser):
            denoise = guided_denoiser(self.model, given, weight, interval, sampling.weaker)
            spread = spread_of(self.model, given)
        else:
            denoise = denoiser_of_labels(self.model, y, sigma_data, weight, interval)
        if sampling.classifier_scale <= 0:
            return denoise
        if guide is None:
            raise SettingsError("classifier guidance without a classifier", "name one: --guide RUN")
        log_prob = self._log_prob(guide, y, loudness)
        return classifier_guided(denoise, log_prob, sampling.classifier_scale, spread)

    def _log_prob(self, guide: Predictor, y: Tensor, loudness: Tensor) -> Callable[[Tensor], Tensor]:
        """x (B, 1, M, F) in units of the scale -> mean of log p(species | x) over members (B,)."""
        if guide.spec.fingerprint != self.spec.fingerprint or any(
            not front_end_class(leaf.model.input).is_spectrogram for leaf in guide.root.leaves
        ):
            raise SpecMismatchError(
                "the guiding classifier uses other features than the generator",
                "train a classifier of log-mels with the generator's features: finback train cnn2d",
            )
        wanted = torch.tensor([guide.labels.index(self.labels.names[int(i)]) for i in y], device=y.device)

        def log_prob(x: Tensor) -> Tensor:
            db = self.model.scale.to_db(x, y, loudness)
            members: list[Tensor] = [
                torch.log_softmax(leaf.model(db) / leaf.temperature, dim=1) for leaf in guide.root.leaves
            ]
            return torch.stack(members).mean(dim=0).gather(1, wanted[:, None])[:, 0]

        return log_prob


@dataclass(frozen=True, eq=False)
class Source:
    """Real clips that are varied: log-mels (B, M, F) in dB, their true frames (B,), and how much."""

    logmels: NDArray[np.float32]
    frames: Integers
    strength: float


def _array(db: Tensor) -> NDArray[np.float32]:
    return db[:, 0].float().cpu().numpy()
