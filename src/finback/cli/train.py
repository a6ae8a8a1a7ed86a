"""Commands that train."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.licences import say_licences
from finback.cli.options import Device, DryRun, Json, SettingOptions, TrainingData, given, takes

if TYPE_CHECKING:
    from finback.evaluation.forecast import Forecast
    from finback.training.plan import Plan

Out = Annotated[Path, typer.Option("--out", help="The run folder to write.", show_default=False)]


@takes(data=TrainingData, settings=SettingOptions)
def run(
    context: typer.Context,
    data: TrainingData,
    settings: SettingOptions,
    out_folder: Out,
    family: Annotated[
        str | None,
        typer.Option(
            help="Model family; finback models lists them (default: auto, which compares quick families on "
            "your recordings; with a --preset: cnn2d).",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Run the complete workflow, from labelled recordings to a report.

    The steps are: index, audit, split, train, calibrate, evaluate, report. Without --family, quick families
    are compared, the best one is tested on folds of whole recording groups, and the model in the run folder
    is trained on all clips. Given again, the command continues where it stopped; it does not repeat finished
    steps.

    \b
    Example:
      finback run --audio clips --labels labels.csv --out runs/mine
      finback run --audio clips --labels labels.csv --family cnn2d --out runs/cnn
    """
    from finback.evaluation import pipeline
    from finback.training.plan import Plan

    if family is None:
        family = pipeline.usual_family(settings.preset, out_folder)
    if family == pipeline.AUTO:
        dry = ("json" if json else "words") if dry_run else ""
        keep_all = bool(given(context, ("min_clips", "rare", "rare_below")))
        show(_run_auto(data, settings, out_folder, device, dry, keep_all), json)
        return
    plan = Plan(family, settings.resolve(family), settings.seed or 0, device, command_line())
    if dry_run:
        _show_forecast(plan, data, out_folder, json)
        return
    say_licences([family])
    done = pipeline.run(plan, data.request(), out_folder, progress, say)
    show(done, json)


def _run_auto(
    data: TrainingData, settings: SettingOptions, out_folder: Path, device: str, dry: str, keep_all: bool
) -> Any:
    """The run whose family is chosen; None after a dry run, which is shown as `words` or `json`."""
    from finback.evaluation.default_run.choice import FAMILIES, DefaultPlan
    from finback.evaluation.default_run.run import run

    resolved = {family: settings.resolve(family) for family in FAMILIES}
    split, seed = resolved[FAMILIES[0]].split, settings.seed or 0
    plan = DefaultPlan(resolved.__getitem__, seed, device, command_line())
    asked = split if settings.names_split else None
    if dry:
        from finback.evaluation.forecast import forecast_default

        made = forecast_default(plan, data.request(), out_folder, progress, asked, keep_all)
        _show(made, dry == "json")
        return None
    say_licences(FAMILIES)
    return run(plan, data.request(), out_folder, progress, say, asked, keep_all)


@takes(data=TrainingData, settings=SettingOptions)
def train(
    family: Annotated[
        str, typer.Argument(help="Model family; finback models lists them.", show_default=False)
    ],
    data: TrainingData,
    settings: SettingOptions,
    out_folder: Out,
    device: Device = "auto",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train a classifier, a generator or a vocoder.

    A classifier is also calibrated; finback evaluate scores its test set. A generator or a vocoder is trained
    on the training set only.

    \b
    Example:
      finback train cnn2d --audio clips --labels labels.csv --out runs/mine
      finback train diffusion --audio clips --labels labels.csv \\
        --out runs/generator
      finback train cnn2d --audio clips --labels labels.csv --split 85/15/0 \\
        --out runs/for-use
    """
    from finback import models
    from finback.core.runs.trained_on import caution, of_one_group, trained_on
    from finback.evaluation import pipeline
    from finback.training.plan import Plan

    models.family(family)
    plan = Plan(family, settings.resolve(family), settings.seed or 0, device, command_line())
    if dry_run:
        _show_forecast(plan, data, out_folder, json)
        return
    say_licences([family])
    trained = pipeline.train_on(plan, data.request(), out_folder, progress, say)
    info = trained.info
    one_group = of_one_group(trained_on(trained)) if info.kind == "generator" else {}
    if json:
        folds = [f.info.to_json() for f in trained.folds]
        one = {"trained_on_one_group": one_group} if info.kind == "generator" else {}
        out_json({"run": str(out_folder), "folds": folds, **one, **info.to_json()})
        return
    if info.kind != "classifier":
        steps = "" if info.step is None else f", {info.step} steps"
        out(f"{info.kind} {family}: {info.n_parameters or 0:,} parameters{steps}")
        if line := caution(one_group):
            out_prose(line)
        return
    rows = [(r.path.name, r.info.step, r.info.best, r.info.temperature) for r in trained.parts]
    out_table(("run", "steps", "validation macro-F1", "temperature"), rows)
    out(f"next: finback evaluate {shlex.quote(str(out_folder))}")


def show(done: Any, as_json: bool) -> None:
    """Print what the workflow found, and what to do now; nothing after a dry run."""
    if done is None:
        return
    if as_json:
        chosen = {} if done.choice is None else {"choice": done.choice, "left_out": dict(done.left_out)}
        steps = [step.to_json() for step in done.next]
        places = {"run": str(done.folder), "report": str(done.report)}
        out_json({**places, **done.metrics, **chosen, "verdict": done.verdict, "next": steps})
        return
    for line in done.headline:
        out(line)
    if done.verdict:
        out_prose(done.verdict)
    if done.choice is not None and done.metrics.get("n_folds"):
        out_prose(
            f"These figures are those of the folds. The model in {done.folder} is a {done.choice['family']} "
            "that was trained on all clips."
        )
    out(f"report: {done.report}")
    out("what to do next:")
    for number, step in enumerate(done.next, 1):
        out_prose(f"{number}. {step.text}")
        if step.command:
            out(f"   {step.command}")


def _show_forecast(plan: Plan, data: TrainingData, folder: Path, json: bool) -> None:
    """What `--dry-run` prints."""
    from finback.evaluation.forecast import forecast

    _show(forecast(plan, data.request(), folder, progress), json)


def _show(made: Forecast, json: bool) -> None:
    if json:
        out_json(made.to_json())
        return
    for line in made.lines():
        out_prose(line)


def command_line() -> str:
    """The command as it was typed, to be kept in run.json."""
    return shlex.join(["finback", *sys.argv[1:]])
