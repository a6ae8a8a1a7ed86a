"""README and docs show the stored results, and each stored result names a command that exists."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PICTURES = ROOT / "docs" / "pictures"
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


def test_every_picture_is_the_one_that_a_command_made(modules) -> None:
    made = {
        row[0]: (row[1], result.command)
        for result in (modules[0].load(path.stem) for path in RESULTS)
        for row in (result.tables["pictures"].rows if "pictures" in result.tables else ())
    }
    assert {path.name for path in PICTURES.glob("*")} == set(made)
    for name, (digest, command) in made.items():
        assert hashlib.sha256((PICTURES / name).read_bytes()).hexdigest() == digest, f"{name}: {command}"


@pytest.mark.parametrize("part", ["readme", "tutorial", "detector"])
def test_a_page_shows_what_its_commands_printed(part: str, modules) -> None:
    page_commands = importlib.import_module("page_commands")
    printed = dict(modules[0].load(f"page-{part}").tables["printed"].rows)
    steps = [step for step in page_commands.steps(page_commands.RUN[part]) if step.command]
    assert len(steps) > 4
    for step in steps:
        assert step.command in printed, f"a new command: python benchmarks/pictures.py {part}"
        assert page_commands.missing(step.shown, printed[step.command]) == [], step.command


def test_a_line_that_was_not_printed_is_found(modules) -> None:
    missing = importlib.import_module("page_commands").missing
    assert missing("3 clips\n  of two\n...\nlast\n", "first\n3 clips of two\nmore\nlast") == []
    assert missing("...\n4 clips\n", "3 clips") == ["4 clips"]


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/explanation/leaks.md"])
def test_the_headline_stands_beside_its_command(page: str, modules) -> None:
    ((command, _),) = modules[0].load("page-headline").tables["printed"].rows
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert "headline.png" in text
    assert "page-headline/verdict" in text
    if page == "README.md":
        assert command in text


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
