"""The page of promises: each has a test, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "promises.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^- (.+?)(?=^- |^#|\Z)", PAGE, re.M | re.S)


def named(text: str) -> list[tuple[str, str]]:
    """The tests that a text names, each as file and function."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)


@cache
def functions_of(file: str) -> frozenset[str]:
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("file", "test"), sorted(set(named(PAGE))))
def test_a_named_test_exists(file: str, test: str) -> None:
    assert test in functions_of(file)


def test_every_promise_has_a_test() -> None:
    assert len(PROMISES) > 25
    without = [promise.splitlines()[0] for promise in PROMISES if not named(promise)]
    assert not without


def test_every_name_of_a_test_is_read_by_this_test() -> None:
    """A name that is broken over two lines, or misspelt, is not overlooked."""
    assert PAGE.count("tests/") == len(named(PAGE))
