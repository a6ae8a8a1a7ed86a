"""The complete workflow: index, audit, split, train, calibrate, evaluate, report.

Each stage writes its file into the run folder. With the same data and settings a finished stage is not
repeated, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from finback.core.errors import RunError
from finback.core.progress import Log, Progress
from finback.core.runs.documents import AuditFile, read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.settings import DEFAULT_PRESET
from finback.core.storage.files import write_json
from finback.core.storage.locks import check_free, only_writer
from finback.core.text import counted
from finback.data.audit.duplicates import find
from finback.data.dataset import Dataset, prepare, prepare_and_audit, prepare_request
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.data.problems import counts
from finback.data.rare import RareSettings
from finback.data.splits.settings import SplitSettings
from finback.evaluation.evaluate import evaluate_run, stored_metrics
from finback.evaluation.next_steps import next_steps
from finback.evaluation.pages.classifier import write as write_report
from finback.models import CLASSIFIERS, kind
from finback.report.pages.summary import Step, verdict
from finback.training.classifier import check_out, train
from finback.training.generator import train_generator
from finback.training.plan import Plan

AUTO = "auto"  # the family is chosen
Check = Callable[[Dataset], Any]


@dataclass(frozen=True)
class Done:
    """The results of the complete workflow."""

    folder: Path
    report: Path
    metrics: dict[str, Any]
    headline: list[str]
    verdict: str  # whether the accuracy is higher than that of the no-audio baselines; "" if unknown
    next: tuple[Step, ...] = ()  # what to do now
    choice: Mapping[str, Any] | None = None  # of a family; None where it was given
    left_out: Mapping[str, int] = field(default_factory=dict)  # species with too few clips: number of clips


def train_on(plan: Plan, request: IndexRequest, out: Path, progress: Progress, log: Log) -> RunFolder:
    """Index the recordings, prepare the clips, and train."""
    check_free(out)
    dataset = prepare_request(request, plan.settings.rare, progress)
    log_data(dataset, log)
    training = train if kind(plan.family) == "classifier" else train_generator
    return training(plan, dataset, out, progress)


def usual_family(preset: str, out: Path) -> str:
    """The family of `finback run` where none is named: that of the run in `out`, if one was begun there.

    Else "auto", which compares families (`default_run`); with another preset a network of log-mels, for which
    its features are made.
    """
    files = RunFiles(out)
    if files.run_json.is_file() and not files.choice.is_file():
        begun = RunFolder.open(out).info.family
        if begun in CLASSIFIERS:
            return begun
    return AUTO if preset == DEFAULT_PRESET else "cnn2d"


def run(plan: Plan, request: IndexRequest, out: Path, progress: Progress, log: Log) -> Done:
    """Run the complete workflow; finished stages are skipped.

    Raises `LockError` when another process writes in `out`, `RunError` if it holds another run.
    """
    check_free(out)
    files = RunFiles(out)
    if files.choice.is_file() and not files.run_json.is_file():
        raise RunError(f"{out}: holds another run (family {AUTO} -> {plan.family})", "give another --out")
    manifest = index(request, progress)
    with only_writer(out, required=not RunFolder(out).is_trained):
        check: Check = partial(check_out, plan, out=out)
        dataset = audited(out, manifest, plan.settings.rare, plan.settings.split, check, progress)
        return train_and_report(plan, dataset, out, progress, log)


def audited(
    out: Path,
    manifest: Manifest,
    rare: RareSettings,
    split: SplitSettings,
    check: Check,
    progress: Progress,
) -> Dataset:
    """The prepared clips, with their audit in `out`. `check` is called before anything is written."""
    path = RunFiles(out).audit
    if path.exists() and read_document(path, AuditFile).get("data_fingerprint") == manifest.fingerprint:
        dataset = prepare(manifest, find(manifest.clips, progress), rare)
        check(dataset)
        return dataset
    dataset, audit = prepare_and_audit(manifest, rare, split, progress)
    check(dataset)
    value = {**audit.to_json(), "lines": audit.lines(), "data_fingerprint": manifest.fingerprint}
    write_json(path, value)
    return dataset


def train_and_report(plan: Plan, dataset: Dataset, out: Path, progress: Progress, log: Log) -> Done:
    """Train on prepared and audited clips, evaluate, and write the report."""
    log_data(dataset, log)
    finished = is_finished(out)
    train(plan, dataset, out, progress)
    evaluate_run(out, plan.device, progress)
    return conclude(out, finished, progress, log)


def is_finished(out: Path) -> bool:
    """Whether the report and the metrics are there."""
    return RunFiles(out).report.exists() and RunFiles(out).metrics.exists()


def conclude(out: Path, finished: bool, progress: Progress, log: Log) -> Done:
    """Write the report unless it was there before, and collect what to show."""
    run = RunFolder.open(out)
    if finished:
        log(f"{out}: this run is finished; give another --out to train again")
    else:
        write_report(out, progress)
    metrics, audit = stored_metrics(run), read_document(run.audit, AuditFile)
    sentence = verdict(metrics, audit, run.info.split_by == "clip")
    return Done(out, run.report, metrics, headline(metrics, audit), sentence, tuple(next_steps(out)))


def headline(metrics: dict[str, Any], audit: dict[str, Any] | None = None) -> list[str]:
    """The metrics with their intervals and, from an audit, the accuracy of the no-audio baselines."""
    few = " (few groups: the intervals are wide)" if metrics["n_groups"] < 10 else ""
    if (audit or {}).get("groups_known") == 0:
        few = " (guessed from shared sound, since the labels name no groups)"
    groups = f"{metrics['n_groups']} recording groups{few}"
    folds = f", each once in {metrics['n_folds']} folds" if metrics.get("n_folds") else ""
    lines = [
        f"{metrics['n_clips']} test clips from {groups}{folds}, 95 % intervals",
        *(_with_interval(metrics, key, name) for key, name in HEADLINE),
    ]
    if sets := metrics.get("sets"):
        lines += _sets_lines(sets)
    for which, name in (("in_use", "the same split"), ("random", "random split of clips")):
        baselines = (audit or {}).get(which)
        if baselines:
            lookup, metadata = baselines["group_lookup_accuracy"], baselines["metadata_accuracy"]
            lines.append(f"no-audio baselines, {name}: group lookup {lookup:.3f}, metadata {metadata:.3f}")
    return lines


HEADLINE = (
    ("accuracy", "accuracy"),
    ("balanced_accuracy", "balanced accuracy"),
    ("macro_f1", "macro-F1, all species"),
    ("macro_f1_multi_group", "macro-F1, species with several groups"),
    ("macro_auc", "macro AUC"),
    ("top3_accuracy", "top-3 accuracy"),
    ("ece", "calibration error (ECE)"),
)


def _with_interval(metrics: dict[str, Any], key: str, name: str) -> str:
    value, interval = metrics[key], metrics[f"{key}_ci"]
    if value is None:
        return f"  {name:<38} undefined for these clips"
    shown = f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "(one group: no interval)"
    return f"  {name:<38} {value:.3f}  {shown}"


def _sets_lines(sets: dict[str, Any]) -> list[str]:
    """Coverage and size of the sets of species, or why there are none."""
    name = f"sets of species at {sets['level']:g}"
    if sets.get("refused"):
        return [f"  {name:<38} none: {sets['refused']}"]
    ends, sizes = sets["coverage_ci"], sets["mean_size_ci"]
    interval, size = (f" [{e[0]:.{n}f}, {e[1]:.{n}f}]" if e else "" for e, n in ((ends, 3), (sizes, 1)))
    return [
        f"  {name:<38} {sets['coverage']:.3f} {interval} hold the true one",
        f"  {'species in a set, on average':<38} {sets['mean_size']:.1f}   {size}".rstrip(),
    ]


def log_data(dataset: Dataset, log: Log) -> None:
    """Log the number of problems in the data, and what was done with rare species."""
    if dataset.problems:
        tally = ", ".join(f"{n} {kind}" for kind, n in counts(dataset.problems).items())
        log(f"{counted(len(dataset.problems), 'problem')} in the data ({tally}); finback index lists them")
    if line := dataset.rare_summary():
        log(line)
