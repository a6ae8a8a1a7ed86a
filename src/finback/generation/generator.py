"""Spectrograms of a species from a trained generator of any kind.

    generator = SpectrogramGenerator.load(run)
    logmels = generator.sample(labels, seeds, Sampling(steps=18, guidance=1.5))  # (N, M, F) dB

Each sample has its own stream of random numbers, named by its species and seed: both give the same sample in
every batch, and one seed gives every species other numbers. Samples have the units of the generator's
`FeatureSpec`, so they can be vocoded, scored and used for training like the log-mels of real clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.types import Labels
from finback.features.frontends import front_end_class
from finback.generation.calls.parameters import SampleParameters
from finback.generation.calls.waves import limited_wave, logmels_of, parameters_of
from finback.generation.diffusion import guidance
from finback.generation.diffusion.accuracy import warn_of_width
from finback.generation.diffusion.contract import Denoise, StepCallback
from finback.generation.diffusion.samplers import SAMPLERS, levels_for
from finback.generation.diffusion.seeds import Streams
from finback.models.devices import tune_allocator
from finback.models.load import load_model
from finback.models.networks.calls.network import Calls
from finback.models.networks.generator import Generator
from finback.models.networks.preconditioning import precondition
from finback.models.predictor import Predictor

BATCH = 16  # samples at a time
Integers = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True)
class Sampling:
    """How a diffusion model is sampled. Generators that decode in one step use `streams` only.

    Raises `SettingsError` for an unknown sampler, a number of steps that it does not support, or a negative
    guidance.
    """

    sampler: str = "dpmpp-3m"  # nearest to 1000 steps at 18, and half the evaluations of Heun
    steps: int = 18
    guidance: float = 1.5  # weight of classifier-free guidance; 1: off
    interval: tuple[float, float] = (0.0, float("inf"))  # noise levels at which guidance is on
    classifier_scale: float = 0.0  # strength of classifier guidance; 0: off
    # What names a stream of random numbers: species and seed, or the seed alone (version 0.1.0).
    streams: Literal["species", "seed"] = "species"

    def __post_init__(self) -> None:
        levels_for(self.sampler, self.steps)
        if self.guidance < 0:
            raise SettingsError(f"guidance {self.guidance:g}: below 0", "1 is off, 1.5 to 3 is usual")


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
        if self.makes_waves:
            return logmels_of(self.sample_waves(labels, seeds, progress), self.spec)
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
        self, labels: Integers, seeds: Integers, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Class ids (N,) and seeds (N,) -> waves (N, T') within -1 to 1, of a generator that `makes_waves`.

        Raises `InputError` for a species without a training clip.
        """
        pairs = list(zip(labels, seeds, strict=True))
        waves = [
            limited_wave(self.parameters(int(k), int(s)))
            for k, s in progress(pairs, "generating", len(pairs))
        ]
        return np.stack(waves) if waves else np.zeros((0, self.spec.covered_samples), dtype=np.float32)

    def parameters(self, label: int, seed: int) -> SampleParameters:
        """Everything that a sample of a generator that `makes_waves` is made from."""
        if not isinstance(self.model, Calls):
            raise TypeError(f"{self!r} has no parameters: it makes log-mels")
        return parameters_of(self.model, label, self.labels.names[label], seed)

    def _batch(
        self,
        labels: Integers,
        seeds: Integers,
        sampling: Sampling,
        guide: Predictor | None,
        callback: StepCallback | None,
    ) -> NDArray[np.float32]:
        """(B,), (B,) -> (B, M, F) dB."""
        model, device = self.model, self.model.scale.mean.device
        y = torch.as_tensor(np.asarray(labels), dtype=torch.long, device=device)
        names = [self.labels.names[int(k)] for k in labels] if sampling.streams == "species" else None
        streams = Streams((int(s) for s in seeds), device, names)
        # The level is drawn first, so that the number of draws of a sampler does not change it.
        loudness = streams.normal(())
        noise = streams.normal(model.noise_shape)
        if model.way == "decode":
            units = model.decode(noise, y)
        else:
            denoise = self._denoise(y, loudness, sampling, guide)
            levels = levels_for(sampling.sampler, sampling.steps)
            units = SAMPLERS[sampling.sampler](denoise, noise, levels, streams, callback)
        return model.scale.to_db(units, y, loudness)[:, 0].float().cpu().numpy()

    def _denoise(self, y: Tensor, loudness: Tensor, sampling: Sampling, guide: Predictor | None) -> Denoise:
        sigma_data = float(self.run.info.setting("diffusion", "sigma_data"))
        labelled = precondition(self.model, sigma_data)
        weight, null = sampling.guidance, self.model.n_classes
        denoise = guidance.classifier_free(labelled, y, null, weight, sampling.interval)
        if sampling.classifier_scale <= 0:
            return denoise
        if guide is None:
            raise SettingsError("classifier guidance without a classifier", "name one: --guide RUN")
        return guidance.classifier_guided(
            denoise, self._log_prob(guide, y, loudness), sampling.classifier_scale, sigma_data
        )

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
