"""The list of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from finback.cli import (
    about,
    audit,
    augment,
    backbone,
    compare,
    convert,
    data,
    demo,
    ensemble,
    evaluate,
    evaluate_detections,
    export,
    fetch,
    figures,
    generate,
    licences,
    machines,
    mine,
    package,
    pars,
    predict,
    scan,
    simulate,
    tables,
    thresholds,
    train,
    vae,
    vocode,
)
from finback.cli.bounds import bounded
from finback.cli.completion import completing
from finback.cli.figure_options import draws
from finback.cli.first_checks import checked
from finback.core.version import __version__

app = typer.Typer(
    name="finback",
    help="Classify marine-mammal species in sound, and measure how reliable the results are.",
    epilog="Start with `finback demo`. Every command has --help with an example; --debug shows a traceback.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)

for command in (
    draws(train.run),
    draws(demo.demo),
    data.index,
    draws(audit.audit),
    data.split,
    train.train,
    draws(compare.compare),
    ensemble.ensemble,
    evaluate.evaluate,
    draws(evaluate_detections.evaluate_detections),
    predict.predict,
    draws(evaluate.report),
    scan.scan,
    mine.mine,
    tables.tables,
    machines.machines,
    thresholds.thresholds,
    pars.pars,
    convert.convert,
    package.package,
    export.export,
    draws(figures.map),
    draws(figures.sheet),
    fetch.fetch,
    draws(augment.augment),
    draws(generate.generate),
    generate.synthesize,
    draws(vocode.vocode),
    about.models,
    about.doctor,
    licences.licences,
):
    app.command()(checked(completing(bounded(command))))
app.add_typer(simulate.app)
app.add_typer(vae.app)
app.add_typer(backbone.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finback {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Classify marine-mammal species in sound, and measure how reliable the results are."""
