"""README and docs show the stored results, and each stored result names a command that exists."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    """`stored` and `tables` of the benchmarks, which are scripts and not part of the package."""
    before = list(sys.path)
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("stored"), importlib.import_module("tables")
    sys.path[:] = before


def test_every_page_has_the_stored_figures(modules) -> None:
    for page in modules[1].pages():
        text = page.read_text(encoding="utf-8")
        assert modules[1].filled(text) == text, f"{page}: run python benchmarks/tables.py"


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_every_result_names_the_command_that_makes_it_again(path: Path, modules) -> None:
    result = modules[0].load(path.stem)
    words = result.command.split()
    assert words[0] in ("python", "make"), result.command
    if words[0] == "python":
        assert words[1].startswith("benchmarks/")
        assert (ROOT / words[1]).is_file()
    else:
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    assert result.about.endswith(".")
    assert result.values or result.tables


@pytest.mark.parametrize("page", ["README.md", "docs/backbones.md", "docs/explanation/leaks.md"])
def test_a_score_with_three_decimals_is_a_stored_one(page: str, modules) -> None:
    text = modules[1].MARK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    found = re.findall(r"(?<![\w.])0\.[1-9]\d{2}(?![\w.])", text)
    assert not found, "store it: benchmarks/stored.py"


def example(modules, folder: Path) -> None:
    stored, _ = modules
    table = stored.Table(
        ("recipe", "macro-F1", "clips"), [("a|b", stored.with_interval(0.5436, [0.4, 0.65]), 9)]
    )
    result = stored.Stored(
        "make bench", "An example.", {"f1": 0.5436, "f1.ends": [0.41, 0.63]}, {"all": table}
    )
    stored.store("small", result, folder)


def test_tables_and_values_are_filled_in(modules, tmp_path: Path) -> None:
    example(modules, tmp_path)
    page = (
        "It has <!-- stored-value small/f1 -->old<!-- end --> "
        "(<!-- stored-value small/f1.ends .1f --><!-- end -->), "
        "in percent <!-- stored-value small/f1 .0% -->?<!-- end -->.\n\n"
        "<!-- stored-table small/all -->\nold\n<!-- end -->\n"
    )
    new = modules[1].filled(page, tmp_path)
    assert "-->0.544<!--" in new
    assert "-->0.4 to 0.6<!--" in new
    assert "-->54%<!--" in new
    assert "| a\\|b | 0.544 (0.400 to 0.650) | 9 |" in new
    assert "old" not in new
    assert modules[1].filled(new, tmp_path) == new


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("x <!-- stored-value small/f2 -->1<!-- end -->", "no value 'f2'; it has: f1"),
        ("x <!-- stored-value large/f1 -->1<!-- end -->", "no stored result 'large'; there are: small"),
        ("x <!-- stored-value small/f1 -->1", "not closed"),
        ("a\n<!-- stored-value small/f1 -->1<!-- end -->", "begins a line"),
    ],
)
def test_a_wrong_mark_is_an_error(modules, tmp_path: Path, page: str, message: str) -> None:
    example(modules, tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        modules[1].filled(page, tmp_path)


def test_a_table_has_a_cell_for_every_column(modules) -> None:
    with pytest.raises(ValueError, match="1 cells"):
        modules[0].Table(("a", "b"), [("x",)])
