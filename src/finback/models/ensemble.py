"""An ensemble: a run folder that combines the predictions of several runs.

    folder = combine([Path("runs/cnn"), Path("runs/lstm")], Path("runs/both"))

Members must be trained on the same clips, split in the same way. Weights and temperature are fitted on the
members' scores of the validation set, as they were before any refit. The test set is not used, and no audio
is read. The members' weights are copied, so the folder works wherever it is copied to. With folds, every fold
is an ensemble of the members' models of that fold. The folder appears whole or not at all: a killed process
leaves a folder whose name begins with a dot, and the next call starts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from finback.core.errors import InputError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import (
    AUDIT,
    MANIFEST,
    PROBLEMS,
    RUN,
    TRAINING_CLIPS,
    VALIDATION_SCORES,
    WEIGHTS,
)
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.left_out import save_left_out
from finback.core.runs.scores import load_odds, load_scores, save_scores
from finback.core.runs.split_table import load_split, save_split
from finback.core.storage.files import RESTORE, write_atomic
from finback.core.storage.folders import is_whole, whole_folder
from finback.core.types import SUBSETS, Clip, Labels, Scores, Split
from finback.data.manifest import Manifest
from finback.metrics.calibration import cannot_fit, fit_temperature
from finback.metrics.combination import Combination, CombinationMethod, fit, loss_per_group
from finback.models.model_files import keep_copies
from finback.models.pretrained import own_run

KEPT = (RUN, WEIGHTS, VALIDATION_SCORES, TRAINING_CLIPS)  # of every member, where it has them
METHODS: tuple[CombinationMethod, ...] = get_args(CombinationMethod)
ALIKE = "train them on the same --audio and --labels, with the same --folds or --split and the same --seed"


@dataclass(frozen=True)
class Blend:
    """The combination of one fold's members, as fitted on the validation set."""

    combination: Combination
    temperature: float
    not_calibrated: str  # why the temperature is 1; "" when it was fitted
    scores: Scores  # calibrated, of the validation clips
    losses: tuple[float | None, ...]  # nats per validation group: of each member, then of the ensemble


def combine(
    paths: Sequence[Path],
    out: Path,
    how: CombinationMethod = "mean",
    command: str = "",
    progress: Progress = no_progress,
) -> RunFolder:
    """Combine two or more finished runs in the run folder `out`, or return it if it is there already.

    Raises `InputError` when they cannot be combined, naming two of them and the difference, and `RunError`
    when one is unfinished or `out` holds something else.
    """
    if how not in METHODS:
        raise InputError(f"--how {how}: unknown", "write " + ", ".join(METHODS))
    runs = [_open(Path(path)) for path in paths]
    if len(runs) < 2:
        raise InputError("one run is no ensemble", "give two runs or more")
    clips = Manifest.load(runs[0].manifest).clips
    splits = check_alike(runs, clips)
    info = _info(runs, paths, how, command)
    if RunFolder.check(out, _as_stored(out, info, runs)) and is_whole(Path(out), RUN):
        return RunFolder.open(out)
    with whole_folder(Path(out), last=RUN) as folder:
        parts = [run.parts for run in runs]  # [member][fold]
        for i in progress(range(len(splits)), "combining", len(splits)):
            of_fold, where = info, folder
            if runs[0].folds:
                of_fold, where = info.updated(fold=i), RunFolder(folder).fold(i).path
            _combine_one([part[i] for part in parts], splits[i], of_fold, where)
        _keep_data(runs, folder)
        if runs[0].folds:
            _note_folds(RunFolder.begin(folder, info.updated(n_folds=len(splits))))
    return RunFolder.open(out)


def _open(path: Path) -> RunFolder:
    run = RunFolder.open(own_run(path, "an ensemble", "its members are trained on the same clips and split"))
    kind = run.info.kind
    if kind == "ensemble":
        # Its weights and the new ones would be fitted on the same validation clips, one after the other.
        raise InputError(f"{path}: an ensemble already", "give its members' own runs instead")
    if kind != "classifier":
        raise InputError(f"{path}: a {kind}, not a classifier", "give folders of finback train")
    for part in run.parts:
        part.require_trained()
    return run


def check_alike(runs: Sequence[RunFolder], clips: Sequence[Clip]) -> list[Split]:
    """The split of each fold, which is the same for all. Raises `InputError` at the first difference."""
    first = runs[0]
    splits = _splits(first, clips)
    for other in runs[1:]:
        difference = _difference(first.info, other.info) or _moved(splits, _splits(other, clips))
        if difference:
            raise InputError(f"{first.path} and {other.path} cannot be combined: {difference}", ALIKE)
    return splits


def _difference(one: RunInfo, two: RunInfo) -> str:
    """The difference that forbids combining two runs, in words; "" for none."""
    only = [sorted(set(a.labels) - set(b.labels)) for a, b in ((one, two), (two, one))]
    for names, which in zip(only, ("first", "second"), strict=True):
        if names:
            more = f" and {len(names) - 3} more species" if len(names) > 3 else ""
            return f"only the {which} knows {'; '.join(names[:3])}{more}"
    prints = (one.data_fingerprint, two.data_fingerprint)
    if prints[0] != prints[1]:
        return f"other clips, labels or recording groups (data fingerprints {prints[0]} and {prints[1]})"
    folds = [f"{info.n_folds} folds" if info.n_folds else "one split" for info in (one, two)]
    return "" if folds[0] == folds[1] else f"{folds[0]} against {folds[1]}"


def _moved(one: Sequence[Split], two: Sequence[Split]) -> str:
    """Which clips are in other sets, in words; "" for none."""
    for i, (a, b) in enumerate(zip(one, two, strict=True)):
        sets, others = _subsets(a), _subsets(b)
        moved = [c for c in sets if sets[c] != others.get(c)] + [c for c in others if c not in sets]
        if moved:
            where = f"in fold {i} " if len(one) > 1 else ""
            clip = moved[0]
            example = f"{clip.recording.path.name}: {sets.get(clip, 'none')}, {others.get(clip, 'none')}"
            return f"{where}{len(moved)} clips are in other sets ({example})"
    return ""


def _subsets(split: Split) -> dict[Clip, str]:
    return {clip: name for name in SUBSETS for clip in split.subset(name)}


def _splits(run: RunFolder, clips: Sequence[Clip]) -> list[Split]:
    return [load_split(part.split_table, clips, part.info.split_by) for part in run.parts]


def _info(runs: Sequence[RunFolder], paths: Sequence[Path], how: CombinationMethod, command: str) -> RunInfo:
    """The run.json of the ensemble, with the data of its members. Refuses a run that is given twice."""
    first = runs[0].info
    digests = [run.fingerprint() for run in runs]
    for i, digest in enumerate(digests):
        if digest in digests[:i]:
            twins = f"{paths[digests.index(digest)]} and {paths[i]}"
            raise InputError(f"{twins} are the same model", "give each run once")
    taken = ("labels", "spec", "data_fingerprint", "source", "licence", "citation", "n_clips", "multi_group")
    seeds = {run.info.seed for run in runs}
    return RunInfo(
        kind="ensemble",
        family="ensemble",
        **first.only(*taken),
        settings={"how": how, "members": digests, "split": first.settings.get("split", {})},
        seed=seeds.pop() if len(seeds) == 1 else None,
        command=command,
        members=tuple(
            {"family": run.info.family, "origin": str(path)} for run, path in zip(runs, paths, strict=True)
        ),
    )


def _as_stored(out: Path, info: RunInfo, runs: Sequence[RunFolder]) -> RunInfo:
    """`info` with the fingerprints of members that `out` holds, if `out` is an ensemble of the same models.

    Version 0.1.0 computed other fingerprints; then the copied members are compared.
    """
    old = RunFolder(out)
    stored = old.info.settings.get("members", ()) if old.run_json.is_file() else ()
    if len(stored) != len(runs) or stored == info.settings["members"]:
        return info
    copies = [[part.member(i).fingerprint() for part in old.parts] for i in range(len(runs))]
    if copies != [[part.fingerprint() for part in run.parts] for run in runs]:
        return info
    return info.updated(settings={**info.settings, "members": stored})


def _combine_one(members: Sequence[RunFolder], split: Split, info: RunInfo, folder: Path) -> None:
    """The ensemble of one split: `members/`, its validation scores, run.json."""
    blend = _blend(members, split, Labels(info.labels), info.settings["how"])
    fitted = [
        {**about, "weight": weight, "validation_loss": loss}
        for about, weight, loss in zip(
            info.members, blend.combination.weights, blend.losses[:-1], strict=True
        )
    ]
    run = RunFolder.begin(folder, info.updated(split=members[0].info.split))
    for i, member in enumerate(members):
        for name in KEPT:
            if (member.path / name).is_file():
                write_atomic(run.member(i).path / name, (member.path / name).read_bytes())
        keep_copies(member.info.family, member.path, run.member(i).path)
    save_split(run.split_table, split)
    if split.val:
        odds = _odds(members, split.val)
        save_scores(run.validation_scores, blend.scores, np.zeros(len(split.val)), "val", odds)
        true = blend.scores.probabilities[np.arange(len(split.val)), blend.scores.labels.targets(split.val)]
        save_left_out(run.left_out, "validation", [c.group_key for c in split.val], true.tolist())
    run.note(
        members=fitted,
        combination=asdict(blend.combination),
        temperature=blend.temperature,
        validation_loss=blend.losses[-1],
        n_parameters=sum(member.info.n_parameters or 0 for member in members),
        **({"not_calibrated": blend.not_calibrated} if blend.not_calibrated else {}),
        trained=True,
    )


def _blend(members: Sequence[RunFolder], split: Split, labels: Labels, how: CombinationMethod) -> Blend:
    """Fit weights, then one temperature, on the validation scores of the members."""
    if not split.val and how != "mean":
        raise InputError(
            f"{members[0].path}: has no validation clips to fit {how} on",
            "use --how mean, or train with them",
        )
    probabilities = np.stack([_validation(member, split, labels) for member in members])  # (E, N, K)
    truth = labels.targets(split.val)
    groups = [clip.group_key for clip in split.val]
    combination = fit(how, probabilities, truth, groups)
    mixed = combination(probabilities)
    temperature = fit_temperature(mixed, truth, groups)
    scores = Scores(split.val, labels, (mixed / temperature).astype(np.float32))
    answers = [*probabilities, scores.probabilities]
    losses = tuple(loss_per_group(np.log(np.maximum(p, 1e-37)), truth, groups) for p in answers)
    return Blend(combination, temperature, cannot_fit(mixed, truth), scores, losses)


def _validation(member: RunFolder, split: Split, labels: Labels) -> np.ndarray:
    """(N, K) calibrated probabilities that a member gave to the validation clips, in their order."""
    if not split.val:
        return np.zeros((0, len(labels)))
    scores, _ = load_scores(member.validation_scores, split.val)
    position = {clip.key: row for row, clip in enumerate(scores.clips)}
    if scores.labels != labels or len(position) != len(split.val):
        raise RunError(f"{member.validation_scores}: not the validation clips of the run", RESTORE)
    return scores.probabilities[[position[clip.key] for clip in split.val]]


def _odds(members: Sequence[RunFolder], clips: Sequence[Clip]) -> np.ndarray | None:
    """(N,) mean log odds that the gates of the members gave to validation clips; None unless all have one."""
    total = np.zeros(len(clips))
    for member in members:
        odds = load_odds(member.validation_scores)
        if odds is None:
            return None
        rows = load_scores(member.validation_scores, clips)[0].clips
        of = dict(zip((clip.key for clip in rows), odds.tolist(), strict=True))
        total += [of[clip.key] for clip in clips]
    return total / len(members)


def _keep_data(runs: Sequence[RunFolder], folder: Path) -> None:
    """The manifest, and the audit of the data if a member has one: the report shows it."""
    for name in (MANIFEST, PROBLEMS, AUDIT):
        found = [run.path / name for run in runs if (run.path / name).is_file()]
        if found:
            write_atomic(folder / name, found[0].read_bytes())


def _note_folds(run: RunFolder) -> None:
    """Complete the run.json of an ensemble with folds: mean weights of the members, split of each fold."""
    folds = [fold.info for fold in run.folds]
    weights = np.mean([(info.combination or {})["weights"] for info in folds], axis=0).tolist()
    members = [{**m, "weight": w} for m, w in zip(run.info.members, weights, strict=True)]
    run.note(members=members, split=[info.split for info in folds], trained=True)
