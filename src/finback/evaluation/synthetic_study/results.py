"""What synthetic examples gained on tapes never heard, and whether that is established.

    found = board(job, folds, dataset, out)
    found["arms"]["classic + vae x 1"]["versus"]["few_f1"]  # {difference, ci, ahead}
    found["verdict"]

`few` are the tested species with fewer than `below` clips to learn from in every fold of the comparison;
`few_f1` and `few_recall` are means over them. An arm is set against the one with the same real
clips, augmentation and steps but nothing added, on the folds and seeds that both have, by a paired bootstrap
over tapes (`metrics.paired`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.files import write_atomic, write_json
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.core.runs import RunFolder
from finback.core.scores import load_scores
from finback.core.types import Clip, Labels, Scores
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.plan import Arm, Fold, Gain
from finback.evaluation.synthetic_study.samples import fold_folder
from finback.evaluation.synthetic_study.train_arm import is_done
from finback.metrics import classification as classify
from finback.metrics.paired import COMPARED, NOT_TESTED, SeedScores, intervals, paired

FILE, TABLE = "gain.json", "gain.csv"
FIGURES = ("accuracy", "few_f1", "few_recall")  # in the order of `COMPARED`


class Bench:
    """The clips that all arms are judged on, and what each arm said of them."""

    def __init__(self, job: Gain, folds: Sequence[Fold], dataset: Dataset, out: Path) -> None:
        self.job, self.folds, self.out = job, folds, out
        self.clips: list[Clip] = list({c.key: c for c in dataset.clips}.values())
        self.labels = Labels.of(self.clips)
        self.place = {c.key: i for i, c in enumerate(self.clips)}
        self.truth = self.labels.targets(self.clips)
        self.tapes = [c.group_key for c in self.clips]
        self.tested = sorted({c.label or "" for fold in folds for c in fold.split.test})
        most = {name: max(fold.real.get(name, 0) for fold in folds) for name in self.tested}
        self.few = [name for name in self.tested if most[name] < job.options.below]

    def done(self, arm: Arm) -> list[Fold]:
        return [fold for fold in self.folds if is_done(self.job, arm, fold, self.out)]

    def scores(self, arm: Arm, fold: Fold) -> Scores:
        return load_scores(RunFiles(fold_folder(self.out, arm, fold)).scores, self.clips)[0]

    def judged(self, arm: Arm) -> list[SeedScores]:
        """One a seed, of the folds that are done."""
        found = []
        for seed in self.job.seeds:
            parts = [self.scores(arm, fold) for fold in self.done(arm) if fold.seed == seed]
            if parts:
                clips = [c for part in parts for c in part.clips]
                groups = tuple(c.group_key for c in clips)
                probabilities = np.concatenate([part.probabilities for part in parts])
                found.append(SeedScores(self.labels.targets(clips), probabilities, groups))
        return found

    def said(self, arm: Arm, only_few: bool = False) -> list[np.ndarray]:
        """Class ids (N,) by seed, -1 where not judged; `only_few`: nor where the fold had clips enough."""
        found = []
        for seed in self.job.seeds:
            row = np.full(len(self.clips), NOT_TESTED)
            for fold in self.done(arm):
                if fold.seed != seed:
                    continue
                few = fold.few(self.job.options.below)
                part = self.scores(arm, fold)
                for clip, guess in zip(part.clips, part.logits.argmax(axis=1), strict=True):
                    if not only_few or clip.label in few:
                        row[self.place[clip.key]] = guess
            found.append(row)
        return found

    def versus(self, arm: Arm, names: Sequence[str], only_few: bool = False) -> dict[str, Any] | None:
        """`paired` against the baseline over those species; None when they have no clip in common."""
        ours, theirs = self.said(arm, only_few), self.said(self.job.baseline, only_few)
        both = any(((a != NOT_TESTED) & (b != NOT_TESTED)).any() for a, b in zip(ours, theirs, strict=True))
        if not both:
            return None
        chosen = [self.labels.index(name) for name in names]
        return paired(self.truth, ours, theirs, self.tapes, chosen)


def board(
    job: Gain,
    folds: Sequence[Fold],
    dataset: Dataset,
    out: Path,
    errors: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Everything that is known so far, as one object."""
    bench, errors = Bench(job, folds, dataset, out), errors or {}
    rows = {
        arm.name: _row(bench, arm, errors.get(arm.name, ""))
        for arm in progress(job.arms, "intervals", len(job.arms))
    }
    trained = [name for name in bench.labels.names if any(name in fold.real for fold in folds)]
    found = {
        "family": job.family,
        "baseline": job.baseline.name,
        "below": job.options.below,
        "thin": job.options.thin,
        "epochs": job.settings.training.epochs,
        "folds": sorted({fold.number for fold in folds}),
        "of_folds": job.settings.split.folds,
        "seeds": list(job.seeds),
        "few": {name: _rests_on(bench, name) for name in bench.few},
        "species": trained,
        "arms": rows,
        "data_fingerprint": dataset.fingerprint,
        "source": dataset.source.name,
        "licence": dataset.source.licence,
        "citation": dataset.source.citation,
        "command": job.command,
    }
    return {**found, "verdict": verdict(found)}


def _rests_on(bench: Bench, name: str) -> dict[str, Any]:
    """How many clips there are to learn from, least and most, and what is tested."""
    tested = {c.key: c for fold in bench.folds for c in fold.split.test if c.label == name}
    counts = [fold.real.get(name, 0) for fold in bench.folds]
    groups = {c.group_key for c in tested.values()}
    return {"learnt_from": [min(counts), max(counts)], "n_clips": len(tested), "n_groups": len(groups)}


def _row(bench: Bench, arm: Arm, error: str) -> dict[str, Any]:
    done, judged = bench.done(arm), bench.judged(arm)
    runs = [RunFolder(fold_folder(bench.out, arm, fold)).info for fold in done]
    made = sum(info.made for info in runs)
    row: dict[str, Any] = {
        **{"maker": arm.maker or None, "over": arm.over, "moved": arm.moved, "judged": arm.judged},
        **{"ratio": arm.ratio or None, "fill": arm.fill or None, "error": error or None},
        "n_folds": len(done),
        "n_synthetic": sum(info.n_synthetic for info in runs) / len(done) if done else None,
        "refused": sum(info.refused for info in runs) / made if made and arm.judged else None,
        **dict.fromkeys(("accuracy", "macro_f1", "few_f1", "few_recall", "versus")),
        "per_species": {},
    }
    if not done:
        return row
    row |= _figures(bench, judged)
    if arm != bench.job.baseline:
        row["versus"] = _versus(bench, arm)
        row["per_species"] = {name: _species(bench, arm, judged, name) for name in bench.few}
    return row


def _figures(bench: Bench, judged: Sequence[SeedScores]) -> dict[str, Any]:
    """Means over seeds, with intervals over tapes."""
    names = bench.labels.names
    tables = [_table(bench, one) for one in judged]
    few = [bench.labels.index(name) for name in bench.few]
    several = [bench.labels.index(name) for name in bench.tested]
    over_few, over_all = (intervals(judged, names, of) for of in (bench.few, bench.tested))
    right = [float((one.probabilities.argmax(axis=1) == one.truth).mean()) for one in judged]
    return {
        "accuracy": float(np.mean(right)),
        "accuracy_ci": over_all["accuracy"],
        "macro_f1": _mean([classify.f1_per_species(t)[several] for t in tables]),
        "macro_f1_ci": over_all["macro_f1_multi_group"],
        "few_f1": _mean([classify.f1_per_species(t)[few] for t in tables]),
        "few_f1_ci": over_few["macro_f1_multi_group"],
        "few_recall": _mean([_recall(t)[few] for t in tables]),
    }


def _table(bench: Bench, judged: SeedScores) -> np.ndarray:
    return classify.confusion(judged.truth, judged.probabilities.argmax(axis=1), len(bench.labels))


def _recall(table: np.ndarray) -> np.ndarray:
    """(K,) share of each species' clips that are named right; 0 where there is none."""
    found: np.ndarray = np.diagonal(table) / np.maximum(table.sum(axis=1), 1)
    return found


def _mean(values: Sequence[np.ndarray]) -> float | None:
    return float(np.mean(values)) if np.size(values) else None


def _versus(bench: Bench, arm: Arm) -> dict[str, Any] | None:
    """What the arm gains over the few, and over whatever a fold had few of (`scarce_recall`)."""
    found = bench.versus(arm, bench.few)
    if found is None:
        return None
    gains = {figure: found[name] for figure, name in zip(FIGURES, COMPARED, strict=True)}
    scarce = bench.versus(arm, bench.tested, only_few=True)
    gains["scarce_recall"] = None if scarce is None else scarce["macro_recall_multi_group"]
    return {**gains, "n_clips": found["n_clips"], "n_groups": found["n_groups"]}


def _species(bench: Bench, arm: Arm, judged: Sequence[SeedScores], name: str) -> dict[str, Any]:
    k = bench.labels.index(name)
    tables = [_table(bench, one) for one in judged]
    gain = bench.versus(arm, [name]) or {}
    return {
        "recall": float(np.mean([_recall(t)[k] for t in tables])),
        "f1": float(np.mean([classify.f1_per_species(t)[k] for t in tables])),
        "gain_recall": gain.get("macro_recall_multi_group"),
        "gain_f1": gain.get("macro_f1_multi_group"),
    }


def verdict(found: Mapping[str, Any]) -> str:
    """One sentence for people, never more than the interval says.

    The best of n arms is lucky besides: it must be ahead in 1 - 0.025 / n of the draws (Bonferroni).
    """
    gains = {
        name: row["versus"]["few_f1"]
        for name, row in found["arms"].items()
        if row["maker"] and row["versus"] and row["versus"]["few_f1"]["difference"] is not None
    }
    species = f"{len(found['few'])} species with fewer than {found['below']} clips to learn from"
    if not found["few"]:
        return f"Nothing to tell: no tested species has fewer than {found['below']} clips to learn from."
    if not gains:
        return f"Nothing to tell yet: no arm with synthetic examples and {found['baseline']} share a fold."
    best = max(gains, key=lambda name: gains[name]["difference"])
    by, ci = gains[best]["difference"], gains[best]["ci"]
    sure = ci is not None and ci[0] > 0 and gains[best]["ahead"] >= 1 - 0.025 / len(gains)
    many = f", the best of {len(gains)} tried" if len(gains) > 1 else ""
    told = f"macro-F1 over the {species} changes by {by:+.3f}"
    if ci is None:
        return f"No gain shown: {best}{many}: {told} over {found['baseline']}, on one tape."
    interval = f"95 % interval {ci[0]:+.3f} to {ci[1]:+.3f} over tapes"
    if sure:
        return f"Gain: with {best}{many}, {told} over {found['baseline']} on unseen tapes ({interval})."
    if ci[1] < 0:
        return f"Harm: even with {best}{many}, {told} over {found['baseline']} on unseen tapes ({interval})."
    interval += ", not enough for the best of several" if ci[0] > 0 else ""
    return f"No gain shown: with {best}{many}, {told} over {found['baseline']} on unseen tapes ({interval})."


def save(found: Mapping[str, Any], folder: Path) -> None:
    """`gain.json`, and `gain.csv` with a row for each arm."""
    write_json(folder / FILE, found)
    gains = [f"gain_{f}{end}" for f in (*FIGURES, "scarce_recall") for end in ("", "_low", "_high")]
    plain = ["n_folds", "n_synthetic", "refused", "accuracy", "macro_f1", "few_f1", "few_recall"]
    out = StringIO()
    table = csv.DictWriter(out, ["arm", *plain, *gains, "error"], restval="", lineterminator="\n")
    table.writeheader()
    for name, row in found["arms"].items():
        flat = {"arm": name, "error": row["error"], **{k: row[k] for k in plain}}
        for figure in (*FIGURES, "scarce_recall"):
            gain = (row["versus"] or {}).get(figure)
            if gain:
                low, high = gain["ci"] or (None, None)
                key = f"gain_{figure}"
                flat |= {key: gain["difference"], f"{key}_low": low, f"{key}_high": high}
        table.writerow({k: "" if v is None else v for k, v in flat.items()})
    write_atomic(folder / TABLE, out.getvalue())
