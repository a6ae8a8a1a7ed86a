"""Hooks for MkDocs: lists of pages, and the reference of the command line.

`*` at the end of an entry in the navigation of mkdocs.yml stands for the pages whose names begin in this way
and that no other entry names, so that a new page needs no line there. Two markers in pages are replaced when
the pages are built: `<!-- commands -->` by every command with every option, `<!-- pages -->` by links to the
other pages of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from finback.cli.app import app

Nav = list[Any]  # strings, and dicts of a title and another such list


def on_config(config: Any) -> Any:
    """The navigation with every star replaced by pages."""
    config["nav"] = with_stars(config["nav"], Path(config["docs_dir"]))
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page with its markers replaced."""
    if "<!-- commands -->" in markdown:
        markdown = markdown.replace("<!-- commands -->", "\n".join(command_lines(Path(config["docs_dir"]))))
    if "<!-- pages -->" in markdown:
        own = Path(page.file.abs_src_path)
        others = [p for p in sorted(own.parent.glob("*.md")) if p != own]
        markdown = markdown.replace("<!-- pages -->", "\n".join(f"- [{title(p)}]({p.name})" for p in others))
    return markdown


def with_stars(nav: Nav, docs: Path) -> Nav:
    """Replace each star by its pages, except pages that another entry names or matches with more letters."""
    taken = {entry for entry in entries(nav) if not entry.endswith("*")}
    found: dict[str, list[str]] = {}
    for star in sorted((e for e in entries(nav) if e.endswith("*")), key=len, reverse=True):
        pages = [p.relative_to(docs).as_posix() for p in sorted(docs.glob(f"{star}.md"))]
        found[star] = [page for page in pages if page not in taken]
        taken.update(pages)
    return filled(nav, found)


def entries(nav: Nav) -> Iterator[str]:
    """Every page and star of the navigation."""
    for entry in nav:
        below = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from entries(below) if isinstance(below, list) else [below]


def filled(nav: Nav, found: dict[str, list[str]]) -> Nav:
    """The navigation with each star replaced by the pages found for it."""
    new: Nav = []
    for entry in nav:
        if isinstance(entry, dict):
            new.append({k: filled(v, found) if isinstance(v, list) else v for k, v in entry.items()})
        else:
            new += found.get(entry, [entry])
    return new


def title(page: Path) -> str:
    """The first heading."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.M)
    return found[1] if found else page.stem


def command_lines(docs: Path) -> Iterator[str]:
    """The reference of every command, as Markdown."""
    group: Any = typer.main.get_command(app)
    for name, command in sorted(commands(group, "finback")):
        yield f"## {name}\n"
        text, _, example = (command.help or "").partition("\b\n")
        yield text.strip() + "\n"
        if page := next((p for p in pages_of(name) if (docs / p).is_file()), ""):
            yield f"[The page of the command](../{page}) has examples and their output.\n"
        if example:
            yield "```\n" + "\n".join(line[2:] for line in example.splitlines()[1:]) + "\n```\n"
        context = typer.Context(command, info_name=name)
        yield "| option | meaning |\n|---|---|"
        for parameter in command.params:
            record = parameter.get_help_record(context)
            if record is None:  # an option that is not shown
                continue
            spelt, meaning = record
            yield f"| `{spelt}` | {meaning.replace('|', '&#124;')} |"
        yield "| `-h, --help` | Show the help and stop. |\n"


def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command and its full name, including the commands of groups."""
    for own, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {own}")
        else:
            yield f"{name} {own}", command


def pages_of(name: str) -> Iterator[str]:
    """Possible pages of a command, the most specific first: `finback vae map` is on finback-vae.md."""
    words = name.split()
    for n in range(len(words), 1, -1):
        yield f"commands/{'-'.join(words[:n])}.md"
