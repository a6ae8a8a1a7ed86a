"""Rare species filled up with generated clips, each of which had to pass a gate (`synthesize.gate`).

    filled = synthesize(Voice("runs/diffusion"), manifest, "runs/judge", Fill(upto=60), out)

Counted are the real clips of the training side, on the split that the generator was trained on (or another,
given as `Fill.split`): only they are learnt from, and only they tell the gate what is usual. Samples are made
and those that pass are kept, up to `upto` clips with the real ones. At most `tries` are made for each clip
that is wanted; a species that is not full then is named.

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
from finback.core.files import write_atomic, write_json
from finback.core.progress import Progress, no_progress
from finback.core.settings import build
from finback.core.types import Clip, Labels, Split
from finback.data.manifest import Manifest
from finback.data.provenance import refuse_leaks, refuse_synthetic
from finback.data.rare import RareSettings
from finback.data.splits.make import make_splits
from finback.data.splits.split import SplitSettings
from finback.generation.generate import draw
from finback.generation.generator import BATCH
from finback.generation.quality_gate import KEPT, REASONS, Gate, Verdict
from finback.generation.sample_folder import Row, Shelf
from finback.generation.synthesizer import Studio, Voice, fingerprint, species_id, teacher
from finback.models import pretrained as shipped
from finback.models.predictor import Predictor

TRIES, REPORT = "tries.csv", "synthesis.json"
COLUMNS = ("species", "seed", "outcome", "probability", "distance", "band_share", "parent")
TRIED = ".tried"  # samples that the gate is hearing


@dataclass(frozen=True)
class Fill:
    """How far species are filled up, and how hard it is tried."""

    upto: int = 60  # clips a species, real ones counted
    species: tuple[str, ...] = ()  # only these; none: all that there are
    tries: int = 5  # for each wanted clip
    min_probability: float = 0.0
    seed: int = 0
    split: SplitSettings | None = None  # None: that of the generator's run


@dataclass
class Filling:
    """One species on its way. `tried` says what became of each seed."""

    name: str
    label: int  # the generator's class id
    real: int
    wanted: int
    tried: dict[int, Verdict] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(verdict.outcome for verdict in self.tried.values())

    @property
    def made(self) -> int:
        return self.outcomes[KEPT]

    def next(self, fill: Fill) -> list[int]:
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
class Filled:
    """What a run of `synthesize` left: each species, and why some are not full."""

    folder: Path
    species: dict[str, Filling]
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


def synthesize(
    voice: Voice, manifest: Manifest, judge: str, fill: Fill, out: Path, progress: Progress = no_progress
) -> Filled:
    """Fill up the training side of the manifest, whose groups are settled. See the module.

    Raises `LeakError` when the generator, vocoder or judge learnt from tapes that the split judges by,
    `InputError` for species that nobody knows, `RunError` when `out` holds clips of other settings.
    """
    refuse_synthetic(manifest.clips, "filling up")
    studio = Studio(voice)
    run = shipped.resolve(judge, "classifier")
    predictor = Predictor.load(run, voice.device)
    real = _training_side(studio, manifest, fill)
    teachers = [*studio.teachers, teacher("judge", judge, run)]
    refuse_leaks(real.split, teachers)
    species, unfilled = _species(studio, predictor, real.clips, fill)
    told = {
        **studio.settings,
        "judge": fingerprint(run),
        "min_probability": fill.min_probability,
        "seed": fill.seed,
        "data": manifest.fingerprint,
        "split": real.settings.model_dump(mode="json"),
    }
    shelf = Shelf.open(out, told, studio.about, teachers)
    _recall(out / TRIES, species, studio, shelf)
    if any(s.next(fill) for s in species.values()):
        gate = Gate(studio, real.clips, manifest, predictor, progress)
        total = sum(max(0, s.wanted - s.made) for s in species.values())
        for _ in progress(_fill(studio, gate, shelf, species, fill), "filling up", total):
            pass
    shelf.finish()
    shutil.rmtree(out / TRIED, ignore_errors=True)
    draw(shelf, studio.maker)
    for name, s in species.items():
        if s.made < s.wanted:
            unfilled[name] = f"{s.made} of {s.wanted} passed in {len(s.tried)} tries"
    filled = Filled(out, species, dict(sorted(unfilled.items())))
    write_json(out / REPORT, filled.as_json())
    return filled


@dataclass(frozen=True)
class TrainingSide:
    """The split in use, how it was asked for, and the real clips that are learnt from."""

    split: Split
    settings: SplitSettings

    @property
    def clips(self) -> tuple[Clip, ...]:
        return self.split.train


def _training_side(studio: Studio, manifest: Manifest, fill: Fill) -> TrainingSide:
    """The same data under the generator's settings are split as they were when it was trained."""
    settings = studio.run.facts["settings"]
    split = fill.split or build(SplitSettings, settings["split"])
    return TrainingSide(make_splits(manifest, split, build(RareSettings, settings["rare"]))[0].split, split)


def _species(
    studio: Studio, judge: Predictor, real: tuple[Clip, ...], fill: Fill
) -> tuple[dict[str, Filling], dict[str, str]]:
    """Those to fill up, and those that cannot be, with the reason."""
    there = Labels.of(real)
    asked = [there.names[species_id(there, name)] for name in fill.species] or list(there.names)
    heard = studio.heard
    species: dict[str, Filling] = {}
    cannot: dict[str, str] = {}
    for name in dict.fromkeys(asked):
        n = sum(c.label == name for c in real)
        if n >= fill.upto:
            continue
        if name not in studio.labels or (heard and name not in heard):
            cannot[name] = "the generator learnt no clip of it"
        elif name not in judge.labels:
            cannot[name] = "the judge does not know it"
        else:
            species[name] = Filling(name, studio.labels.index(name), n, fill.upto - n)
    return species, cannot


def _fill(studio: Studio, gate: Gate, shelf: Shelf, species: dict[str, Filling], fill: Fill) -> Iterator[str]:
    """Try batch after batch; yields the name of each clip that is kept."""
    for s in species.values():
        while seeds := s.next(fill):
            logmels, waves = studio.make([(s.label, seed) for seed in seeds])
            names = [studio.name(s.label, seed) for seed in seeds]
            sounds = [
                _on_disk(shelf.folder / TRIED / f"{n}.wav", w, studio)
                for n, w in zip(names, waves, strict=True)
            ]
            verdicts = gate(sounds, s.label, fill.min_probability)
            for i, (seed, verdict) in enumerate(zip(seeds, verdicts, strict=True)):
                if s.made == s.wanted:
                    break  # as if the rest had not been made, so that a later run meets them in their turn
                s.tried[seed] = verdict
                if verdict.outcome == KEPT:
                    row = {**studio.row(s.label, seed), **_facts(verdict)}
                    shelf.put(names[i], row, logmels[i], waves[i], studio.spec.sample_rate)
                    yield names[i]
            _note(shelf.folder / TRIES, species)


def _on_disk(path: Path, wave: np.ndarray, studio: Studio) -> Clip:
    write(path, wave, studio.spec.sample_rate)
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def _facts(verdict: Verdict) -> Row:
    """What the manifest says of a clip that was kept."""
    return {
        "parents": verdict.parent,
        "distance": round(verdict.distance, 4),
        "probability": round(verdict.probability, 4),
    }


def _note(path: Path, species: dict[str, Filling]) -> None:
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


def _recall(path: Path, species: dict[str, Filling], studio: Studio, shelf: Shelf) -> None:
    """Earlier tries, as far as the clips that were kept are still there."""
    rows: list[dict[str, str]] = []
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    for row in rows:
        s, seed = species.get(row["species"]), int(row["seed"])
        if s is not None and (row["outcome"] != KEPT or shelf.has(studio.name(s.label, seed))):
            share = float(row["band_share"]) if row["band_share"] else None
            p, distance = float(row["probability"]), float(row["distance"])
            s.tried[seed] = Verdict(row["outcome"], p, distance, share, row["parent"])
