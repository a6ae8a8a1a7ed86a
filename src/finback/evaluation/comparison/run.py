"""Families x folds x seeds under one protocol, and the leaderboard of them.

    job = plan(families=["dnn", "cnn2d"], folds=5, seeds=3)
    prepared = prepare(job, request, out, progress)     # reads the data, measures how long it will take
    found = run(prepared, progress, watch, say)         # trains, judges, writes the leaderboard

The data are indexed and their groups settled once, so every family of a seed is judged on the very same
folds. Below `out`, `runs/<family>-seed<seed>` are run folders like any other. What is finished there is not
done again, so a comparison that was killed goes on; more families or seeds can be added later. A family that
fails is named in the table with its error, and the rest goes on.

Each family is also trained once on a random split of the same clips (`runs/<family>-random`: clips of one
tape on both sides). That figure is no result; it stands beside the honest one to show the illusion.

Nothing is tuned here. Validation inside the training side stops and calibrates each model as `train` does;
test sides are scored once, by `evaluate`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finback import models
from finback.core.files import read_json, write_json
from finback.core.progress import Log, Progress, no_progress
from finback.core.renames import current
from finback.core.run_files import RunFiles
from finback.core.runs import RunFolder
from finback.data.dataset import Dataset, prepare_request
from finback.data.index import IndexRequest
from finback.evaluation.comparison import leaderboard
from finback.evaluation.comparison.plan import Comparison, Entry, check_usable, data_of, entries, plan
from finback.evaluation.cost import Cost, in_words, measure
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.study import FAILURES, in_a_line
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.models.predictor import Predictor
from finback.report.pages.leaderboard import render
from finback.training.batches import Inputs
from finback.training.classifier import check_out, train

__all__ = ["Comparison", "Prepared", "Standing", "plan", "prepare", "run"]

SPEED_CLIPS = 64


@dataclass(frozen=True)
class Prepared:
    """A comparison with its data, and what each family will cost (only those with work left)."""

    job: Comparison
    dataset: Dataset
    out: Path
    entries: tuple[Entry, ...]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    left_s: Mapping[str, float] = field(default_factory=dict)  # by family, at most
    errors: Mapping[str, str] = field(default_factory=dict)  # families that cannot even be measured

    @property
    def total_s(self) -> float:
        return sum(self.left_s.values())


@dataclass(frozen=True)
class Standing:
    """How far one family has come."""

    family: str
    done: int  # folds, of all seeds and the random split
    total: int
    best: float | None  # mean of the finished folds' best validation macro-F1
    spent_s: float
    left_s: float
    error: str = ""


Watch = Callable[[Sequence[Standing]], None]


def prepare(job: Comparison, request: IndexRequest, out: Path, progress: Progress = no_progress) -> Prepared:
    """Read the data, check every run before any work is done, measure what is left; `out` is left alone.

    Raises what `train` would for a run that cannot be made: `SettingsError`, `SplitError`, `RunError`.
    """
    rare = next(iter(job.settings.values())).rare
    dataset = prepare_request(request, rare, progress)
    every = entries(job, out)
    for entry in every:
        check_out(entry.plan, dataset, entry.folder)
    for family, settings in job.settings.items():
        check_usable(family, settings)
    open_now = [entry for entry in every if not entry.is_done]
    by_family = {e.plan.family: [o for o in open_now if o.plan.family == e.plan.family] for e in open_now}
    costs: dict[str, Cost] = {}
    left: dict[str, float] = {}
    errors: dict[str, str] = {}
    for family, its in progress(by_family.items(), "measuring", len(by_family)):
        try:
            costs[family] = measure(its[0].plan, dataset)
        except FAILURES as error:
            errors[family] = in_a_line(error)
            continue
        left[family] = costs[family].features_s + sum(_left_s(entry, costs[family], dataset) for entry in its)
    return Prepared(job, dataset, out, every, costs, left, errors)


def _left_s(entry: Entry, cost: Cost, dataset: Dataset) -> float:
    settings = entry.plan.settings
    splits = data_of(entry, dataset).make_splits(settings.split)
    parts = [cost.fold_s(entry.plan.settings.training, s.split) for s in splits]
    return sum(parts[len(entry.parts_done()) :])


def run(
    prepared: Prepared,
    progress: Progress = no_progress,
    watch: Watch = lambda standings: None,
    say: Log = lambda text: None,
) -> dict[str, Any]:
    """Train and judge what is left; write `leaderboard.json`, `leaderboard.csv`, figures and `report.html`.

    Returns the leaderboard's object (keys: see `finback.evaluation.comparison.leaderboard`).
    """
    at_work = Work(prepared, watch, say)
    for i, entry in enumerate(prepared.entries, 1):
        if not entry.is_done and entry.plan.family not in at_work.errors:
            at_work.do(entry, i, progress)
    found = leaderboard.board(
        [_entrant(family, prepared, at_work.errors) for family in prepared.job.settings],
        prepared.dataset,
        _no_audio_baselines(prepared, progress),
        progress,
    )
    first = next(iter(prepared.job.settings.values()))
    found |= {"folds": first.split.folds, "seeds": list(prepared.job.seeds), "command": prepared.job.command}
    leaderboard.save(found, prepared.out)
    render(found, prepared.out, progress)
    return found


class Work:
    """Runs one entry after another and keeps account of time and failures."""

    def __init__(self, prepared: Prepared, watch: Watch, say: Log) -> None:
        self.prepared, self.watch, self.say = prepared, watch, say
        self.errors = dict(prepared.errors)
        self._began: dict[str, float] = {}  # what a family had spent before this time
        self._spent: dict[str, float] = {}

    def do(self, entry: Entry, number: int, progress: Progress) -> None:
        """Train and judge; a failure is kept for the table."""
        family, started = entry.plan.family, time.monotonic()
        named = self._named(entry, number, progress, started)
        try:
            _warm(entry, self.prepared.dataset, named)
            before, clock = entry.spent_s, time.monotonic()
            try:
                train(entry.plan, data_of(entry, self.prepared.dataset), entry.folder, named)
            finally:  # also when interrupted, so that the whole training time is known in the end
                if RunFiles(entry.folder).run_json.exists():
                    RunFolder(entry.folder).note(training_s=round(before + time.monotonic() - clock, 3))
            _note_speed(entry, self.prepared.dataset)
            metrics = evaluate_run(entry.folder, entry.plan.device, named)
        except FAILURES as error:
            self.errors[family] = in_a_line(error)
            self.say(f"{entry.name}: failed: {self.errors[family]}")
            return
        self._spent[family] = self._spent.get(family, 0.0) + time.monotonic() - started
        figures = f"accuracy {metrics['accuracy']:.3f}"
        if metrics["macro_f1_multi_group"] is not None:
            figures += f", macro-F1 (species with several tapes) {metrics['macro_f1_multi_group']:.3f}"
        left = sum(standing.left_s for standing in self.standings())
        took = in_words(time.monotonic() - started)
        of = f"run {number} of {len(self.prepared.entries)}"
        ahead = f", at most about {in_words(left)} left" if left > 0 else ""
        self.say(f"{entry.name}: {figures}; {took}; {of}{ahead}")

    def _named(self, entry: Entry, number: int, progress: Progress, started: float) -> Progress:
        """Names the run in each bar, and tells the watcher how things stand whenever a new loop begins."""
        prefix = f"{entry.name} ({number} of {len(self.prepared.entries)}): "

        def named(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
            self.watch(self.standings(entry, time.monotonic() - started))
            return progress(items, prefix + what, total)

        return named

    def standings(self, now: Entry | None = None, running_s: float = 0.0) -> list[Standing]:
        """One row a family, read from the run folders; `now` is at work since `running_s` seconds."""
        rows = []
        for family in self.prepared.job.settings:
            its = [e for e in self.prepared.entries if e.plan.family == family]
            parts = [p for e in its for p in e.parts_done()]
            best = [p.best for e in its if not e.random for p in e.parts_done() if p.best is not None]
            here = running_s if now is not None and now.plan.family == family else 0.0
            spent = sum(e.spent_s for e in its if e is not now) + (here or 0.0)
            total = sum(e.n_parts for e in its)
            at_start = self.prepared.left_s.get(family, 0.0)
            used = self._spent.get(family, 0.0) + here
            left = 0.0 if len(parts) == total or family in self.errors else max(0.0, at_start - used)
            mean = sum(best) / len(best) if best else None
            error = self.errors.get(family, "")
            rows.append(Standing(family, len(parts), total, mean, spent, left, error))
        return rows


def _warm(entry: Entry, dataset: Dataset, progress: Progress) -> None:
    """Features of all clips, before the clock of training starts: whoever came first would pay for all."""
    settings = entry.plan.settings
    made = models.create(entry.plan.family, settings.features, 2, **settings.model)
    store = FeatureStore(Extractor.for_model(made), default_folder())
    store.prepare(dataset.clips, progress)
    Inputs(store, dataset.clips, settings.augment, settings.wave).prepare(progress)


def _note_speed(entry: Entry, dataset: Dataset) -> None:
    """Clips a second through one trained model, features at hand."""
    run = RunFolder.open(entry.folder)
    predictor = Predictor.load((run.folds or [run])[0].path, entry.plan.device, default_folder())
    step = max(1, len(dataset.clips) // SPEED_CLIPS)
    clips = dataset.clips[::step][:SPEED_CLIPS]
    predictor.scores(clips[:1])
    started = time.perf_counter()
    predictor.scores(clips)
    run.note(clips_per_s=round(len(clips) / (time.perf_counter() - started), 1))


def _entrant(family: str, prepared: Prepared, errors: Mapping[str, str]) -> leaderboard.Entrant:
    done = [e for e in prepared.entries if e.plan.family == family and e.is_done]
    runs = {e.plan.seed: e.folder for e in done if not e.random}
    random = next((e.folder for e in done if e.random), None)
    return leaderboard.Entrant(family, runs, random, errors.get(family, ""))


def _no_audio_baselines(prepared: Prepared, progress: Progress) -> dict[str, Any]:
    """The audit's no-audio baselines on the first seed's folds and on random ones; kept in `audit.json`."""
    path, fingerprint = RunFiles(prepared.out).audit, prepared.dataset.fingerprint
    split = prepared.entries[0].plan.settings.split.model_dump(mode="json")
    if path.exists():
        kept: dict[str, Any] = current(read_json(path))
        if kept.get("data_fingerprint") == fingerprint and kept.get("split") == split:
            return kept
    found = prepared.dataset.audit(prepared.entries[0].plan.settings.split, progress)
    facts = {**found.to_json(), "data_fingerprint": fingerprint, "split": split}
    write_json(path, facts)
    return facts
