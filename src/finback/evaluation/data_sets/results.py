"""The table of recipes x data sets: how good each recipe is where, and whether it is better on most.

Keys of the JSON object: `reference`, `seeds`, `command`; `recipes` {name: {`mean_rank` over the data sets
(Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7:1-30), `n_data_sets`
finished, `n_above` and `n_compared` with the reference, `better_on` and `worse_on`: the data sets on which
the interval of the paired difference leaves out 0, `verdict`: reference, better, worse, not established}};
`data_sets` {name: {`about`, `n_clips`, `n_groups`, `n_species` tested, `folds`, `test_by`, `no_audio`
{group_lookup_accuracy, metadata_accuracy}, `detectable` (a difference of macro-F1), `choice` (keys of
`finback.metrics.selection`), `inner_choice`: null, or {chosen {recipe: number of folds}, inner_macro_f1 (mean
over folds), versus_reference}, `recipes` {name: row}}}. A row has the keys of a family in `leaderboard.json`,
with `versus_reference` in place of `versus_leader`, and `transductive`: null, the place of a score that also
uses the clips to be named, without labels.

A recipe is called better only where the interval leaves out 0 on more than half of all data sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.progress import Progress
from finback.core.runs.files import RunFiles
from finback.core.runs.scores import load_scores
from finback.core.storage.files import read_json, write_json
from finback.core.types import Scores
from finback.data.dataset import Dataset
from finback.evaluation.comparison.leaderboard import Candidate, predicted, row_of, versus_of
from finback.evaluation.data_sets.definition import DataSet
from finback.evaluation.data_sets.inner import Choice
from finback.evaluation.data_sets.plan import DataSetComparison, Recipe
from finback.evaluation.data_sets.tables import write_tables
from finback.metrics.selection import Answers, chosen_and_judged, detectable

FILE = "data_sets.json"
RANKED_BY = "macro_f1_multi_group"
Rows = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class OneDataSet:
    """A data set whose runs are finished, or failed."""

    definition: DataSet
    dataset: Dataset
    out: Path
    errors: Mapping[str, str]  # by recipe
    chosen: Mapping[int, Choice]  # by seed; empty without inner folds
    no_audio: Mapping[str, Any]
    folds: int
    rows: Mapping[str, Any] = field(default_factory=dict)


def rows(one: OneDataSet, comparison: DataSetComparison, progress: Progress) -> dict[str, Any]:
    """What the JSON object holds of one data set."""
    dataset, labels, multi = one.dataset, one.dataset.labels, one.dataset.multi_group
    scores: dict[str, dict[int, Scores]] = {}
    table: dict[str, dict[str, Any]] = {}
    for recipe in progress(comparison.recipes, f"{one.definition.name}: intervals", len(comparison.recipes)):
        folders = {s: recipe.folder(one.out, s) for s in comparison.options.seeds}
        done = {s: path for s, path in folders.items() if RunFiles(path).metrics.exists()}
        done = {} if recipe.name in one.errors else done
        candidate = Candidate(recipe.name, done, error=one.errors.get(recipe.name, ""))
        scores[recipe.name] = {
            s: load_scores(RunFiles(path).scores, dataset.clips)[0] for s, path in done.items()
        }
        table[recipe.name] = row_of(candidate, scores[recipe.name], labels, multi)
        del table[recipe.name]["versus_leader"]
        table[recipe.name] |= {"versus_reference": None, "transductive": None}
    reference = comparison.reference
    for name, own in scores.items():
        if name != reference and own and scores[reference]:
            table[name]["versus_reference"] = versus_of(own, scores[reference], dataset, labels, multi)
    _rank(table)
    tested = {clip.label for own in scores.values() for s in own.values() for clip in s.clips}
    versus = [row["versus_reference"] for row in table.values() if row["versus_reference"]]
    return {
        "about": one.definition.about,
        "n_clips": max((row["n_clips"] for row in table.values()), default=0),
        "n_groups": max((row["n_groups"] for row in table.values()), default=0),
        "n_species": len(tested),
        "folds": one.folds,
        "test_by": one.definition.test_by and Path(one.definition.test_by).name,
        "no_audio": _no_audio(one.no_audio),
        "detectable": detectable([v[RANKED_BY]["ci"] for v in versus]),
        "choice": _choice(scores, one, reference),
        "inner_choice": _inner_choice(one, scores, reference),
        "recipes": dict(sorted(table.items(), key=lambda item: (item[1]["rank"] or len(table) + 1, item[0]))),
        "data_fingerprint": dataset.fingerprint,
    }


def _rank(table: Rows) -> None:
    """Write the rank of each finished recipe into its row; equal scores share the mean of their ranks."""
    values = {name: row[RANKED_BY] for name, row in table.items() if row[RANKED_BY] is not None}
    for name, value in values.items():
        above = sum(other > value for other in values.values())
        equal = sum(other == value for other in values.values())
        table[name]["rank"] = above + (equal + 1) / 2


def _no_audio(baselines: Mapping[str, Any]) -> dict[str, Any]:
    grouped = baselines.get("in_use") or baselines.get("grouped") or {}
    return {key: grouped.get(key) for key in ("group_lookup_accuracy", "metadata_accuracy")}


def _choice(
    scores: Mapping[str, Mapping[int, Scores]], one: OneDataSet, reference: str
) -> dict[str, Any] | None:
    """The lead of the best recipe as it was chosen and as it is judged; None without two finished recipes."""
    finished = {name: own for name, own in scores.items() if own}
    if len(finished) < 2 or reference not in finished:
        return None
    clips = list({c.key: c for c in one.dataset.clips}.values())
    labels = one.dataset.labels
    answers = Answers(
        labels.targets(clips),
        tuple(clip.group_key for clip in clips),
        [[predicted(s, clips) for s in own.values()] for own in finished.values()],
    )
    multi = [labels.index(name) for name in one.dataset.multi_group]
    return chosen_and_judged(answers, list(finished), reference, multi)


def _inner_choice(
    one: OneDataSet, scores: Mapping[str, Mapping[int, Scores]], reference: str
) -> dict[str, Any] | None:
    """The recipe chosen within each fold, tested on the fold; pooled over folds, against the reference."""
    pooled = {seed: _pooled(one, scores, seed, choice) for seed, choice in one.chosen.items()}
    if not pooled or not scores[reference]:
        return None
    labels, multi = one.dataset.labels, one.dataset.multi_group
    counts: dict[str, int] = {}
    for choice in one.chosen.values():
        for name in choice.recipes:
            counts[name] = counts.get(name, 0) + 1
    versus = versus_of(pooled, scores[reference], one.dataset, labels, multi)
    inner = [score for choice in one.chosen.values() for score in choice.scores]
    return {"chosen": counts, "inner_macro_f1": float(np.mean(inner)), "versus_reference": versus}


def _pooled(one: OneDataSet, scores: Mapping[str, Mapping[int, Scores]], seed: int, choice: Choice) -> Scores:
    """The scores of the chosen recipe of each fold on the test clips of that fold."""
    parts = []
    for fold, name in enumerate(choice.recipes):
        path = RunFiles(Recipe.of(name).folder(one.out, seed)).scores
        of_run, folds = load_scores(path, one.dataset.clips)
        keep = np.flatnonzero(folds == fold)
        parts.append(Scores(tuple(of_run.clips[i] for i in keep), of_run.labels, of_run.logits[keep]))
    clips = tuple(clip for part in parts for clip in part.clips)
    return Scores(clips, parts[0].labels, np.concatenate([part.logits for part in parts]))


def combined(comparison: DataSetComparison, done: list[OneDataSet]) -> dict[str, Any]:
    """The whole JSON object."""
    data_sets = {one.definition.name: one.rows for one in done}
    names = [recipe.name for recipe in comparison.recipes]
    recipes = {name: _over_data_sets(name, data_sets, comparison.reference) for name in names}
    order = sorted(names, key=lambda name: (recipes[name]["mean_rank"] or len(names) + 1, name))
    return {
        "reference": comparison.reference,
        "ranked_by": RANKED_BY,
        "recipes": {name: recipes[name] for name in order},
        "data_sets": data_sets,
        "seeds": list(comparison.options.seeds),
        "inner_folds": comparison.inner_folds,
        "command": comparison.options.command,
    }


def _over_data_sets(name: str, data_sets: Mapping[str, Any], reference: str) -> dict[str, Any]:
    mine = {key: one["recipes"][name] for key, one in data_sets.items()}
    ranks = [row["rank"] for row in mine.values() if row["rank"] is not None]
    gaps = {key: row["versus_reference"][RANKED_BY] for key, row in mine.items() if row["versus_reference"]}
    gaps = {key: gap for key, gap in gaps.items() if gap["difference"] is not None}
    better = [key for key, gap in gaps.items() if gap["ci"] and gap["ci"][0] > 0]
    worse = [key for key, gap in gaps.items() if gap["ci"] and gap["ci"][1] < 0]
    most = len(data_sets) / 2
    verdict = "better" if len(better) > most else "worse" if len(worse) > most else "not established"
    return {
        "mean_rank": float(np.mean(ranks)) if ranks else None,
        "n_data_sets": len(ranks),
        "n_compared": len(gaps),
        "n_above": sum(gap["difference"] > 0 for gap in gaps.values()),
        "better_on": better,
        "worse_on": worse,
        "verdict": "reference" if name == reference else verdict,
    }


def save(result: Mapping[str, Any], folder: Path) -> None:
    """Write `data_sets.json`, `data_sets.csv` (a row for each recipe and data set) and `data_sets.tex`."""
    write_json(folder / FILE, result)
    write_tables(result, folder)


def load(folder: Path) -> dict[str, Any]:
    """The object of `data_sets.json`."""
    value: dict[str, Any] = read_json(folder / FILE)
    return value
