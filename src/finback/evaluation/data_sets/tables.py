"""The table of recipes x data sets as CSV and as LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback.core.storage.files import write_atomic
from finback.evaluation.study_table import interval_columns, write_table
from finback.metrics.classification import METRICS
from finback.report.latex import escaped
from finback.report.pages.data_sets import table

CSV, TEX = "data_sets.csv", "data_sets.tex"
RANKED_BY = "macro_f1_multi_group"


def write_tables(result: Mapping[str, Any], folder: Path) -> None:
    """Write `data_sets.csv`, a row for each recipe and data set, and `data_sets.tex`, the printed table."""
    ends = ("", "_low", "_high")
    columns = ["data_set", "recipe", "rank", "seeds", *(f"{m}{part}" for m in METRICS for part in ends)]
    columns += [f"versus_reference_{RANKED_BY}{part}" for part in ends]
    columns += ["n_clips", "n_groups", "metadata_accuracy", "group_lookup_accuracy", "error"]
    rows = [
        _flat(name, recipe, one, row)
        for name, one in result["data_sets"].items()
        for recipe, row in one["recipes"].items()
    ]
    write_table(folder / CSV, columns, rows)
    write_atomic(folder / TEX, tex(result))


def _flat(name: str, recipe: str, one: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {"data_set": name, "recipe": recipe, "seeds": " ".join(map(str, row["seeds"]))}
    flat |= {key: row[key] for key in ("rank", "n_clips", "n_groups", "error")} | one["no_audio"]
    for metric in METRICS:
        flat |= {metric: row[metric], **interval_columns(metric, row[f"{metric}_ci"])}
    if row["versus_reference"]:
        gap, key = row["versus_reference"][RANKED_BY], f"versus_reference_{RANKED_BY}"
        flat |= {key: gap["difference"], **interval_columns(key, gap["ci"])}
    return flat


def tex(result: Mapping[str, Any]) -> str:
    """A `tabular` of the printed table, for a paper; it needs no package."""
    columns, rows = table(result)
    lines = [" & ".join(map(escaped, row)) + " \\\\" for row in (columns, *rows)]
    layout = "l" + "r" * (len(columns) - 1)
    body = "\n".join([lines[0], "\\hline", *lines[1:]])
    return f"\\begin{{tabular}}{{{layout}}}\n\\hline\n{body}\n\\hline\n\\end{{tabular}}\n"
