"""The page of a synthetic study: whether generated clips help species with few clips, and by how much.

It is made from the JSON object of the study alone (`finback.evaluation.synthetic_study.results`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finback.core.text import counted
from finback.report.pages.common import Drawn, Picture, Table, count, render_page
from finback.report.plots.synthetic_study import differences

COMPARED = (("low_data_f1", "macro-F1"), ("low_data_recall", "recall"), ("accuracy", "accuracy"))


@dataclass(frozen=True)
class SyntheticStudyPage:
    """Everything that the page shows. `result` is the object of the study."""

    title: str
    result: Mapping[str, Any]
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def render(page: SyntheticStudyPage) -> str:
    """The page as HTML."""
    result = page.result
    return render_page(
        "synthetic_study.html.j2",
        page.title,
        "study of synthetic clips",
        result["verdict"],
        result=result,
        budget=budget(result),
        tables=tables(result),
        errors=[f"{name}: {row['error']}" for name, row in result["arms"].items() if row["error"]],
        pictures=page.pictures,
    )


def figures(result: Mapping[str, Any]) -> dict[str, Drawn]:
    """The figures of the page, by name."""
    alt = "Difference of each arm from the baseline, for all species and for each"
    return {"synthetic_study": (differences(result), alt)}


def budget(result: Mapping[str, Any]) -> str:
    """The amount of training behind the results, so that a short study is not taken for a long one."""
    most = result["max_real_clips"]
    limit = f", at most {most} real training clips per species" if most else ""
    folds = f"{len(result['folds'])} of {count(result['n_folds'], 'fold')}"
    seeds = count(len(result["seeds"]), "seed")
    return f"{result['family']}, {counted(result['epochs'], 'epoch')} in every arm, {folds}, {seeds}{limit}."


def tables(result: Mapping[str, Any]) -> list[Table]:
    """The arms with their differences from the baseline, and the difference in F1 of each species."""
    below, baseline = result["low_data_below"], result["baseline"]
    low_data, rows = result["low_data_species"], []
    n_runs = len(result["seeds"]) * len(result["folds"])
    for name, row in result["arms"].items():
        versus = row["versus"] or {}
        synthetic = "–" if row["n_synthetic"] is None else f"{row['n_synthetic']:.0f}"
        f1 = "–" if row["low_data_f1"] is None else f"{row['low_data_f1']:.3f}"
        gaps = (difference(versus.get(key)) for key, _ in COMPARED)
        rows.append((name, f"{row['n_folds']} of {n_runs}", synthetic, f1, *gaps))
    columns = (
        "arm",
        "folds",
        "synthetic clips",
        "macro-F1",
        *(f"difference of {name}" for _, name in COMPARED),
    )
    meaning = (
        f"Macro-F1 and recall are over the {len(low_data)} species with fewer than {below} training clips. "
        f"Differences are from {baseline}, on held-out groups, with 95 % intervals."
    )
    found = [Table("Arms", meaning, columns, rows)]
    arms = {name: row for name, row in result["arms"].items() if row["per_species"]}
    if low_data and arms:
        each = [
            (name, str(counts["n_clips"]), str(counts["n_groups"]),
             *(difference(row["per_species"][name]["f1_difference"]) for row in arms.values()))
            for name, counts in low_data.items()
        ]  # fmt: skip
        meaning = f"Difference of F1 from {baseline}; clips and groups of the whole data set."
        found.append(Table("Species", meaning, ("species", "clips", "groups", *arms), each))
    return found


def difference(versus: Mapping[str, Any] | None) -> str:
    """`+0.031 [-0.020, +0.084]`."""
    if not versus or versus["difference"] is None:
        return "–"
    ends = f" [{versus['ci'][0]:+.3f}, {versus['ci'][1]:+.3f}]" if versus["ci"] else ""
    return f"{versus['difference']:+.3f}{ends}"
