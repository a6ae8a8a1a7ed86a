"""The page of a classifier or an ensemble, collected from its run folder.

The page is made from the files of the folder. Only the sounds of the worst confusions are read from the
recordings that the manifest names, where these are still there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_atomic
from finback.core.storage.keeping import writable_folder
from finback.data.splits.settings import BY_CLIP
from finback.evaluation.next_steps import next_steps
from finback.evaluation.pages.confusions import confusions
from finback.evaluation.pages.methods import methods
from finback.evaluation.pages.run_data import RunData, read_run, reproduction
from finback.report.latex import metrics_tables
from finback.report.pages.classifier import ClassifierPage, Member, SpeciesRow, render
from finback.report.pages.common import count, save_pictures
from finback.report.pages.figures import figures
from finback.report.pages.summary import FEW_GROUPS, UNKNOWN_GROUPS, Step, are_groups_unknown


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html`, `figures/`, `methods.txt`, `metrics.tex`; the page's path. Raises `RunError`."""
    page = collect(Path(path), progress)
    files = RunFiles(writable_folder(Path(path)))
    write_atomic(files.report, render(page))
    write_atomic(files.methods, "\n\n".join(page.methods) + "\n")
    if page.metrics:
        write_atomic(files.metrics_tex, metrics_tables(page.metrics))
    return files.report


def collect(path: Path, progress: Progress = no_progress) -> ClassifierPage:
    """What the page shows; the figures are written to `figures/` too. Raises `RunError` if it is no run."""
    run = read_run(path)
    folds_of_method = int((run.metrics or {}).get("n_folds") or 0)
    drawn = figures(run.labels, run.metrics or {}, run.audit, run.by_clip, run.logs, run.scores)
    return ClassifierPage(
        title=run.path.resolve().name,
        reproduction=reproduction(run),
        family=run.info.family or "classifier",
        n_folds=run.info.n_folds or folds_of_method,
        trained_on_all=bool(folds_of_method),
        next=_next(path),
        metrics=run.metrics or {},
        audit=run.audit,
        by_clip=run.by_clip,
        has_test_set=not run.split or any(row.subset == "test" for row in run.split),
        warnings=warnings(run),
        missing=run.missing,
        species=species_rows(run),
        pictures=save_pictures(drawn, run.path / "figures", progress),
        confusions=confusions(run, progress),
        members=members(run),
        methods=methods(run),
        equal_weights=run.info.settings.get("how", "mean") == "mean",
    )


def _next(path: Path) -> tuple[Step, ...]:
    """What to do now; nothing where the folder is damaged, which the page says in another place."""
    try:
        return tuple(next_steps(path, on_page=True))
    except FinbackError:
        return ()


def warnings(run: RunData) -> list[str]:
    """What a reader must know before any figure; each once, also where every fold repeats it."""
    sentences = [_sentence(text) for split in run.splits for text in split.get("warnings") or ()]
    if run.by_clip and not any("by clip" in text for text in sentences):
        sentences.insert(0, _sentence(BY_CLIP))
    metrics = run.metrics or {}
    n_groups = metrics.get("n_groups", 0)
    if metrics and not run.by_clip and are_groups_unknown(metrics, run.audit):
        sentences.append(UNKNOWN_GROUPS)
    elif 0 < n_groups < FEW_GROUPS:
        sentences.append(f"The test set has only {count(n_groups, 'group')}, so the intervals are rough.")
    reasons = [part.not_calibrated for part in run.parts if part.not_calibrated]
    sentences += [f"Probabilities are not calibrated: {reason}." for reason in reasons]
    return list(dict.fromkeys(sentences))


def members(run: RunData) -> list[Member]:
    """The members of an ensemble, with their weights in each fold; empty for a single classifier."""
    folds = [part.members for part in run.parts]
    return [
        Member(
            str(member.get("origin")),
            str(member.get("family")),
            [fold[i]["weight"] for fold in folds if i < len(fold)],
        )
        for i, member in enumerate(run.ensemble)
    ]


def species_rows(run: RunData) -> list[SpeciesRow]:
    """One row per label: its clips and groups, its test results, and why it was not tested if it was not."""
    clips: Counter[str] = Counter()
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in run.manifest.clips if run.manifest else ():
        clips[clip.label or ""] += 1
        groups[clip.label or ""].add(clip.group_key)
    for row in () if run.manifest else run.split:
        clips[row.species] += 1
        groups[row.species].add(row.group or row.file)
    table = (run.metrics or {}).get("per_species") or {}
    rows = []
    for name in run.labels:
        test = table.get(name) or {}
        why = "" if test.get("n_clips") else _why_untested(run, name, len(groups[name]))
        n_clips, n_groups = (clips[name], len(groups[name])) if clips else (None, None)
        rows.append(SpeciesRow(name, n_clips, n_groups, test, why))
    return rows


def _why_untested(run: RunData, name: str, n_groups: int) -> str:
    for split in run.splits:
        if reason := (split.get("untestable") or {}).get(name):
            return str(reason)
    if n_groups == 1:
        return "all its clips are from one group, which is in the training set"
    return "no clip in the test set"


def _sentence(text: Any) -> str:
    text = str(text).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
