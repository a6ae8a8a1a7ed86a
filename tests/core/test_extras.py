"""What is missing is installed by a line that works: finback is on no package index."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from finback.core.extras import EXTRAS, install

ROOT = Path(__file__).parents[2]
FOR_DEVELOPERS = {"docs", "dev"}
# What a reader may copy: texts of commands, pages, the notebook. Decisions and changes tell of other times.
READ = [
    ROOT / "README.md",
    *(p for p in (ROOT / "docs").rglob("*.md") if p.parent.name != "decisions"),
    *(ROOT / "src").rglob("*.py"),
    *(ROOT / "notebooks").glob("*.ipynb"),
]
FROM_AN_INDEX = re.compile(r"pip install (?:-\S+ )*\\?[\"']?finback[\[\"'`\s]")


def test_the_packages_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert {name: list(packages) for name, packages in EXTRAS.items()} == {
        name: packages for name, packages in extras.items() if name not in FOR_DEVELOPERS
    }


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_line_is_one_that_a_shell_and_pip_understand(extra: str) -> None:
    first, second, *packages = shlex.split(install(extra))
    assert (first, second) == ("pip", "install")
    assert [Requirement(text).name for text in packages] == [Requirement(t).name for t in EXTRAS[extra]]


@pytest.mark.parametrize("path", READ, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_tells_to_install_finback_from_an_index(path: Path) -> None:
    assert not FROM_AN_INDEX.findall(path.read_text(encoding="utf-8")), path


def test_such_a_line_would_be_found() -> None:
    for line in ("pip install finback\n", "pip install 'finback[fetch]'", '%pip install --quiet "finback"'):
        assert FROM_AN_INDEX.search(line), line
    for line in (
        "pip install finback-0.1.0-py3-none-any.whl",
        "pip install ./finback",
        "pip install '.[fetch]'",
    ):
        assert not FROM_AN_INDEX.search(line), line
