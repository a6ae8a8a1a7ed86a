"""Preparing and running: what is left, how long it will take, and the work itself, fold by fold."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finback.core.progress import Log, Progress, no_progress, prefixed
from finback.core.run_files import RunFiles
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.data.dataset import Dataset, prepare_request
from finback.data.index import IndexRequest
from finback.evaluation.cost import Cost, MakerCost, in_words, measure, measure_maker
from finback.evaluation.study import FAILURES, in_a_line
from finback.evaluation.synthetic_study import results as figures
from finback.evaluation.synthetic_study.plan import MOVED, Arm, Fold, Gain, folds_of
from finback.evaluation.synthetic_study.samples import generator_folder
from finback.evaluation.synthetic_study.train_arm import info_of, is_done, learn_fold
from finback.report.plots.style import save
from finback.report.plots.synthetic_study import gain_bars
from finback.training.generator import check_out


@dataclass(frozen=True)
class Prepared:
    """A comparison with its data, its folds, and what it will cost."""

    job: Gain
    dataset: Dataset
    out: Path
    folds: tuple[Fold, ...]
    cost: Cost | None = None  # of a classifier; None when all is done
    makers: Mapping[str, MakerCost] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)  # arms whose generator cannot be measured

    @property
    def todo(self) -> list[tuple[Fold, Arm]]:
        """Fold by fold, so that whatever is done can be compared."""
        both = [(fold, arm) for fold in self.folds for arm in self.job.arms if arm.name not in self.errors]
        return [(fold, arm) for fold, arm in both if not is_done(self.job, arm, fold, self.out)]

    def seconds(self, fold: Fold, arm: Arm, generator: bool = True) -> float:
        """Training an arm in a fold, and its generator if that is still to be trained."""
        if self.cost is None:
            return 0.0
        n_train = len(fold.split.train)
        total = self.cost.plain_s(self.job.settings.training, n_train, len(fold.split.test))
        if generator and arm.maker in self.makers:
            maker, training = self.makers[arm.maker], self.job.generators[arm.maker].training
            if not RunFolder(generator_folder(self.out, arm.maker, fold)).is_trained:
                total += maker.train_s(training, n_train)
            few = fold.few(self.job.options.below)
            wanted = sum(
                max(a.wanted(n) for a in self.job.arms if a.maker == arm.maker) for n in few.values()
            )
            total += wanted * maker.make_s * (self.job.options.tries if arm.judged else 1)
        return total

    @property
    def left_s(self) -> dict[str, float]:
        """By arm; a generator counts for the first arm that needs it in a fold."""
        left: dict[str, float] = {}
        seen: set[tuple[int, int, str]] = set()
        for fold, arm in self.todo:
            key = (fold.seed, fold.number, arm.maker)
            left[arm.name] = left.get(arm.name, 0.0) + self.seconds(fold, arm, key not in seen)
            seen.add(key)
        return left

    @property
    def total_s(self) -> float:
        return sum(self.left_s.values())


def prepare(job: Gain, request: IndexRequest, out: Path, progress: Progress = no_progress) -> Prepared:
    """Read the data, check every run before any work is done, measure what is left; `out` is left alone.

    Raises what training would for a run that cannot be made.
    """
    dataset = prepare_request(request, job.settings.rare, progress)
    folds = folds_of(job, dataset)
    RunFolder.check(out, _info(job, dataset, folds[0], out))
    for fold in folds:
        for arm in job.arms:
            info_of(job, arm, fold, dataset, out)
        for name in job.generators:
            check_out(job.generator(name, fold.seed), dataset, generator_folder(out, name, fold))
    plain = Prepared(job, dataset, out, folds)
    if not plain.todo:
        return plain
    cost = measure(job.classifier(job.baseline, job.seeds[0]), dataset)
    needed = {arm.maker for _, arm in plain.todo if arm.maker and arm.maker != MOVED}
    makers: dict[str, MakerCost] = {}
    errors: dict[str, str] = {}
    for name in progress(sorted(needed), "measuring", len(needed)):
        try:
            makers[name] = measure_maker(job.generator(name, job.seeds[0]), dataset, job.sampling)
        except FAILURES as error:
            errors |= {arm.name: in_a_line(error) for arm in job.arms if arm.maker == name}
    return Prepared(job, dataset, out, folds, cost, makers, errors)


def _info(job: Gain, dataset: Dataset, fold: Fold, out: Path) -> RunInfo:
    """What must be the same in every call for one folder: the data, the classifier, and how it is thinned."""
    arm = info_of(job, job.baseline, fold, dataset, out)
    settings = job.settings.model_dump(mode="json", include={"features", "rare", "training", "model"})
    kept = arm.only("family", "labels", "spec", "data_fingerprint")
    thin = {"thin": job.options.thin, "folds": job.settings.split.folds}
    return RunInfo(kind="gain", **kept, settings=settings, arm=thin, command=job.command)


def run(prepared: Prepared, progress: Progress = no_progress, say: Log = lambda text: None) -> dict[str, Any]:
    """Train and judge what is left, as far as the hours reach; write the figures.

    Leaves `gain.json`, `gain.csv` and `figures/gain.png`; returns the object of the first
    (`results.py`). An arm that fails is named in it with its error, and the others go on.
    """
    job, out = prepared.job, prepared.out
    RunFolder.begin(out, _info(job, prepared.dataset, prepared.folds[0], out))
    prepared.dataset.save(RunFiles(out).manifest)
    errors = dict(prepared.errors)
    end = time.monotonic() + 3600 * job.hours if job.hours else None
    todo = prepared.todo
    for i, (fold, arm) in enumerate(todo, 1):
        if arm.name in errors:
            continue
        if end is not None and time.monotonic() + prepared.seconds(fold, arm) > end:
            say(f"the {job.hours:g} hours are up: {len(todo) - i + 1} of {len(todo)} trainings are left")
            break
        what, started = f"{arm.name}, seed {fold.seed}, fold {fold.number}", time.monotonic()
        try:
            learn_fold(job, arm, fold, prepared.dataset, out, prefixed(progress, f"{what}: "))
        except FAILURES as error:
            errors[arm.name] = in_a_line(error)
            say(f"{what}: failed: {errors[arm.name]}")
            continue
        say(f"{what}: {in_words(time.monotonic() - started)}; {i} of {len(todo)}")
    found = figures.board(job, prepared.folds, prepared.dataset, out, errors, progress)
    figures.save(found, out)
    save(gain_bars(found), out / "figures", "gain")
    return found
