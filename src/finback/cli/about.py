"""Commands about finback itself and the machine: models, doctor."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table
from finback.cli.options import Json


def models(
    settings: Annotated[
        bool, typer.Option("--settings", help="List all settings of a preset instead.")
    ] = False,
    preset: Annotated[str, typer.Option(help="Name of a preset, or a TOML file.")] = "watkins",
    json: Json = False,
) -> None:
    """List model families, their settings, and presets.

    \b
    Example:
      finback models
      finback models --settings --preset right-whale
    """
    from finback import models as registry
    from finback.core.settings import presets
    from finback.models.scoring import LONGER_CLIPS
    from finback.training.settings import resolve

    if settings:
        out_json(resolve(preset).model_dump(mode="json"))
        return
    families: dict[str, dict[str, Any]] = {}
    for name in sorted(registry.FAMILIES, key=lambda n: (registry.kind(n), n)):
        model = registry.create(name, resolve(preset, family=name).features, 10)
        about = (registry.family(name).__doc__ or "").strip().splitlines()[0]
        families[name] = {
            "kind": registry.kind(name),
            "about": about,
            "input": model.input,
            "parameters": model.n_parameters
            or None,  # the number of values in a fitted head depends on the data
            "licence": getattr(model, "licence", ""),
            "settings": registry.hyperparameters(name),
        }
    if json:
        out_json({"families": families, "longer_clips": LONGER_CLIPS, "presets": presets()})
        return
    rows = [
        (
            name,
            f["kind"],
            f["input"],
            f["parameters"],
            ", ".join(f"{k}={v}" for k, v in f["settings"].items()),
            f["about"],
        )
        for name, f in families.items()
    ]
    out_table(
        ("family", "kind", "input", "parameters", "settings (--set model.…)", "description"),
        rows,
        title="families (10 species)",
    )
    out(f"clips longer than the window of a classifier: {LONGER_CLIPS}")
    out("presets: " + ", ".join(presets()))


def doctor(json: Json = False) -> None:
    """Print versions, devices, codecs and cache.

    Paste this text into a question or a bug report.

    \b
    Example:
      finback doctor
    """
    from finback.cli.environment import environment_report

    report = environment_report()
    if json:
        out_json(report)
        return
    for key, value in report.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        out(f"{key}: {', '.join(shown) if isinstance(shown, list) else shown}")
