r"""Tables of results for LaTeX: `\usepackage{booktabs}` is all that they need.

Names come from labels of people, so every character that LaTeX reads as a command is escaped. Names in Greek,
Cyrillic or Chinese letters compile with LuaLaTeX or XeLaTeX and a font that has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from finback.core.text import printable
from finback.metrics.classification import METRICS

SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    '"': "\\textquotedbl{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
}
NOTHING = "--"  # a dash: there is no value
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1, all species",
    "macro_f1_multi_group": "macro-F1, species with several groups",
    "macro_auc": "macro AUC",
    "average_precision": "average precision",
    "top3_accuracy": "top-3 accuracy",
    "ece": "calibration error (ECE)",
}
RANKED_BY = "macro_f1_multi_group"


def escaped(text: str) -> str:
    """The text as LaTeX prints it, on one line."""
    return "".join(SPECIAL.get(character, character) for character in printable(" ".join(text.split())))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str) -> str:
    """A `table` with a caption above; the first column is text, the others are numbers. Cells are escaped."""
    lines = [" & ".join(map(_cell, row)) + r" \\" for row in (columns, *rows)]
    return "\n".join(
        (
            r"\begin{table}",
            rf"  \caption{{{escaped(caption)}}}",
            rf"  \label{{tab:{label}}}",
            rf"  \begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
            r"    \toprule",
            f"    {lines[0]}",
            r"    \midrule",
            *(f"    {line}" for line in lines[1:]),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        )
    )


def _cell(text: str) -> str:
    """Escaped; a hyphen before a number is a minus sign."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "$-$", escaped(text))


def metrics_tables(metrics: Mapping[str, Any]) -> str:
    """Of `metrics.json`: a table of the figures of the run, and one of the species that were tested."""
    clips, groups = metrics["n_clips"], metrics["n_groups"]
    figures = [
        (NAMES.get(key, key), number(metrics[key]), interval(metrics.get(f"{key}_ci")))
        for key in METRICS
        if metrics.get(key) is not None
    ]
    tested = [(name, s) for name, s in metrics["per_species"].items() if s["n_clips"]]
    rows = [
        (
            f"{name} *" if s["noisy"] else name,
            *(str(s[key]) for key in ("n_clips", "n_groups")),
            *(number(s[key]) for key in ("precision", "recall", "f1", "auc")),
        )
        for name, s in tested
    ]
    few = (
        " *: fewer than 10 test clips or 3 groups, a rough estimate."
        if any("*" in r[0] for r in rows)
        else ""
    )
    first = f"Results on {clips} test clips of {groups} recording groups, with 95 % intervals over groups."
    return "\n".join(
        (
            "% \\usepackage{booktabs}",
            table(("figure", "value", "95 % interval"), figures, first, "metrics"),
            table(
                ("species", "clips", "groups", "precision", "recall", "F1", "AUC"),
                rows,
                f"Results for each species.{few}",
                "species",
            ),
        )
    )


def leaderboard_table(comparison: Mapping[str, Any]) -> str:
    """Of `leaderboard.json`: a row for each family with a result, the best first."""
    rows = []
    for name, row in comparison["families"].items():
        if row["rank"] is None:
            continue
        versus = ((row["versus_leader"] or {}).get(RANKED_BY)) or {}
        gap = versus.get("difference")
        behind = NOTHING if gap is None else f"{gap:+.3f} {interval(versus.get('ci'), '{:+.3f}')}".strip()
        figures = (
            f"{number(row[key])} {interval(row[f'{key}_ci'])}".strip() for key in (RANKED_BY, "accuracy")
        )
        random = (row["random_split"] or {}).get("accuracy")
        rows.append((name, *figures, behind, number(random), number(row["ece"])))
    columns = ("family", "macro-F1", "accuracy", "difference of macro-F1", "accuracy, random split", "ECE")
    caption = (
        "Families on the same folds, with 95 % intervals over recording groups. Macro-F1: over the species "
        "with at least two groups. Difference: from the first family, paired over groups. Random split: "
        "clips of one group can be in the training set and in the test set."
    )
    return "% \\usepackage{booktabs}\n" + table(columns, rows, caption, "leaderboard")


def number(value: float | None) -> str:
    """Three decimals; a dash where there is no value."""
    return NOTHING if value is None else f"{value:.3f}"


def interval(ends: Sequence[float] | None, form: str = "{:.3f}") -> str:
    """`[0.351, 0.440]`; a dash where there is none."""
    return f"[{form.format(ends[0])}, {form.format(ends[1])}]" if ends else NOTHING
