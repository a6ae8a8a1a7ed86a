"""No message proposes to delete data: it proposes to restore, to move aside, or to write somewhere else.

The law holds for every text in the source that is no docstring, for the templates, and for the docs.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "finback"
DESTROYS = re.compile(
    r"\b(?:delet\w*|remov\w*|eras\w*|wip(?:e|ing)\b|overwrit\w*|discard\w*|purg\w*|unlink\w*|trash\w*"
    r"|rm -|rmdir|del |throw\w* away|get rid|start over|start afresh|from scratch"
    r"|record (?:it|them|the \w+) again|clear (?:the|it|out|your)|empty (?:the|that|your) (?:folder|cache))",
    re.IGNORECASE,
)
# Texts with such a word that give no advice: what a computation does, and the words of HTTP.
NO_ADVICE = (
    "subtracting the background removes the level already: set level = 'none'",
    "PCEN removes the background itself",
    "PCEN cannot be inverted: it discards the level",
    "removed",  # HTTP 410: a page that its site has taken away
)
# In the docs: an order to the reader, or a command.
ORDERS = re.compile(
    r"(?:^|[.;:,] |`|\$ |and |then |or )(?:please )?"
    r"(?:(?:delete|remove|erase|overwrite) (?:the|that|this|it|your|its|all|old|any)\b|rm (?:-|\w)|del )",
    re.IGNORECASE | re.MULTILINE,
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a file that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_text_of_the_program_proposes_to_delete(path: Path) -> None:
    found = [(n, t) for n, t in texts(path) if " " in t and DESTROYS.search(t) and t not in NO_ADVICE]
    assert not found, "say what to restore, to move aside, or which other --out to give"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.j2")), ids=lambda p: p.name)
def test_no_page_proposes_to_delete(path: Path) -> None:
    text = re.sub(r"\{[#%].*?[#%]\}|\.remove\w+", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not DESTROYS.search(text)


def pages() -> list[Path]:
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").rglob("*.ipynb")]
    return sorted(found)


@pytest.mark.parametrize("path", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_page_of_the_docs_tells_to_delete(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    assert not [m[0] for m in ORDERS.finditer(text)]


@pytest.mark.parametrize(
    "text",
    ["record it again", "Delete that folder", "rm -rf runs/a", "overwrite it", "start over"],
)
def test_the_words_are_known(text: str) -> None:
    assert DESTROYS.search(text)
