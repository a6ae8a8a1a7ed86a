"""Tables for LaTeX: every name is printed as it is, and every row has as many cells as the table columns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.report.latex import escaped, interval, leaderboard_table, metrics_tables, number, table

NASTY = r"a & b_50% $x$ #1 {y} ~z ^w \frac <q> | " + '"r"'
COMMANDS = {
    f"text{name}" for name in ("backslash", "asciitilde", "asciicircum", "quotedbl", "less", "greater", "bar")
}
OF_TABLE = {"begin", "end", "caption", "label", "toprule", "midrule", "bottomrule"}


def check(tex: str) -> list[list[str]]:
    """The rows of all tables; fails where LaTeX would: unknown commands, open braces, bare special signs."""
    code = "\n".join(line for line in tex.splitlines() if not line.startswith("%"))
    assert set(re.findall(r"\\([a-zA-Z]+)", code)) <= COMMANDS | OF_TABLE
    assert re.findall(r"\\begin\{(\w+)\}", code) == ["table", "tabular"] * (code.count(r"\begin") // 2)
    plain = re.sub(r"\\[&%$#_{}\\]", "", code).replace("$-$", "-")  # what is escaped, ends of rows, minus
    assert not re.search(r"[%$#^~\"<>|]", plain)
    assert not re.search(r"_", re.sub(r"\\label\{[^}]*\}", "", plain))
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    rows = []
    for layout, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", code, re.S):
        for line in body.splitlines():
            if line.rstrip().endswith(r"\\"):
                cells = re.split(r"(?<!\\)&", line.strip().removesuffix(r"\\"))
                assert len(cells) == len(layout)
                rows.append([cell.strip() for cell in cells])
    return rows


def test_a_table_has_its_rows_between_the_rules_of_booktabs() -> None:
    tex = table(("species", "clips"), [(NASTY, "3"), ("Косатка", "12")], "All 100 % of them.", "all")
    assert check(tex)[1:] == [[escaped(NASTY), "3"], ["Косатка", "12"]]
    rules = [tex.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert rules == sorted(rules)


@given(st.text())
def test_any_name_is_one_cell(name: str) -> None:
    assert check(table(("a", "b"), [(name, "1")], name, "x"))[-1][1] == "1"


def test_the_checker_finds_what_latex_refuses() -> None:
    good = table(("a", "b"), [("x", "1")], "c", "l")
    for bad in ("x_1", "x & y", "50%", "{x", r"\foo", "$"):
        with pytest.raises(AssertionError):
            check(good.replace("    x &", f"    {bad} &"))


def test_the_tables_of_metrics_have_the_figures_and_the_tested_species() -> None:
    species = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "auc": None}
    species |= {"n_clips": 12, "n_groups": 2, "noisy": True}
    metrics = {"accuracy": 0.5, "accuracy_ci": [0.4, 0.625], "ece": 0.1, "n_clips": 12, "n_groups": 2}
    metrics |= dict.fromkeys(("balanced_accuracy", "macro_f1", "macro_f1_multi_group"))
    metrics |= dict.fromkeys(("macro_auc", "average_precision", "top3_accuracy"))
    metrics["per_species"] = {NASTY: species, "untested": {**species, "n_clips": 0}}
    rows = check(metrics_tables(metrics))
    assert ["accuracy", "0.500", "[0.400, 0.625]"] in rows
    assert ["calibration error (ECE)", "0.100", "--"] in rows
    assert [f"{escaped(NASTY)} *", "12", "2", "0.500", "0.250", "0.333", "--"] in rows
    assert not any("untested" in row[0] for row in rows)


def test_the_leaderboard_has_a_row_for_each_family_with_a_result() -> None:
    first = {"rank": 1, "macro_f1_multi_group": 0.5, "macro_f1_multi_group_ci": [0.4, 0.6], "accuracy": 0.7}
    first |= {"accuracy_ci": None, "versus_leader": None, "random_split": {"accuracy": 0.9}, "ece": 0.05}
    gap = {"macro_f1_multi_group": {"difference": -0.1, "ci": [-0.2, 0.05]}}
    second = {**first, "rank": 2, "versus_leader": gap, "random_split": None}
    families = {"cnn2d": first, "lstm": second, "failed": {"rank": None}}
    rows = check(leaderboard_table({"families": families}))
    assert rows[1] == ["cnn2d", "0.500 [0.400, 0.600]", "0.700 --", "--", "0.900", "0.050"]
    assert rows[2][3:5] == ["$-$0.100 [$-$0.200, +0.050]", "--"]
    assert len(rows) == 3


def test_numbers_that_are_missing_are_dashes() -> None:
    assert (number(None), interval(None)) == ("--", "--")
