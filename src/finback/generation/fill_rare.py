"""Fill up rare species with generated clips that passed every check of the quality gate (`quality_gate`).

    config = SynthesisConfig("runs/diffusion")
    report = fill_rare_species(config, dataset, "runs/classifier", FillPlan(target=60), out)

Only real clips of the training set count, on the split that the generator was trained on (or another, given
as `FillPlan.split`); the gate takes its thresholds from the same clips. Samples are generated until real and
accepted clips together number `target`. For each requested clip at most `max_attempts` samples are generated;
the report names every species that is not full then.

`attempts.csv` has a row for each attempt, so that an interrupted run continues where it stopped.
`synthesis.json` counts the rejected samples by reason. The other files are those of
`finback.generation.generate`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.audio.io import open_recording, write
from finback.core.errors import RunError, SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.settings import build
from finback.core.storage.csv_files import read_csv, whole_number, write_csv
from finback.core.storage.files import RESTORE, write_json
from finback.core.storage.locks import only_writer
from finback.core.types import Clip, Labels, Split
from finback.data.dataset import Dataset, require_dataset
from finback.data.provenance import refuse_leaks, refuse_synthetic
from finback.data.rare import RareSettings
from finback.data.splits.split import SplitSettings
from finback.generation.calls.files import keep_parameters, save_truth
from finback.generation.generate import save_grid
from finback.generation.generator import BATCH
from finback.generation.quality_gate import ACCEPTED, REASONS, GateResult, QualityGate
from finback.generation.sample_folder import Row, SampleFolder
from finback.generation.species import species_id
from finback.generation.synthesizer import SynthesisConfig, Synthesizer, provenance_of
from finback.models.load import open_run
from finback.models.predictor import Predictor

ATTEMPTS, REPORT = "attempts.csv", "synthesis.json"
ATTEMPTS_OF_0_1 = "tries.csv"
COLUMNS = ("species", "seed", "outcome", "probability", "distance", "band_share", "parent")
UNCHECKED = ".unchecked"  # folder of samples that the gate has not checked yet


@dataclass(frozen=True)
class FillPlan:
    """How many clips each species shall have, and how many attempts are made."""

    target: int = 60  # clips of a species, real and accepted together
    species: tuple[str, ...] = ()  # none: all of the training set
    max_attempts: int = 5  # samples generated for each requested clip
    min_probability: float = 0.0  # of the wanted species, by the reference classifier
    seed: int = 0
    split: SplitSettings | None = None  # None: that of the generator's run


@dataclass
class SpeciesState:
    """One species while it is filled up. `attempts`: the gate's result for each seed."""

    name: str
    label: int  # the generator's class id
    real: int  # clips in the training set
    requested: int
    attempts: dict[int, GateResult] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[str]:
        """Number of attempts by outcome."""
        return Counter(result.outcome for result in self.attempts.values())

    @property
    def accepted(self) -> int:
        """Number of accepted samples."""
        return self.outcomes[ACCEPTED]

    def next_seeds(self, plan: FillPlan) -> list[int]:
        """The seeds of the next batch; none when the species is full or has no attempts left."""
        missing = self.requested - self.accepted
        left = plan.max_attempts * self.requested - len(self.attempts)
        n = max(0, min(BATCH, left, missing + missing // 2)) if missing > 0 else 0
        first = max(self.attempts, default=plan.seed - 1) + 1
        return list(range(first, first + n))

    def to_json(self) -> dict[str, Any]:
        """Plain values; docs/json.md documents the keys."""
        tally, n = self.outcomes, len(self.attempts)
        return {
            **{"real": self.real, "requested": self.requested, "accepted": self.accepted, "attempts": n},
            "rejected": {reason: tally[reason] for reason in REASONS if tally[reason]},
            "rejected_share": round((n - self.accepted) / n, 4) if n else None,
        }


@dataclass(frozen=True, repr=False)
class FillReport:
    """The final state of each species, and the reason for each that is not full."""

    folder: Path
    species: dict[str, SpeciesState]
    unfilled: dict[str, str]

    def __repr__(self) -> str:
        n = sum(s.accepted for s in self.species.values())
        counts = f"{n} clips of {len(self.species)} species"
        return f"FillReport({counts} in {self.folder}, {len(self.unfilled)} not full)"

    def to_json(self) -> dict[str, Any]:
        """Plain values; docs/json.md documents the keys."""
        tally = sum((s.outcomes for s in self.species.values()), Counter[str]())
        n = tally.total()
        return {
            "accepted": tally[ACCEPTED],
            "attempts": n,
            "rejected": {reason: tally[reason] for reason in REASONS},
            "rejected_share": round((n - tally[ACCEPTED]) / n, 4) if n else None,
            "species": {name: s.to_json() for name, s in self.species.items()},
            "unfilled": self.unfilled,
        }


def fill_rare_species(
    config: SynthesisConfig,
    dataset: Dataset,
    classifier: str,
    plan: FillPlan,
    out: Path,
    progress: Progress = no_progress,
) -> FillReport:
    """Fill up the training set of `dataset`, which was prepared with `rare_policy(config)`. See the module.

    `classifier`: the run folder of the reference classifier, or the name of a bundled one. Raises `LeakError`
    when generator, vocoder or classifier were trained on groups of the test set, `InputError` for
    unknown species, `RunError` when `out` holds clips with other settings.
    """
    require_dataset(dataset, "fill_rare_species")
    refuse_synthetic(dataset.clips, "filling up")
    synthesizer = Synthesizer(config)
    run = open_run(classifier, "classifier")
    predictor = Predictor.load(run.path, config.device)
    split, split_settings = _split(synthesizer, dataset, plan)
    provenance = [*synthesizer.provenance, provenance_of("classifier", classifier, run)]
    refuse_leaks(split, provenance)
    species, unfilled = _species(synthesizer, predictor, split.train, plan)
    settings = {
        **synthesizer.settings,
        "reference_classifier": run.fingerprint(),
        "min_probability": plan.min_probability,
        "seed": plan.seed,
        "data": dataset.fingerprint,
        "split": split_settings.model_dump(mode="json"),
    }
    with only_writer(out):
        samples = SampleFolder.open(out, settings, synthesizer.about, provenance)
        _load_attempts(out, species, samples)
        if any(s.next_seeds(plan) for s in species.values()):
            gate = QualityGate(synthesizer, split.train, dataset, predictor, progress)
            total = sum(max(0, s.requested - s.accepted) for s in species.values())
            for _ in progress(_fill(synthesizer, gate, samples, species, plan), "filling up", total):
                pass
        samples.finish()
        if synthesizer.makes_waves:
            save_truth(samples)
        shutil.rmtree(out / UNCHECKED, ignore_errors=True)
        save_grid(samples, synthesizer.spec)
        report = FillReport(out, species, dict(sorted((unfilled | _not_full(species)).items())))
        write_json(out / REPORT, report.to_json())
    return report


def _not_full(species: dict[str, SpeciesState]) -> dict[str, str]:
    """The species that are not full, each with the reason."""
    return {
        name: f"only {s.accepted} of the {s.requested} requested clips were accepted after "
        f"{len(s.attempts)} attempts"
        for name, s in species.items()
        if s.accepted < s.requested
    }


def rare_policy(config: SynthesisConfig) -> RareSettings:
    """The policy for rare species that the generator was trained with."""
    run = open_run(config.generator, "generator")
    return build(RareSettings, run.info.settings["rare"])


def _split(synthesizer: Synthesizer, dataset: Dataset, plan: FillPlan) -> tuple[Split, SplitSettings]:
    """The split of the plan, or else of the generator's run, which its settings give again."""
    if dataset.rare != rare_policy(synthesizer.config):
        raise SettingsError(
            f"{synthesizer.config.generator}: trained with another policy for rare species than these clips",
            "prepare the clips with finback.generation.fill_rare.rare_policy",
        )
    split = plan.split or build(SplitSettings, synthesizer.run.info.settings["split"])
    return dataset.make_splits(split)[0].split, split


def _species(
    synthesizer: Synthesizer, classifier: Predictor, real: tuple[Clip, ...], plan: FillPlan
) -> tuple[dict[str, SpeciesState], dict[str, str]]:
    """The species to fill up, and those that cannot be filled up with the reason."""
    labels = Labels.of(real)
    names = [labels.names[species_id(labels, name)] for name in plan.species] or list(labels.names)
    trained = synthesizer.trained_species
    species: dict[str, SpeciesState] = {}
    impossible: dict[str, str] = {}
    for name in dict.fromkeys(names):
        n = sum(c.label == name for c in real)
        if n >= plan.target:
            continue
        if name not in synthesizer.labels or (trained and name not in trained):
            impossible[name] = "the generator was trained on no clip of this species"
        elif name not in classifier.labels:
            impossible[name] = "the reference classifier does not know this species"
        else:
            species[name] = SpeciesState(name, synthesizer.labels.index(name), n, plan.target - n)
    return species, impossible


def _fill(
    synthesizer: Synthesizer,
    gate: QualityGate,
    samples: SampleFolder,
    species: dict[str, SpeciesState],
    plan: FillPlan,
) -> Iterator[str]:
    """Generate and check batch after batch; yields the name of each accepted clip."""
    rate = synthesizer.spec.sample_rate
    for s in species.values():
        while seeds := s.next_seeds(plan):
            logmels, waves = synthesizer.sample([(s.label, seed) for seed in seeds])
            paths = [samples.folder / UNCHECKED / f"{samples.name(s.name, seed)}.wav" for seed in seeds]
            clips = [_written(path, wave, rate) for path, wave in zip(paths, waves, strict=True)]
            results = gate(clips, s.label, plan.min_probability)
            for i, (seed, result) in enumerate(zip(seeds, results, strict=True)):
                if s.accepted == s.requested:
                    break  # the rest is not recorded, so that a later run with a higher target begins there
                s.attempts[seed] = result
                if result.outcome == ACCEPTED:
                    row = {**synthesizer.row(s.label, seed), **_columns(result)}
                    keep_parameters(samples, synthesizer, s.label, seed)
                    yield samples.add(row, logmels[i], waves[i], rate)
            _save_attempts(samples.folder / ATTEMPTS, species)


def _written(path: Path, wave: np.ndarray, rate: int) -> Clip:
    """The clip of a wave (n,) that was written to its own file."""
    write(path, wave, rate)
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def _columns(result: GateResult) -> Row:
    """The columns of an accepted clip in manifest.csv that the gate knows."""
    return {
        "parents": result.parent,
        "distance": round(result.distance, 4),
        "probability": round(result.probability, 4),
    }


def _save_attempts(path: Path, species: dict[str, SpeciesState]) -> None:
    """Write `attempts.csv`: a row for each attempt."""
    rows: list[list[object]] = []
    for name, s in species.items():
        for seed, r in sorted(s.attempts.items()):
            share = None if r.band_share is None else round(r.band_share, 4)
            rows.append(
                [name, seed, r.outcome, round(r.probability, 4), round(r.distance, 4), share, r.parent]
            )
    write_csv(path, COLUMNS, rows)


def _load_attempts(folder: Path, species: dict[str, SpeciesState], samples: SampleFolder) -> None:
    """Add earlier attempts to the species' states. An accepted clip counts only while its file is there."""
    path = next((p for p in (folder / ATTEMPTS, folder / ATTEMPTS_OF_0_1) if p.exists()), None)
    rows = [] if path is None else read_csv(path, COLUMNS)
    for number, row in enumerate(rows, start=2):
        try:
            p, distance, share = (float(row[k] or "nan") for k in ("probability", "distance", "band_share"))
            s, seed = species.get(row["species"]), whole_number(row["seed"])
        except ValueError as error:
            raise RunError(f"{path}: row {number} is damaged ({error})", RESTORE) from None
        outcome = ACCEPTED if row["outcome"] == "kept" else row["outcome"]  # "kept" in version 0.1.0
        if s is not None and (outcome != ACCEPTED or samples.has(s.name, seed)):
            share_or_none = share if row["band_share"] else None
            s.attempts[seed] = GateResult(outcome, p, distance, share_or_none, row["parent"])
