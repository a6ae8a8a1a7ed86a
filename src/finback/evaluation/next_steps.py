"""What to do after a run: the last lines of the terminal and of the page, and `next` in the JSON.

    for step in next_steps(Path("runs/mine")):
        step.text, step.command

The steps follow from the files of the run folder alone, so that `finback report` shows the same.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback.core.errors import FinbackError
from finback.core.runs.documents import AuditFile, read_document
from finback.core.runs.folder import RunFolder
from finback.data.manifest import Manifest
from finback.evaluation.evaluate import stored_metrics
from finback.report.pages.summary import Step, are_groups_unknown, is_above_baselines

NAMED = 6  # species in one sentence
FEW_GROUPS = 5  # of a species, in all of the data: with fewer its figures change with every new tape
OTHER_GROUPS = "other recording groups (tapes, deployments, site-days)"


def next_steps(path: Path, on_page: bool = False) -> list[Step]:
    """The steps for a classifier, the most urgent first; only the evaluation where that is missing.

    `on_page`: they are shown on the report itself, which is no step then.
    """
    run = RunFolder.open(path)
    where = shlex.quote(str(path))
    if not run.metrics.is_file():
        return [Step("Measure how well it works on its test set.", f"finback evaluate {where}")]
    metrics = stored_metrics(run)
    audit = read_document(run.audit, AuditFile) if run.audit.is_file() else None
    manifest = _manifest(run)
    by_clip = run.info.split_by == "clip"
    above = is_above_baselines(metrics, audit, by_clip)
    steps = []
    if by_clip:
        steps.append(Step("Train again without --by clip: these figures say nothing about new recordings."))
    elif are_groups_unknown(metrics, audit):
        steps.append(
            Step(
                "Name the recording groups with --groups FILE.csv:COLUMN and train again, if several clips "
                "come from one tape, deployment or day: without groups these figures are too high."
            )
        )
    if above is False:
        steps.append(
            Step(
                "Do not rely on the names that it gives yet: guesses without any audio are about as good. "
                f"Add clips of {OTHER_GROUPS}; more clips of the same groups help less. Then run the same "
                "command with another --out."
            )
        )
    steps += _more_recordings(metrics, manifest)
    clip = shlex.quote(str(manifest.clips[0].recording.path)) if manifest else "clip.wav"
    folder = shlex.quote(str(manifest.audio)) if manifest else "recordings"
    out = shlex.quote(f"{path}-scan")
    steps.append(Step("Name the species in a clip.", f"finback predict {where} {clip}"))
    steps.append(
        Step("Find calls in long recordings or a folder.", f"finback scan {where} {folder} --out {out}")
    )
    if run.report.is_file() and not on_page:
        steps.append(Step(f"See and hear the confusions, and read the audit of the data: {run.report}"))
    return steps


def _more_recordings(metrics: Mapping[str, Any], manifest: Manifest | None) -> list[Step]:
    """The species that need recordings of other groups, those with the fewest first, and those left out."""
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in manifest.clips if manifest else ():
        if not clip.synthetic:
            groups[clip.label or ""].add(clip.group_key)
    tested = {name: row["n_clips"] > 0 for name, row in metrics["per_species"].items()}
    known = {
        name: len(groups[name]) if manifest else metrics["per_species"][name]["n_groups"] for name in tested
    }
    few = sorted((n, name) for name, n in known.items() if n < FEW_GROUPS)
    steps = []
    if few:
        shown = "; ".join(  # a species name may hold a comma
            f"{name} ({n} group{'' if n == 1 else 's'}{'' if tested[name] else ', not tested'})"
            for n, name in few[:NAMED]
        )
        more = f"; and {len(few) - NAMED} more species" if len(few) > NAMED else ""
        steps.append(Step(f"Add clips of {OTHER_GROUPS} of {shown}{more}: their figures rest on few groups."))
    left_out = [p for p in (manifest.problems if manifest else ()) if p.kind == "too_few"]
    if left_out:
        names = "; ".join(f"{p.file} ({p.message.split(' ')[0]})" for p in left_out[:NAMED])
        more = f"; and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        steps.append(Step(f"Add clips of the species that were left out for too few clips: {names}{more}."))
    return steps


def _manifest(run: RunFolder) -> Manifest | None:
    try:
        return Manifest.load(run.manifest)
    except (FinbackError, OSError):  # a run folder from elsewhere may have none
        return None
