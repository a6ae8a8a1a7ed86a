"""Commands that judge a finished run: evaluate, report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.licences import say_licences_of
from finback.cli.options import Device, Json, Recordings, StartTimeOptions, find_recordings, takes
from finback.core.text import counted

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
AnyRun = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder or a bundled model.", show_default=False)
]


@takes(times=StartTimeOptions)
def evaluate(
    run: AnyRun,
    times: StartTimeOptions,
    audio: Annotated[
        Path | None,
        typer.Option(
            help="Evaluate on the recordings of this folder instead of the test set.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels of these recordings.", show_default=False)
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Recording groups (tapes, deployments) of these recordings: FILE.csv:COLUMN.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(help="Layout of this folder: auto, folder, watkins, beans, raven, audacity.")
    ] = "auto",
    recordings: Recordings = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Evaluate a run on its test set or on another folder.

    Every metric has a 95 % confidence interval from a bootstrap over recording groups.

    \b
    Example:
      finback evaluate runs/mine
      finback evaluate runs/mine --audio other --labels other/labels.csv --json
    """
    from finback.core.errors import InputError
    from finback.core.settings import build
    from finback.data.dataset import prepare_request
    from finback.data.index import IndexRequest
    from finback.evaluation.evaluate import evaluate_on, evaluate_run

    say_licences_of(run)
    find_recordings(Path(run), recordings)
    if audio is None:
        given = {"--labels": labels, "--groups": groups}
        given |= {"--time-pattern": times.time_pattern, "--time-zone": times.time_zone}
        if alone := [option for option, value in given.items() if value is not None]:
            raise InputError(
                f"{alone[0]} without --audio", "give the folder of these recordings with --audio"
            )
        _say_if_stored(run)
        result = evaluate_run(run, device, progress)
    else:
        asked = {"audio": audio, "labels": labels, "groups": groups, "source": source, **asdict(times)}
        request = build(IndexRequest, asked)
        result = evaluate_on(run, prepare_request(request, progress=progress), device, progress)
    if json:
        out_json(result)
        return
    _show_metrics(result)


def _say_if_stored(run: str) -> None:
    from finback.core.runs.files import RunFiles
    from finback.models.pretrained import resolve_any

    stored = RunFiles(resolve_any(run)).metrics
    if stored.is_file():
        say(f"this run was evaluated before; its stored result is shown ({stored})")


def _show_metrics(result: dict[str, Any]) -> None:
    from finback.evaluation import pipeline

    for line in pipeline.headline(result):
        out(line)
    out_table(
        ("species", "clips", "groups", "precision", "recall", "F1", "AUC"),
        [
            (name, s["n_clips"], s["n_groups"], s["precision"], s["recall"], s["f1"], s["auc"])
            for name, s in result["per_species"].items()
            if s["n_clips"]
        ],
    )
    if matched := result.get("matched_names"):
        by_case = [name for name, own in matched.items() if name.casefold() == own.casefold()]
        others = [f"{name} as {own}" for name, own in matched.items() if name not in by_case]
        if by_case:
            out(f"matched, whatever upper and lower case: {counted(len(by_case), 'name')}")
        if others:
            out("matched: " + "; ".join(others))
    if result.get("unknown_species"):
        out(
            "left out, because the model has no such species: "
            + "; ".join(f"{k} ({n})" for k, n in result["unknown_species"].items())
        )
    if result.get("seen_in_training"):
        n = result["seen_in_training"]
        out(f"warning: {n} of these clips were in the training data, so the metrics are too high")


def report(run: RunPath, recordings: Recordings = None) -> None:
    """Write report.html of a run: of a classifier, a generator or a vocoder.

    \b
    Example:
      finback report runs/mine
      finback report colleague/run --recordings audio
    """
    from finback.evaluation.pages.write import write

    find_recordings(run, recordings)
    out(str(write(run, progress)))
