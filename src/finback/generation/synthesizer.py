"""A generator and a vocoder: species and seeds to spectrograms and sound.

    synthesizer = Synthesizer(SynthesisConfig("runs/diffusion"))
    k = species_id(synthesizer.labels, "ross seal")
    logmels, waves = synthesizer.sample([(k, 0), (k, 1)])  # (2, M, F) dB and (2, T')

A `Synthesizer` writes no file; `finback.generation.generate` and `finback.generation.fill_rare` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.audio.pcm import as_written
from finback.audio.samples import ArraySamples
from finback.core.runs.folder import RunFolder
from finback.core.runs.trained_on import TrainedOn, trained_on
from finback.data.manifest import ModelProvenance
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.originals import Original, read_original
from finback.generation.sample_folder import Row
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.models.predictor import Predictor


@dataclass(frozen=True)
class SynthesisConfig:
    """Models and settings of a `Synthesizer`. A model is a run folder or the name of a bundled model."""

    generator: str
    sampling: Sampling = field(default_factory=Sampling)
    # "auto": none for a generator that makes waves; else the bundled vocoder if it has these features; else
    # components
    vocoder: str = "auto"
    guide: str = ""  # the classifier of classifier guidance
    device: str = "auto"
    original: Original | None = None  # the real clip to vary; None: new samples


class Synthesizer:
    """A loaded generator and vocoder. Raises `RunError` for a model that is not there or not trained."""

    def __init__(self, config: SynthesisConfig) -> None:
        self.config = config
        self.generator = SpectrogramGenerator.load(config.generator, config.device)
        self.labels, self.spec, self.run = self.generator.labels, self.generator.spec, self.generator.run
        self._extractor = Extractor(self.spec, "logmel")
        self.vocoder: Vocoder | None = None
        if not (self.generator.makes_waves and config.vocoder == "auto"):
            self.vocoder = Vocoder.load(config.vocoder, self.spec, config.device)
        self.guide = None
        if config.sampling.classifier_scale > 0 and config.guide:
            self.guide = Predictor.load(config.guide, config.device)
        self.id = self.run.fingerprint()
        if config.sampling.tape:
            self.generator.tape_number(config.sampling.tape)
        self.original = None
        if config.original is not None:
            self.generator.require_steps()
            self.original = read_original(config.original, self.spec)

    def __repr__(self) -> str:
        return f"Synthesizer({self.generator!r}, vocoder {self.vocoder_id})"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all clips of one folder must share, as plain values."""
        uses_steps = self.generator.model.way == "denoise"
        sampling = asdict(self.config.sampling) if uses_steps else {}
        if uses_steps:
            # JSON has no infinity.
            sampling["interval"] = [None if np.isinf(s) else s for s in self.config.sampling.interval]
        guide = self.guide.run.fingerprint() if self.guide and self.guide.run else None
        features = self.spec.fingerprint
        return {
            **{"generator": self.id, "vocoder": self.vocoder_id, "features": features, "guide": guide},
            "streams": self.config.sampling.streams,
            **({"tape": self.config.sampling.tape} if self.generator.makes_waves else {}),
            **sampling,
            **(self.original.settings if self.original else {}),
        }

    @property
    def makes_waves(self) -> bool:
        """Whether the generator makes the waves, without a vocoder."""
        return self.vocoder is None

    @property
    def vocoder_id(self) -> str:
        """The name of an inversion method, or a hash of a trained vocoder, wherever its folder lies.

        "none" where the generator makes the waves.
        """
        if self.vocoder is None:
            return "none"
        run = self.vocoder.run
        return f"vocoder:{run.fingerprint()}" if run else self.vocoder.name

    @property
    def about(self) -> dict[str, Any]:
        """Properties of the generator's run for readers of the folder; no code depends on them."""
        keys = ("family", "labels", "data_fingerprint", "source", "licence", "citation", "finback")
        known = {name: asdict(own) for name, own in self.trained_on.items()}
        return {"run": self.config.generator, **self.run.info.only(*keys), "learnt_from": known}

    @property
    def trained_species(self) -> set[str]:
        """Species with clips in the generator's training set; empty where its run does not list them."""
        return set(self.trained_on)

    @cached_property
    def trained_on(self) -> dict[str, TrainedOn]:
        """The clips and groups of each species in the generator's training set."""
        return trained_on(self.run)

    @property
    def provenance(self) -> list[ModelProvenance]:
        """The models that make these clips, each with the recordings it was trained on."""
        models = [provenance_of("generator", self.config.generator, self.run)]
        if self.vocoder and self.vocoder.run:
            models.append(provenance_of("vocoder", self.vocoder.name, self.vocoder.run))
        if self.guide and self.guide.run:
            models.append(provenance_of("classifier", self.config.guide, self.guide.run))
        if self.original:
            models.append(self.original.provenance)
        return models

    def sample(self, wanted: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """N (class id, seed) pairs -> log-mels (N, M, F) in dB and waves (N, T') within -1 to 1.

        A wave has the level of its generated spectrogram, or a lower one where it would clip. The log-mels
        are those of the waves as 16-bit files, as every reader of the files computes them. They differ from
        the generated spectrograms by what the vocoder changes.
        """
        labels, seeds = [k for k, _ in wanted], [s for _, s in wanted]
        if self.vocoder is None:
            waves = self.generator.sample_waves(labels, seeds, tape=self.config.sampling.tape)
            return np.stack([self.logmel_of_file(wave) for wave in waves]), waves
        if self.original:
            x = np.repeat(self.original.logmel[None], len(labels), axis=0)
            frames, strength = [self.original.frames] * len(labels), self.original.strength
            generated = self.generator.vary(x, frames, labels, seeds, strength, self.config.sampling)
        else:
            generated = self.generator.sample(labels, seeds, self.config.sampling, self.guide)
        # One by one: an iterative method must not depend on the rounding of the other waves of its batch.
        waves = np.concatenate([to_waves(x[None], self.vocoder) for x in generated])
        return np.stack([self.logmel_of_file(wave) for wave in waves]), waves

    def logmel_of_file(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T',) within -1 to 1 -> (M, F) dB of the 16-bit file of this wave, read as any recording."""
        samples = ArraySamples(as_written(wave), self.spec.sample_rate)
        return next(self._extractor.frame(samples, None, 0, len(wave))).features[0]

    def row(self, label: int, seed: int) -> Row:
        """The columns of a sample in manifest.csv that the synthesizer knows."""
        s, uses_steps = self.config.sampling, self.generator.model.way == "denoise"
        sampling = {"sampler": s.sampler, "steps": s.steps, "guidance": s.guidance} if uses_steps else {}
        return {
            "species": self.labels.names[label],
            "group": f"synthetic:{self.id}",
            "seed": seed,
            "generator": f"{self.run.info.family}:{self.id}",
            "vocoder": self.vocoder_id,
            "licence": self.run.info.licence,
            **sampling,
            **({"parents": self.original.file} if self.original else {}),
        }


def provenance_of(role: str, name: str, run: RunFolder) -> ModelProvenance:
    """A model and the recordings it was trained on, from the tables of its run folder.

    `role` is generator, vocoder or classifier. A classifier's validation set counts too.
    """
    return ModelProvenance(role, name, run.training_recordings(include_validation=role == "classifier"))
