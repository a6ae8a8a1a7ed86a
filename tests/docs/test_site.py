"""The docs build as a site without a warning, and the reference leaves nothing out."""

from __future__ import annotations

import html
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import finback
from finback.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p.relative_to(DOCS).with_suffix(".html").as_posix() for p in DOCS.glob("**/*.md"))


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def text_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_built_and_can_be_reached(page: str, site: Path) -> None:
    assert (site / page).is_file()
    if page != "index.html":
        start = (site / "index.html").read_text(encoding="utf-8")
        assert f'href="{page}"' in start, f"{page} is not in the navigation"


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in site.glob("**/*.html"):
        fetched = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert not fetched, page


def test_every_command_and_option_is_in_the_reference(site: Path, hooks: ModuleType) -> None:
    page = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    group: Any = typer.main.get_command(app)
    listed = list(hooks.commands(group, "finback"))
    assert len(listed) > len(app.registered_commands)  # those of groups of commands too
    sections = dict(re.findall(r'<h2 id="([^"]+)">(.*?)(?=<h2 id=|</article>)', page, re.S))
    for name, command in listed:
        section = html.unescape(re.sub(r"<[^>]+>", "", sections[name.replace(" ", "-")]))
        for parameter in command.params:
            if getattr(parameter, "hidden", False):
                continue
            is_option = parameter.param_type_name == "option"
            for spelt in parameter.opts if is_option else [parameter.metavar or parameter.name]:
                assert spelt in section, f"{name} {spelt}"
            for word in (parameter.help or "").split():
                assert word in section, f"{name}: '{word}' of {parameter.name}'s help"


@pytest.mark.parametrize("name", sorted(set(finback.__all__) - {"__version__"}))
def test_every_public_name_is_in_the_reference(name: str, site: Path) -> None:
    page = (site / "reference" / "api.html").read_text(encoding="utf-8")
    assert f'id="{finback._PUBLIC[name]}.{name}"' in page
    assert "Bases: object" not in page


def test_members_of_public_classes_are_in_the_reference(site: Path) -> None:
    page = (site / "reference" / "api.html").read_text(encoding="utf-8")
    for name in (
        "core.types.Clip.duration_s",
        "models.predictor.Predictor.scores",
        "features.logmel.LogMel.forward",
    ):
        assert f'id="finback.{name}"' in page, name
    page_text = text_of(site / "reference" / "api.html")
    assert "Calibrated scores, in the order of the clips." in page_text


def test_a_star_takes_the_pages_that_are_named_nowhere(tmp_path: Path, hooks: ModuleType) -> None:
    for page in ("index.md", "b.md", "a.md", "long.md", "commands/x.md", "commands/y.md"):
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text("# A page\n")
    nav = ["index.md", {"Commands": ["commands/y.md", "commands/*"]}, "*", "lo*", "none*"]
    found = hooks.with_stars(nav, tmp_path)
    assert found == ["index.md", {"Commands": ["commands/y.md", "commands/x.md"]}, "a.md", "b.md", "long.md"]


def test_a_list_of_pages_has_their_titles(site: Path) -> None:
    page = (site / "decisions" / "index.html").read_text(encoding="utf-8")
    assert 'href="0002-windows.html">2. A window is read, resampled and fitted by itself</a>' in page
