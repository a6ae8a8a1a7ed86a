"""Commands on a finished run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.licences import say_licences_of
from finback.cli.options import Device, Json

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]


def evaluate(
    run: RunPath,
    audio: Annotated[
        Path | None, typer.Option(help="Judge on this folder of recordings instead.", show_default=False)
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Its labels.", show_default=False)] = None,
    groups: Annotated[
        str | None, typer.Option(help="Its tapes: FILE.csv:COLUMN.", show_default=False)
    ] = None,
    source: Annotated[str, typer.Option(help="Its layout: auto, folder, watkins, beans, raven.")] = "auto",
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Score a run on its test side or another folder.

    Every figure has a 95 % interval, by drawing whole tapes.

    \b
    Example:
      finback evaluate runs/mine
      finback evaluate runs/mine --audio other/clips --labels other/labels.csv --json
    """
    from finback.core.errors import InputError
    from finback.core.settings import build
    from finback.data.dataset import prepare_request
    from finback.data.index import IndexRequest
    from finback.evaluation import evaluate as judge
    from finback.evaluation import pipeline

    say_licences_of(run)
    if audio is None:
        if labels is not None or groups is not None:
            raise InputError(
                "--labels or --groups without --audio", "give the folder of those recordings too"
            )
        result = judge.evaluate_run(run, device, progress)
    else:
        request = build(IndexRequest, {"audio": audio, "labels": labels, "groups": groups, "source": source})
        result = judge.evaluate_on(run, prepare_request(request, progress=progress), device, progress)
    if json:
        out_json(result)
        return
    for line in pipeline.headline(result):
        out(line)
    out_table(
        ("species", "clips", "tapes", "precision", "recall", "F1", "AUC"),
        [
            (name, s["n_clips"], s["n_groups"], s["precision"], s["recall"], s["f1"], s["auc"])
            for name, s in result["per_species"].items()
            if s["n_clips"]
        ],
    )
    if result.get("unknown_species"):
        out(
            "left out, not known to this run: "
            + ", ".join(f"{k} ({n})" for k, n in result["unknown_species"].items())
        )
    if result.get("heard_in_training"):
        n = result["heard_in_training"]
        out(f"warning: {n} of these clips were trained on; the figures flatter the model")


def report(run: RunPath) -> None:
    """Write a run's report.html, be it of a classifier, a generator or a vocoder.

    \b
    Example:
      finback report runs/mine
    """
    from finback.evaluation.pages.write import write

    out(str(write(run, progress)))


def predict(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN CLIP...",
            help="A run folder or a shipped model (watkins), then sound files; - reads names from stdin.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None, typer.Option(help="The model; then all words are sound files.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option(help="Species shown per clip.", min=1)] = 3,
    channel: Annotated[
        int | None, typer.Option(help="Channel, from 0; default: the mean.", show_default=False)
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Name the species in sound files.

    Probabilities are calibrated; a long file is heard whole, in windows.

    \b
    Example:
      finback predict runs/mine clip.wav
      finback predict --model watkins clip.wav
      ls *.wav | finback predict runs/mine - --json
    """
    from finback.core.errors import InputError
    from finback.models.predictor import Predictor, predict_files
    from finback.models.pretrained import resolve

    name, files = (words[0], words[1:]) if model is None else (model, words)
    if not files:
        raise InputError(
            f"predict {name}: no sound files", "name them after the run: finback predict RUN CLIP"
        )
    run = resolve(name, "classifier")
    say_licences_of(run)
    names = [line.strip() for f in files for line in (sys.stdin if f == "-" else [f]) if line.strip()]
    predictor = Predictor.load(run, device)
    found, failed = predict_files(predictor, [Path(n) for n in names], channel, progress)
    if json:
        out_json(
            {
                "run": name,
                "predictions": [_as_json(p, len(predictor.labels)) for p in found],
                "errors": failed,
            }
        )
    else:
        rows = [(p.file, name, chance) for p in found for name, chance in p.top(top)]
        out_table(("file", "species", "probability"), rows)
    for error in failed:
        say(f"finback: {error}")
    if failed:
        raise SystemExit(2 if not found else 1)


def _as_json(prediction: Any, n: int) -> dict[str, Any]:
    return {"file": prediction.file, "species": dict(prediction.top(n))}
