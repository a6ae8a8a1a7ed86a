"""Rare species filled up with generated clips, each of which had to pass a gate (`synthesize.gate`).

    config = SynthesisConfig("runs/diffusion")
    report = fill_rare_species(config, dataset, "runs/classifier", FillPlan(target=60), out)

Counted are the real clips of the training side, on the split that the generator was trained on (or another,
given as `FillPlan.split`): only they are learnt from, and only they tell the gate what is usual.
Samples are made and those that pass are kept, up to `target` clips with the real ones. At most `tries` are
made for each clip that is wanted; a species that is not full then is named.

Every try stands in `tries.csv`, so that a run goes on where it stopped; `synthesis.json` says what was
refused, and why. Else the folder is as `finback.generation.generate` leaves it.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.audio.io import open_recording, write
from finback.core.errors import SettingsError
from finback.core.files import write_atomic, write_json
from finback.core.progress import Progress, no_progress
from finback.core.runs import RunFolder
from finback.core.settings import build
from finback.core.types import Clip, Labels, Split
from finback.data.dataset import Dataset, require_dataset
from finback.data.provenance import refuse_leaks, refuse_synthetic
from finback.data.rare import RareSettings
from finback.data.splits.split import SplitSettings
from finback.generation.generate import draw
from finback.generation.generator import BATCH
from finback.generation.quality_gate import KEPT, REASONS, GateResult, QualityGate
from finback.generation.sample_folder import Row, SampleFolder
from finback.generation.synthesizer import (
    SynthesisConfig,
    Synthesizer,
    fingerprint,
    provenance_of,
    species_id,
)
from finback.models import pretrained as shipped
from finback.models.predictor import Predictor

ATTEMPTS, REPORT = "tries.csv", "synthesis.json"
COLUMNS = ("species", "seed", "outcome", "probability", "distance", "band_share", "parent")
TRIED = ".tried"  # samples that the gate is hearing


@dataclass(frozen=True)
class FillPlan:
    """How far species are filled up, and how hard it is tried."""

    target: int = 60  # clips a species, real ones counted
    species: tuple[str, ...] = ()  # only these; none: all that there are
    tries: int = 5  # for each wanted clip
    min_probability: float = 0.0
    seed: int = 0
    split: SplitSettings | None = None  # None: that of the generator's run


@dataclass
class SpeciesState:
    """One species on its way. `tried` says what became of each seed."""

    name: str
    label: int  # the generator's class id
    real: int
    wanted: int
    tried: dict[int, GateResult] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(verdict.outcome for verdict in self.tried.values())

    @property
    def made(self) -> int:
        return self.outcomes[KEPT]

    def next(self, fill: FillPlan) -> list[int]:
        """The seeds to try next; none when it is full, or was tried often enough."""
        missing = self.wanted - self.made
        left = fill.tries * self.wanted - len(self.tried)
        n = max(0, min(BATCH, left, missing + missing // 2)) if missing > 0 else 0
        first = max(self.tried, default=fill.seed - 1) + 1
        return list(range(first, first + n))

    def as_json(self) -> dict[str, Any]:
        tally, tried = self.outcomes, len(self.tried)
        return {
            **{"real": self.real, "wanted": self.wanted, "made": self.made, "tried": tried},
            "rejected": {reason: tally[reason] for reason in REASONS if tally[reason]},
            "rejected_share": round((tried - self.made) / tried, 4) if tried else None,
        }


@dataclass(frozen=True)
class FillReport:
    """What a run of `synthesize` left: each species, and why some are not full."""

    folder: Path
    species: dict[str, SpeciesState]
    unfilled: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain values; the keys are told in docs/json.md."""
        every = sum((s.outcomes for s in self.species.values()), Counter[str]())
        tried = every.total()
        return {
            "made": every[KEPT],
            "tried": tried,
            "rejected": {reason: every[reason] for reason in REASONS},
            "rejected_share": round((tried - every[KEPT]) / tried, 4) if tried else None,
            "species": {name: s.as_json() for name, s in self.species.items()},
            "unfilled": self.unfilled,
        }


def fill_rare_species(
    config: SynthesisConfig,
    dataset: Dataset,
    judge: str,
    fill: FillPlan,
    out: Path,
    progress: Progress = no_progress,
) -> FillReport:
    """Fill up the training set of `dataset`, which was prepared with `rare_policy(config)`. See the module.

    Raises `LeakError` when the generator, vocoder or judge learnt from tapes that the split judges by,
    `InputError` for species that nobody knows, `RunError` when `out` holds clips of other settings.
    """
    require_dataset(dataset, "fill_rare_species")
    refuse_synthetic(dataset.clips, "filling up")
    synthesizer = Synthesizer(config)
    run = shipped.resolve(judge, "classifier")
    predictor = Predictor.load(run, config.device)
    real = _training_set(synthesizer, dataset, fill)
    provenance = [*synthesizer.provenance, provenance_of("classifier", judge, run)]
    refuse_leaks(real.split, provenance)
    species, unfilled = _species(synthesizer, predictor, real.clips, fill)
    told = {
        **synthesizer.settings,
        "judge": fingerprint(run),
        "min_probability": fill.min_probability,
        "seed": fill.seed,
        "data": dataset.fingerprint,
        "split": real.settings.model_dump(mode="json"),
    }
    samples = SampleFolder.open(out, told, synthesizer.about, provenance)
    _recall(out / ATTEMPTS, species, synthesizer, samples)
    if any(s.next(fill) for s in species.values()):
        gate = QualityGate(synthesizer, real.clips, dataset, predictor, progress)
        total = sum(max(0, s.wanted - s.made) for s in species.values())
        for _ in progress(_fill(synthesizer, gate, samples, species, fill), "filling up", total):
            pass
    samples.finish()
    shutil.rmtree(out / TRIED, ignore_errors=True)
    draw(samples, synthesizer.generator)
    for name, s in species.items():
        if s.made < s.wanted:
            unfilled[name] = f"{s.made} of {s.wanted} passed in {len(s.tried)} tries"
    filled = FillReport(out, species, dict(sorted(unfilled.items())))
    write_json(out / REPORT, filled.as_json())
    return filled


def rare_policy(config: SynthesisConfig) -> RareSettings:
    """The policy for rare species that the generator was trained with."""
    run = RunFolder.open(shipped.resolve(config.generator, "generator"))
    return build(RareSettings, run.info.settings["rare"])


@dataclass(frozen=True)
class TrainingSet:
    """The split in use, how it was asked for, and the real clips that are learnt from."""

    split: Split
    settings: SplitSettings

    @property
    def clips(self) -> tuple[Clip, ...]:
        return self.split.train


def _training_set(synthesizer: Synthesizer, dataset: Dataset, fill: FillPlan) -> TrainingSet:
    """The same data under the generator's settings are split as they were when it was trained."""
    if dataset.rare != rare_policy(synthesizer.config):
        raise SettingsError(
            f"{synthesizer.config.generator}: trained with another policy for rare species than these clips",
            "prepare the clips with finback.generation.fill_rare.rare_policy",
        )
    split = fill.split or build(SplitSettings, synthesizer.run.info.settings["split"])
    return TrainingSet(dataset.make_splits(split)[0].split, split)


def _species(
    synthesizer: Synthesizer, judge: Predictor, real: tuple[Clip, ...], fill: FillPlan
) -> tuple[dict[str, SpeciesState], dict[str, str]]:
    """Those to fill up, and those that cannot be, with the reason."""
    there = Labels.of(real)
    asked = [there.names[species_id(there, name)] for name in fill.species] or list(there.names)
    heard = synthesizer.heard
    species: dict[str, SpeciesState] = {}
    cannot: dict[str, str] = {}
    for name in dict.fromkeys(asked):
        n = sum(c.label == name for c in real)
        if n >= fill.target:
            continue
        if name not in synthesizer.labels or (heard and name not in heard):
            cannot[name] = "the generator learnt no clip of it"
        elif name not in judge.labels:
            cannot[name] = "the judge does not know it"
        else:
            species[name] = SpeciesState(name, synthesizer.labels.index(name), n, fill.target - n)
    return species, cannot


def _fill(
    synthesizer: Synthesizer,
    gate: QualityGate,
    samples: SampleFolder,
    species: dict[str, SpeciesState],
    fill: FillPlan,
) -> Iterator[str]:
    """Try batch after batch; yields the name of each clip that is kept."""
    for s in species.values():
        while seeds := s.next(fill):
            logmels, waves = synthesizer.sample([(s.label, seed) for seed in seeds])
            names = [synthesizer.name(s.label, seed) for seed in seeds]
            sounds = [
                _on_disk(samples.folder / TRIED / f"{n}.wav", w, synthesizer)
                for n, w in zip(names, waves, strict=True)
            ]
            verdicts = gate(sounds, s.label, fill.min_probability)
            for i, (seed, verdict) in enumerate(zip(seeds, verdicts, strict=True)):
                if s.made == s.wanted:
                    break  # as if the rest had not been made, so that a later run meets them in their turn
                s.tried[seed] = verdict
                if verdict.outcome == KEPT:
                    row = {**synthesizer.row(s.label, seed), **_facts(verdict)}
                    samples.add(names[i], row, logmels[i], waves[i], synthesizer.spec.sample_rate)
                    yield names[i]
            _note(samples.folder / ATTEMPTS, species)


def _on_disk(path: Path, wave: np.ndarray, synthesizer: Synthesizer) -> Clip:
    write(path, wave, synthesizer.spec.sample_rate)
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def _facts(verdict: GateResult) -> Row:
    """What the dataset says of a clip that was kept."""
    return {
        "parents": verdict.parent,
        "distance": round(verdict.distance, 4),
        "probability": round(verdict.probability, 4),
    }


def _note(path: Path, species: dict[str, SpeciesState]) -> None:
    """Write `tries.csv`: a row a try."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for name, s in species.items():
        for seed, v in sorted(s.tried.items()):
            share = "" if v.band_share is None else round(v.band_share, 4)
            table.writerow(
                [name, seed, v.outcome, round(v.probability, 4), round(v.distance, 4), share, v.parent]
            )
    write_atomic(path, text.getvalue())


def _recall(
    path: Path, species: dict[str, SpeciesState], synthesizer: Synthesizer, samples: SampleFolder
) -> None:
    """Earlier tries, as far as the clips that were kept are still there."""
    rows: list[dict[str, str]] = []
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    for row in rows:
        s, seed = species.get(row["species"]), int(row["seed"])
        if s is not None and (row["outcome"] != KEPT or samples.has(synthesizer.name(s.label, seed))):
            share = float(row["band_share"]) if row["band_share"] else None
            p, distance = float(row["probability"]), float(row["distance"])
            s.tried[seed] = GateResult(row["outcome"], p, distance, share, row["parent"])
