"""The steps of a run without a family; see the package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finback.core.errors import SplitError
from finback.core.progress import Log, Progress, prefixed
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.storage.locks import check_free, only_writer
from finback.data.dataset import Dataset
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.data.splits.settings import SplitResult, SplitSettings
from finback.data.splits.split import make_folds
from finback.evaluation import pipeline
from finback.evaluation.default_run.choice import DefaultPlan, begin, choose, part, stored
from finback.evaluation.default_run.species import with_enough
from finback.evaluation.evaluate import evaluate_parts, evaluate_run
from finback.evaluation.pipeline import Done
from finback.training.classifier import train

MANY_GROUPS = 200  # with as many, 15 % of them are 30: enough for an interval over groups from one split
ALL = (1.0, 0.0, 0.0)  # of the training part of a fold: heads in closed form need no validation set
FOR_USE = (0.85, 0.15, 0.0)  # of the final model; in the end it is trained on both parts


def run(
    plan: DefaultPlan,
    request: IndexRequest,
    out: Path,
    progress: Progress,
    log: Log,
    split: SplitSettings | None = None,
    keep_all: bool = False,
) -> Done:
    """Choose a family, test the choice, train the final model, and write the report.

    `split`: the split that the user asked for; None: chosen here. `keep_all`: no species is left out for its
    few clips. Raises `SplitError` where nothing could be tested, `RunError` if `out` holds another run,
    `LockError` when another process writes there.
    """
    check_free(out)
    manifest = index(request, progress)
    if len(manifest.labels) < 2:
        raise SplitError(
            f"only one species ({manifest.labels.names[0]}): a classifier needs two",
            "label clips of a second species",
        )
    with only_writer(out, required=not RunFolder(out).is_trained):
        few: dict[str, int] = {}
        if not keep_all:
            manifest, few = with_enough(manifest)
        if few:
            log(_left_out(few))
        chosen = split or usual_split(manifest, plan)
        if chosen.folds:
            return _on_folds(plan, manifest, few, chosen, out, progress, log)
        return _on_one_split(plan, manifest, few, chosen, out, progress, log)


def usual_split(manifest: Manifest, plan: DefaultPlan) -> SplitSettings:
    """Folds where there are few groups, one split where there are many or where the labels name one.

    Raises `SplitError` where no species has two groups.
    """
    one = SplitSettings(seed=plan.seed)
    n_groups = len({clip.group_key for clip in manifest.clips if not clip.synthetic})
    if n_groups >= MANY_GROUPS or (manifest.subset_of is not None and any(manifest.subset_of)):
        return one
    for folds in range(plan.folds, 1, -1):
        settings = SplitSettings(folds=folds, fractions=ALL, seed=plan.seed)
        try:
            results = make_folds(manifest.clips, settings)
        except SplitError:
            continue
        if all(_has_two(result) for result in results):
            return settings
    raise SplitError(
        "no test is possible: too few species have clips of two recording groups (tapes, deployments, "
        "site-days), one to train on and one to test on",
        "add recordings of other groups, or name the groups with --groups; "
        "a model without a test: finback train yamnet-plda ... --split 85/15/0",
    )


def _has_two(result: SplitResult) -> bool:
    return len({clip.label for clip in result.split.train}) >= 2 and bool(result.split.test)


def _on_folds(
    plan: DefaultPlan,
    manifest: Manifest,
    few: dict[str, int],
    split: SplitSettings,
    out: Path,
    progress: Progress,
    log: Log,
) -> Done:
    """Test on folds, then train the final model on everything."""
    rare = plan.settings_of(plan.families[0]).rare
    dataset = pipeline.audited(out, manifest, rare, split, lambda d: begin(out, plan, d, split), progress)
    pipeline.log_data(dataset, log)
    files, finished = RunFiles(out), pipeline.is_finished(out)
    results = dataset.make_splits(split)
    choice = stored(out)
    if choice is None:
        log(_announced(plan, dataset, results))
        choice = choose(plan, dataset, results, split, out, progress, log)
    log(choice.line())
    final = plan.plan(choice.family, SplitSettings(fractions=FOR_USE, seed=plan.seed), gate=True)
    root = train(final, dataset, out, prefixed(progress, f"{choice.family}, all clips: "))
    if files.metrics.exists():
        evaluate_run(out, plan.device, progress)  # reads it, with its checks
    else:
        folders = [RunFolder.open(part(out, f, k)) for k, f in enumerate(choice.folds)]
        evaluate_parts(root, folders, plan.device, progress, n_folds=len(folders), choice=choice.to_json())
    _forget_weights(out)
    done = pipeline.conclude(out, finished, progress, log)
    return replace(done, choice=choice.to_json(), left_out=few)


def _on_one_split(
    plan: DefaultPlan,
    manifest: Manifest,
    few: dict[str, int],
    split: SplitSettings,
    out: Path,
    progress: Progress,
    log: Log,
) -> Done:
    """Choose within the training part of one split, and run the complete workflow with the choice."""
    rare = plan.settings_of(plan.families[0]).rare
    dataset = pipeline.audited(out, manifest, rare, split, lambda d: begin(out, plan, d, split), progress)
    choice = stored(out)
    if choice is None:
        results = dataset.make_splits(split)
        log(_announced(plan, dataset, results))
        choice = choose(plan, dataset, results, split, out, progress, log)
        _forget_weights(out)
    log(choice.line())
    final = plan.plan(choice.family, split, gate=True)
    done = pipeline.train_and_report(final, dataset, out, progress, log)
    return replace(done, choice=choice.to_json(), left_out=few)


def _forget_weights(out: Path) -> None:
    """Remove the weights of the compared trainings, which nothing reads any more."""
    for path in RunFiles(out).choices.glob("*/*/"):
        for weights in (RunFiles(path).weights, RunFiles(path).refit.weights):
            weights.unlink(missing_ok=True)


def _announced(plan: DefaultPlan, dataset: Dataset, results: Sequence[SplitResult]) -> str:
    n, k = len(plan.families), len(results)
    how = (
        f"{k} folds of the {dataset.n_groups} recording groups, since they are few: each clip that can be "
        "tested is tested once, by a model that was not trained on its group"
        if k > 1
        else f"one split of the {dataset.n_groups} recording groups"
    )
    return f"test: {how}; {n} families are compared within the training part: {', '.join(plan.families)}"


def _left_out(few: dict[str, int]) -> str:
    named = "; ".join(f"{name} ({n})" for name, n in few.items())
    return f"{len(few)} species with too few clips to be tested left out: {named}; --min-clips 1 keeps them"
