"""Licences: of pretrained weights, shown before a command uses them; and of everything that finback needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, say
from finback.cli.options import Json
from finback.core.version import __version__

if TYPE_CHECKING:
    from finback.core.installed import Package

CODE = "Apache-2.0"
WEIGHTS = ("weights", "kind", "licence")
PACKAGES = ("package", "licence", "needed for")


def say_licences(families: Iterable[str]) -> None:
    """Print one line on stderr for each licence of the pretrained weights of these model families."""
    from finback import models

    for licence in models.licences(families):
        say(f"licence: {licence}")


def say_licences_of(run: str | Path) -> None:
    """The same for the model families of a run folder or a bundled model, also of an ensemble."""
    from finback.core.runs.folder import RunFolder
    from finback.models.pretrained import resolve_any

    say_licences(RunFolder.open(resolve_any(run)).info.families)


def terms_of(*where: str | Path) -> list[str]:
    """For JSON: the terms of bundled models, and the licences of pretrained weights of run folders."""
    from finback import models
    from finback.core.runs.folder import RunFolder
    from finback.models import pretrained

    bundled = [terms for place in where if (terms := pretrained.terms(place))]
    folders = [Path(place) for place in where if Path(place).is_dir()]
    families = [family for folder in folders for family in RunFolder.open(folder).info.families]
    return list(dict.fromkeys([*bundled, *models.licences(families)]))


def terms_of_generator(run: str | Path, vocoder: str | Path) -> list[str]:
    """The same for a generator and the vocoder that makes sound from its samples."""
    from finback.core.runs.folder import RunFolder
    from finback.core.settings import build
    from finback.features.spec import FeatureSpec
    from finback.generation.vocoders.vocode import chosen_vocoder
    from finback.models.pretrained import resolve

    spec = build(FeatureSpec, RunFolder.open(resolve(run, "generator")).info.spec)
    return terms_of(run, chosen_vocoder(vocoder, spec))


def licences(
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the lists to this Markdown file.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the licences of finback, of all weights, and of all packages that finback needs.

    \b
    Example:
      finback licences
      finback licences --out licences.md
    """
    from finback.core import installed
    from finback.core.storage.files import write_atomic

    packages, weights = installed.installed(), _weights()
    about = {"name": "finback", "version": __version__, "licence": _own_licence()}
    if out_file is not None:
        write_atomic(out_file, _page(packages, weights))
    if json:
        listed = [asdict(package) for package in packages]
        out_json({"finback": about, "weights": weights, "packages": listed})
        return
    out(f"finback {about['version']}: {about['licence']}")
    out_table(WEIGHTS, [(w["name"], w["kind"], w["licence"]) for w in weights])
    rows = [(p.name, p.version, p.licence, p.needed_for) for p in packages]
    out_table(("package", "version", "licence", "needed for"), rows)
    if out_file is not None:
        say(f"written: {out_file}")


def _own_licence() -> str:
    """As in the metadata of this build: the code, and the bundled weights that are there."""
    from finback.models import pretrained

    there = {name for kind in pretrained.KINDS for name in pretrained.names(kind)}
    weights = dict.fromkeys(ref for name, ref in pretrained.LICENCE_REFS.items() if name in there)
    return " AND ".join([CODE, *weights])


def _weights() -> list[dict[str, Any]]:
    """The bundled models, and the pretrained networks that model families use."""
    from finback import models
    from finback.models import pretrained

    bundled = [
        {
            "name": name,
            "kind": "bundled models",
            "licence": f"{pretrained.LICENCE_REFS[name]}: {terms}",
            "installed": any(name in pretrained.names(kind) for kind in pretrained.KINDS),
        }
        for name, terms in pretrained.TERMS.items()
    ]
    users: dict[str, list[str]] = {}
    for family in models.CLASSIFIERS:
        for licence in models.licences([family]):
            users.setdefault(licence, []).append(family)
    backbones = [
        {"name": ", ".join(families), "kind": "pretrained network", "licence": licence, "installed": None}
        for licence, families in users.items()
    ]
    return [*bundled, *backbones]


def _page(packages: Sequence[Package], weights: Sequence[dict[str, Any]]) -> str:
    """The page of the docs. It has no versions: they are those of the computer where it was written."""
    lines = [
        "# Licences",
        "",
        "`finback licences` lists the licences of finback, of all weights and of all packages that it needs,",
        "with their versions. This page was written by `finback licences --out docs/reference/licences.md`.",
        "",
        f"finback: {_own_licence()}. The code is under the first, the bundled weights under the second",
        "(`src/finback/weights/watkins/TERMS.md`).",
        "",
        "## Weights",
        "",
        *_table(WEIGHTS, [(w["name"], w["kind"], w["licence"]) for w in weights]),
        "",
        "## Packages",
        "",
        *_table(PACKAGES, [(p.name, p.licence, p.needed_for) for p in packages]),
    ]
    return "\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [list(columns), ["---"] * len(columns), *cells]]
