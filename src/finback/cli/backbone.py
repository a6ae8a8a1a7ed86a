"""Commands for pretrained networks: which there are, and adding weights that finback may not distribute."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from finback.cli.bounds import bounded
from finback.cli.console import out, out_json, out_table, say
from finback.cli.first_checks import checked
from finback.cli.options import Json

app = typer.Typer(
    name="backbone",
    help="List pretrained networks, and add weights that finback may not distribute.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the backbone.", show_default=False)]


@app.command("list")
@checked
@bounded
def list_(json: Json = False) -> None:
    """List the pretrained networks, and whether their weights are here.

    \b
    Example:
      finback backbone list
    """
    from finback.features.backbones import WEIGHTS_OF_OTHERS

    found = [_described(name) for name in WEIGHTS_OF_OTHERS]
    if json:
        out_json({"backbones": found})
        return
    rows = [
        (f["name"], f["state"], _rate(f), _window(f), f["n_features"], f["licence"], f["families"])
        for f in found
    ]
    out_table(("backbone", "weights", "sample rate", "window", "features", "licence", "families"), rows)


@app.command()
@checked
@bounded
def add(
    name: Name,
    weights: Annotated[
        Path,
        typer.Option("--weights", help="The file of its authors, or an ONNX export.", show_default=False),
    ],
    json: Json = False,
) -> None:
    """Verify a file of weights, and copy it to where model families find it.

    The tensors must be those of the network: names, shapes, finite answers. A PyTorch checkpoint is read
    without running code, and kept as safetensors. Nothing is downloaded, and no file there is replaced.

    \b
    Example:
      finback backbone add perch2 --weights perch_v2.onnx
      finback train perch2-mix --audio clips --labels labels.csv --out runs/perch2
    """
    from finback.features.backbones import added

    kind = added.added_class(name)
    say(f"licence: {kind.licence}")
    about = added.add(kind, weights)
    if json:
        out_json({**asdict(about), "folder": str(added.folder_of(name))})
        return
    known = about.recognised or "a file that finback does not know; its tensors fit"
    out(f"{name}: {about.n_features:,} numbers for each window of {kind.window / kind.sample_rate:g} s")
    out(f"file: {about.source}, SHA-256 {about.source_sha256} ({known})")
    out(f"copy: {added.folder_of(name)}")
    out(f"families: {', '.join(_families(name))}")


@app.command()
@checked
@bounded
def show(name: Name, json: Json = False) -> None:
    """Describe one backbone: its input, its licence, where its weights come from, and whether they are here.

    \b
    Example:
      finback backbone show cnn14
    """
    from finback.features.backbones import WEIGHTS_OF_OTHERS, added
    from finback.features.frontends import front_end_class

    front_end_class(name)  # an unknown name is refused here
    found = _described(name) if name in WEIGHTS_OF_OTHERS else {"name": name, "state": "needs no weights"}
    if name in added.ADDABLE:
        kind = added.added_class(name)
        about = added.about(kind)
        found |= {"source": kind.source, "folder": str(added.folder_of(name))}
        found |= {"added": asdict(about) if about else None}
    if json:
        out_json(found)
        return
    for key, value in found.items():
        if isinstance(value, dict):
            for inner, text in value.items():
                out(f"{inner}: {text}")
        elif value is not None:
            out(f"{key}: {value}")


def _described(name: str) -> dict[str, Any]:
    """A row of the list. A network in a package is here when its package is installed."""
    from finback.features.backbones import added
    from finback.features.frontends import front_end_class
    from finback.training.settings import resolve

    kind = front_end_class(name)
    window = None if name == "onnx" else resolve(family=name).features
    n_features: int | None
    if name in added.ADDABLE:
        own = added.about(added.added_class(name))
        state, n_features = ("added" if own else "not added"), (own.n_features if own else None)
    else:
        state, n_features = _installed(name)
    return {
        "name": name,
        "state": state,
        "sample_rate": window and window.sample_rate,
        "window_samples": window and window.clip_samples,
        "n_features": n_features,
        "licence": kind.licence,
        "install": kind.install,
        "families": ", ".join(_families(name)),
    }


def _installed(name: str) -> tuple[str, int | None]:
    """Whether the package with the weights is installed, and the size of a vector."""
    from finback.core.errors import SettingsError
    from finback.features.frontends import backbone, front_end_class
    from finback.training.settings import resolve

    if name == "onnx":
        return "a file of yours", None
    try:
        state = "installed" if front_end_class(name).install else "part of finback"
        return state, backbone(name, resolve(family=name).features).n_features
    except SettingsError:
        return "not installed", None


def _families(name: str) -> list[str]:
    from finback import models

    return sorted(family for family in models.PRETRAINED if models.family(family).input == name)


def _rate(found: dict[str, Any]) -> str:
    return f"{found['sample_rate']:,} Hz" if found["sample_rate"] else "your setting"


def _window(found: dict[str, Any]) -> str:
    rate = found["sample_rate"]
    return f"{found['window_samples'] / rate:.3g} s" if rate else "your setting"
