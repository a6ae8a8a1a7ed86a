"""Names of species to spectrograms: a trained generator of any kind, asked for samples.

    generator = SpectrogramGenerator.load(run)
    logmels = generator.sample(labels, seeds, Sampling(steps=18, guidance=1.5))  # (N, M, F) dB

Every sample has its own stream of random numbers: the same seed gives the same sample whatever else is in the
batch. What comes out is in the spec's own units: it can be vocoded, scored or trained on as a clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.types import Labels
from finback.features.frontends import front_end_class
from finback.generation.diffusion import guidance
from finback.generation.diffusion.contract import StepCallback
from finback.generation.diffusion.samplers import SAMPLERS, levels_for
from finback.generation.diffusion.seeds import Streams
from finback.models.devices import tune_allocator
from finback.models.load import load_model
from finback.models.networks.generator import Generator
from finback.models.networks.preconditioning import precondition
from finback.models.predictor import Predictor

BATCH = 16  # samples at a time


@dataclass(frozen=True)
class Sampling:
    """How a diffusion model is sampled; a generator that decodes in one go heeds none of it."""

    sampler: str = "dpmpp-3m"  # nearest to 1000 steps at 18, and half the evaluations of Heun
    steps: int = 18
    guidance: float = 1.5  # towards the species; 1 = none
    interval: tuple[float, float] = (0.0, float("inf"))  # noise levels at which guidance is on
    classifier_scale: float = 0.0  # how strongly a classifier pulls towards the species; 0 = not

    def __post_init__(self) -> None:
        levels_for(self.sampler, self.steps)  # refuses what there is not
        if self.guidance < 0:
            raise SettingsError(f"guidance {self.guidance:g}: below 0", "1 is none, 1.5 to 3 is usual")


class SpectrogramGenerator:
    """A trained generator that makes spectrograms of the species it knows."""

    def __init__(self, model: Generator, labels: Labels, run: RunFolder) -> None:
        self.model = model
        self.labels = labels
        self.run = run
        self.spec = model.spec

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> SpectrogramGenerator:
        """The generator of a run. Raises `RunError` if the folder holds none, or an unfinished one."""
        tune_allocator()
        model, run = load_model(path, "generator", device)
        return cls(model, Labels(run.info.labels), run)

    @torch.no_grad()
    def sample(
        self,
        labels: Sequence[int] | np.ndarray,
        seeds: Sequence[int] | np.ndarray,
        sampling: Sampling | None = None,
        judge: Predictor | None = None,
        progress: Progress = no_progress,
        callback: StepCallback | None = None,
    ) -> np.ndarray:
        """(N, M, F) float32 dB: for each class id and seed one log-mel.

        `judge` guides if `sampling.classifier_scale` is above 0; it must know these species and features.
        `callback` sees every step (`diffusion/contract.py`), in the units of the model's `scale`.
        """
        sampling = sampling or Sampling()
        starts = range(0, len(labels), BATCH)
        made = [
            self._batch(labels[i : i + BATCH], seeds[i : i + BATCH], sampling, judge, callback)
            for i in progress(starts, "generating", len(starts))
        ]
        nothing = np.zeros((0, self.spec.n_mels, self.spec.n_frames), dtype=np.float32)
        return np.concatenate([nothing, *made])

    def _batch(
        self,
        labels: Sequence[int] | np.ndarray,
        seeds: Sequence[int] | np.ndarray,
        sampling: Sampling,
        judge: Predictor | None,
        callback: StepCallback | None,
    ) -> np.ndarray:
        model, device = self.model, self.model.scale.mean.device
        y = torch.as_tensor(np.asarray(labels), dtype=torch.long, device=device)
        streams = Streams((int(s) for s in seeds), device)
        loudness = streams.normal(())  # first, so that the sampler may draw as often as it likes
        noise = streams.normal(model.noise_shape)
        if model.way == "decode":
            units = model.decode(noise, y)
        else:
            denoise = self._denoise(y, loudness, sampling, judge)
            levels = levels_for(sampling.sampler, sampling.steps)
            units = SAMPLERS[sampling.sampler](denoise, noise, levels, streams, callback)
        out: np.ndarray = model.scale.to_db(units, y, loudness)[:, 0].float().cpu().numpy()
        return out

    def _denoise(
        self, y: Tensor, loudness: Tensor, sampling: Sampling, judge: Predictor | None
    ) -> guidance.Denoise:
        sigma_data = float(self.run.info.setting("diffusion", "sigma_data"))
        labelled = precondition(self.model, sigma_data)
        weight, null = sampling.guidance, self.model.n_classes
        denoise = guidance.classifier_free(labelled, y, null, weight, sampling.interval)
        if sampling.classifier_scale <= 0:
            return denoise
        if judge is None:
            raise SettingsError("classifier guidance without a classifier", "name one: --judge RUN")
        return guidance.classifier_guided(
            denoise, self._log_prob(judge, y, loudness), sampling.classifier_scale, sigma_data
        )

    def _log_prob(self, judge: Predictor, y: Tensor, loudness: Tensor) -> Callable[[Tensor], Tensor]:
        """log p(species | x) by every classifier of the judge, averaged, for x in units of the scale."""
        if judge.spec.fingerprint != self.spec.fingerprint or any(
            not front_end_class(leaf.model.input).is_spectrogram for leaf in judge.root.leaves
        ):
            raise SpecMismatchError(
                "the guiding classifier hears other features than the generator makes",
                "train one that hears log-mels with the same settings: finback train cnn2d",
            )
        wanted = torch.tensor([judge.labels.index(self.labels.names[int(i)]) for i in y], device=y.device)

        def log_prob(x: Tensor) -> Tensor:
            db = self.model.scale.to_db(x, y, loudness)
            found: list[Any] = [
                torch.log_softmax(leaf.model(db) / leaf.temperature, dim=1) for leaf in judge.root.leaves
            ]
            return torch.stack(found).mean(dim=0).gather(1, wanted[:, None])[:, 0]

        return log_prob
