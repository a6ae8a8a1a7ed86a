"""A generator and a vocoder under one roof: species and seeds in; spectrograms, sound and facts out.

    synthesizer = Synthesizer(SynthesisConfig("runs/diffusion"))
    k = species_id(synthesizer.labels, "ross seal")
    logmels, waves = synthesizer.sample([(k, 0), (k, 1)])

Nothing is written here; `finback.generation.generate` and `finback.generation.fill_rare` do that.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.errors import InputError
from finback.core.run_files import HELD_OUT, SPLIT_TABLE, WEIGHTS
from finback.core.types import Labels
from finback.data.manifest import ModelProvenance
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.sample_folder import Row, safe_names
from finback.generation.vocoders.inversion import METHODS
from finback.generation.vocoders.vocode import to_waves, vocoder
from finback.models import pretrained as shipped
from finback.models.predictor import Predictor


@dataclass(frozen=True)
class SynthesisConfig:
    """What turns species and seeds into sound. Models are run folders or names of those that come along."""

    generator: str
    sampling: Sampling = field(default_factory=Sampling)
    vocoder: str = "auto"  # the one that comes along, if it is for these features; else fast Griffin-Lim
    guide: str = ""  # the classifier of `sampling.classifier_scale`
    device: str = "auto"


class Synthesizer:
    """A generator and a vocoder, loaded: species and seeds in, spectrograms, sound and facts out."""

    def __init__(self, config: SynthesisConfig) -> None:
        path = shipped.resolve(config.generator, "generator")
        self.config = config
        self.generator = SpectrogramGenerator.load(path, config.device)
        self.labels, self.spec, self.run = self.generator.labels, self.generator.spec, self.generator.run
        self.vocoder = vocoder(config.vocoder, self.spec, config.device)
        self.guide = None
        if config.sampling.classifier_scale > 0 and config.guide:
            self.guide = Predictor.load(shipped.resolve(config.guide, "classifier"), config.device)
        self.id = fingerprint(path)
        self.names = safe_names(self.labels.names)

    @property
    def settings(self) -> dict[str, Any]:
        """What two clips of one folder must have in common."""
        sampled = self.generator.model.way == "denoise"
        sampling = asdict(self.config.sampling) if sampled else {}
        if sampled:
            # JSON has no infinity.
            sampling["interval"] = [None if np.isinf(s) else s for s in self.config.sampling.interval]
        guide = fingerprint(shipped.resolve(self.config.guide, "classifier")) if self.guide else None
        features = self.spec.fingerprint
        return {
            **{"generator": self.id, "vocoder": self.vocoder_id, "features": features, "guide": guide},
            **sampling,
        }

    @property
    def vocoder_id(self) -> str:
        """The name of a method; of a trained vocoder, what it is wherever it lies."""
        path = _vocoder_run(self.vocoder.name)
        return f"vocoder:{fingerprint(path)}" if path else self.vocoder.name

    @property
    def about(self) -> dict[str, Any]:
        """What a reader of the folder wants to know; nothing depends on it."""
        told = ("family", "labels", "data_fingerprint", "source", "licence", "citation", "finback")
        return {"run": self.config.generator, **self.run.info.only(*told)}

    @property
    def heard(self) -> set[str]:
        """Species of the clips that the generator learnt from; empty where its run does not tell."""
        return {row["species"] for row in _learnt_rows(self.run.path)}

    @property
    def provenance(self) -> list[ModelProvenance]:
        """The models with a part in these clips, and what they learnt from."""
        found = [provenance_of("generator", self.config.generator, self.run.path)]
        if path := _vocoder_run(self.vocoder.name):
            found.append(provenance_of("vocoder", self.vocoder.name, path))
        if self.guide:
            path = shipped.resolve(self.config.guide, "classifier")
            found.append(provenance_of("classifier", self.config.guide, path))
        return found

    def name(self, label: int, seed: int) -> str:
        """The file name, without suffix, of a sample."""
        return f"{self.names[label]}-{seed:06d}"

    def sample(self, wanted: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """(class id, seed) pairs -> log-mels (N, M, F) dB, waves (N, T') as loud as those say, within 1."""
        labels, seeds = [k for k, _ in wanted], [s for _, s in wanted]
        logmels = self.generator.sample(labels, seeds, self.config.sampling, self.guide)
        # One by one: a wave that is found in rounds must not depend on its neighbours' rounding.
        return logmels, np.concatenate([to_waves(x[None], self.vocoder) for x in logmels])

    def row(self, label: int, seed: int) -> Row:
        """The manifest's facts of a sample."""
        s, sampled = self.config.sampling, self.generator.model.way == "denoise"
        how = {"sampler": s.sampler, "steps": s.steps, "guidance": s.guidance} if sampled else {}
        return {
            "species": self.labels.names[label],
            "group": f"synthetic:{self.id}",
            "seed": seed,
            "generator": f"{self.run.info.family}:{self.id}",
            "vocoder": self.vocoder_id,
            "licence": self.run.info.licence,
            **how,
        }


def species_id(labels: Labels, text: str) -> int:
    """The class id of a species as typed: in any case, with any spaces, whole or one of its names.

    "beluga" is "Beluga, White Whale" where no other species has that name. Raises `InputError` that names the
    nearest.
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
        f"did you mean '{labels.names[whole[near[0]]]}'?" if near else "it knows: " + ", ".join(labels.names)
    )
    raise InputError(f"unknown species '{text}'", repair)


def fingerprint(run: Path) -> str:
    """12 hex digits of a run's facts and weights: the same wherever the folder lies."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(run.rglob(WEIGHTS)):
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def provenance_of(role: str, name: str, run: Path) -> ModelProvenance:
    """Who it is, and the recordings it learnt from, by the tables in its run folder."""
    if role != "classifier":
        return ModelProvenance(role, name, frozenset(row["recording_id"] for row in _learnt_rows(run)))
    heard = {
        row["recording_id"]
        for table in run.rglob(SPLIT_TABLE)  # of folds and members too
        for row in _rows(table)
        if row["side"] in ("train", "val")
    }
    return ModelProvenance(role, name, frozenset(heard))


def _learnt_rows(run: Path) -> list[dict[str, str]]:
    """Rows of what a generator or vocoder learnt from; none where the run does not tell."""
    if (run / HELD_OUT).exists():
        return [row for row in _rows(run / HELD_OUT) if row["side"] == "set_aside"]
    return (
        [row for row in _rows(run / SPLIT_TABLE) if row["side"] == "train"]
        if (run / SPLIT_TABLE).exists()
        else []
    )


def _rows(table: Path) -> list[dict[str, str]]:
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _vocoder_run(name: str) -> Path | None:
    return None if name in METHODS else shipped.resolve(name, "vocoder")
