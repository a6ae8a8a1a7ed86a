"""A generator and a vocoder: species and seeds to spectrograms and sound.

    synthesizer = Synthesizer(SynthesisConfig("runs/diffusion"))
    k = species_id(synthesizer.labels, "ross seal")
    logmels, waves = synthesizer.sample([(k, 0), (k, 1)])  # (2, M, F) dB and (2, T')

A `Synthesizer` writes no file; `finback.generation.generate` and `finback.generation.fill_rare` do.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError
from finback.core.run_files import HELD_OUT, SPLIT_TABLE, WEIGHTS
from finback.core.split_table import SplitRow, read_held_out, read_rows
from finback.core.types import Labels
from finback.data.manifest import ModelProvenance
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.sample_folder import Row, safe_names
from finback.generation.vocoders.inversion import METHODS, to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.models import pretrained
from finback.models.predictor import Predictor


@dataclass(frozen=True)
class SynthesisConfig:
    """Models and settings of a `Synthesizer`. A model is a run folder or the name of a bundled model."""

    generator: str
    sampling: Sampling = field(default_factory=Sampling)
    vocoder: str = "auto"  # the bundled vocoder if it has these features, else fast Griffin-Lim
    guide: str = ""  # the classifier of classifier guidance
    device: str = "auto"


class Synthesizer:
    """A loaded generator and vocoder. Raises `RunError` for a model that is not there or not trained."""

    def __init__(self, config: SynthesisConfig) -> None:
        path = pretrained.resolve(config.generator, "generator")
        self.config = config
        self.generator = SpectrogramGenerator.load(path, config.device)
        self.labels, self.spec, self.run = self.generator.labels, self.generator.spec, self.generator.run
        self.vocoder = Vocoder.load(config.vocoder, self.spec, config.device)
        self.guide = None
        if config.sampling.classifier_scale > 0 and config.guide:
            self.guide = Predictor.load(pretrained.resolve(config.guide, "classifier"), config.device)
        self.id = fingerprint(path)
        self.names = safe_names(self.labels.names)

    def __repr__(self) -> str:
        return f"Synthesizer({self.generator!r}, vocoder {self.vocoder.name})"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all clips of one folder must share, as plain values."""
        uses_steps = self.generator.model.way == "denoise"
        sampling = asdict(self.config.sampling) if uses_steps else {}
        if uses_steps:
            # JSON has no infinity.
            sampling["interval"] = [None if np.isinf(s) else s for s in self.config.sampling.interval]
        guide = fingerprint(pretrained.resolve(self.config.guide, "classifier")) if self.guide else None
        features = self.spec.fingerprint
        return {
            **{"generator": self.id, "vocoder": self.vocoder_id, "features": features, "guide": guide},
            **sampling,
        }

    @property
    def vocoder_id(self) -> str:
        """The name of an inversion method, or a hash of a trained vocoder, wherever its folder lies."""
        path = _vocoder_run(self.vocoder.name)
        return f"vocoder:{fingerprint(path)}" if path else self.vocoder.name

    @property
    def about(self) -> dict[str, Any]:
        """Properties of the generator's run for readers of the folder; no code depends on them."""
        keys = ("family", "labels", "data_fingerprint", "source", "licence", "citation", "finback")
        return {"run": self.config.generator, **self.run.info.only(*keys)}

    @property
    def trained_species(self) -> set[str]:
        """Species with clips in the generator's training set; empty where its run does not list them."""
        return {row.species for row in _training_rows(self.run.path)}

    @property
    def provenance(self) -> list[ModelProvenance]:
        """The models that make these clips, each with the recordings it was trained on."""
        models = [provenance_of("generator", self.config.generator, self.run.path)]
        if path := _vocoder_run(self.vocoder.name):
            models.append(provenance_of("vocoder", self.vocoder.name, path))
        if self.guide:
            path = pretrained.resolve(self.config.guide, "classifier")
            models.append(provenance_of("classifier", self.config.guide, path))
        return models

    def name(self, label: int, seed: int) -> str:
        """The file name of a sample, without suffix."""
        return f"{self.names[label]}-{seed:06d}"

    def sample(self, wanted: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """N (class id, seed) pairs -> log-mels (N, M, F) in dB and waves (N, T') within -1 to 1.

        A wave has the level of its log-mel, or a lower one where it would clip.
        """
        labels, seeds = [k for k, _ in wanted], [s for _, s in wanted]
        logmels = self.generator.sample(labels, seeds, self.config.sampling, self.guide)
        # One by one: an iterative method must not depend on the rounding of the other waves of its batch.
        return logmels, np.concatenate([to_waves(x[None], self.vocoder) for x in logmels])

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
        }


def species_id(labels: Labels, text: str) -> int:
    """The class id of a species as a person types it: any case, any spaces, the whole name or a part.

    "beluga" is "Beluga, White Whale" if no other species has that name. Raises `InputError` with the nearest
    name.
    """

    def plain(name: str) -> str:
        return "".join(c for c in name.casefold() if c.isalnum())

    whole = {plain(name): k for k, name in enumerate(labels.names)}
    if plain(text) in whole:
        return whole[plain(text)]
    parts = [k for k, name in enumerate(labels.names) if plain(text) in map(plain, name.split(","))]
    if len(parts) == 1:
        return parts[0]
    near = difflib.get_close_matches(plain(text), whole, n=1, cutoff=0.5)
    repair = (
        f"did you mean '{labels.names[whole[near[0]]]}'?"
        if near
        else "known species: " + ", ".join(labels.names)
    )
    raise InputError(f"unknown species '{text}'", repair)


def fingerprint(run: Path) -> str:
    """12 hex digits of the weights of a run, its folds and its members: the same wherever the folder lies."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(run.rglob(WEIGHTS)):
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def provenance_of(role: str, name: str, run: Path) -> ModelProvenance:
    """A model and the recordings it was trained on, from the tables of its run folder.

    `role` is generator, vocoder or classifier. A classifier's validation set counts too.
    """
    if role != "classifier":
        return ModelProvenance(role, name, frozenset(row.recording_id for row in _training_rows(run)))
    recordings = {
        row.recording_id
        for table in run.rglob(SPLIT_TABLE)  # of folds and members too
        for row in read_rows(table)
        if row.subset in ("train", "validation")
    }
    return ModelProvenance(role, name, frozenset(recordings))


def _training_rows(run: Path) -> list[SplitRow]:
    """Rows of the training clips of a generator or vocoder; none where the run does not list them."""
    if (run / HELD_OUT).exists():
        rows = read_held_out(run / HELD_OUT)
    else:
        rows = read_rows(run / SPLIT_TABLE) if (run / SPLIT_TABLE).exists() else []
    return [row for row in rows if row.subset == "train"]


def _vocoder_run(name: str) -> Path | None:
    """The run folder of a trained vocoder; None for a method without training."""
    return None if name in METHODS else pretrained.resolve(name, "vocoder")
