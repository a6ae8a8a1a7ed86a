"""Commands on a finished run."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.licences import say_licences_of, terms_of
from finback.cli.options import Device, Json, Recordings, StartTimeOptions, find_recordings, takes

if TYPE_CHECKING:
    from finback.models.predictions import Prediction, Predictions
    from finback.models.species_sets import SpeciesSet

Sets = Annotated[
    float | None,
    typer.Option(
        help="Also a set of species of each file that holds the right one with this probability on new "
        "recording groups, such as 0.9.",
        show_default=False,
    ),
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]


@takes(times=StartTimeOptions)
def evaluate(
    run: RunPath,
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
      finback evaluate runs/mine --audio other/clips --labels other/labels.csv --json
    """
    from finback.core.errors import InputError
    from finback.core.settings import build
    from finback.data.dataset import prepare_request
    from finback.data.index import IndexRequest
    from finback.evaluation.evaluate import evaluate_on, evaluate_run

    say_licences_of(run)
    find_recordings(run, recordings)
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


def _say_if_stored(run: Path) -> None:
    from finback.core.runs.files import RunFiles

    stored = RunFiles(run).metrics
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
    if result.get("unknown_species"):
        out(
            "left out, because the model has no such species: "
            + ", ".join(f"{k} ({n})" for k, n in result["unknown_species"].items())
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


def predict(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN CLIP...",
            help="Run folder or bundled model (watkins), then sound files; - reads their names from stdin.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="The run folder or bundled model; then all arguments are sound files.", show_default=False
        ),
    ] = None,
    top: Annotated[int, typer.Option(help="Number of species shown per file.", min=1)] = 3,
    sets: Sets = None,
    channel: Annotated[
        int | None,
        typer.Option(help="Channel, counted from 0; default: the mean of all channels.", show_default=False),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Classify the species in sound files.

    Probabilities are calibrated. A long file is scored in windows, and their scores are averaged. The class
    "none of these" stands for noise and for species that the model does not have; "known" is the probability
    of all species together.

    \b
    Example:
      finback predict runs/mine clip.wav
      finback predict --model watkins clip.wav
      finback predict runs/mine clip.wav --sets 0.9
      ls *.wav | finback predict runs/mine - --json
    """
    from finback.models.predict import load
    from finback.models.pretrained import resolve

    name, files = (arguments[0], arguments[1:]) if model is None else (model, arguments)
    names = _sound_files(name, files)
    say_licences_of(resolve(name, "classifier"))
    classifier = load(name, device)
    predictions = classifier.predict([*names], channel=channel, progress=progress, sets=sets)
    if json:
        by_file = [_to_json(p) for p in predictions]
        errors = list(predictions.errors)
        out_json({"run": name, "terms": terms_of(name), "predictions": by_file, "errors": errors})
    else:
        _show_predictions(predictions, top)
    for remark in predictions.remarks:
        say(f"note: {remark}")
    for error in predictions.errors:
        say(f"finback: {error}")
    if predictions.errors:
        raise SystemExit(2 if not predictions else 1)


def _sound_files(model: str, files: list[str]) -> list[str]:
    """The files that were named, with those from stdin for "-"."""
    from finback.core.errors import InputError

    if not files:
        raise InputError(
            f"predict {model}: no sound files", "give them after the run: finback predict RUN CLIP"
        )
    return [line.strip() for f in files for line in (sys.stdin if f == "-" else [f]) if line.strip()]


def _show_predictions(predictions: Predictions, top: int) -> None:
    rows = [(p.file, *row, p.known) for p in predictions for row in p.top(top)]
    has_gate = any(p.known is not None for p in predictions)
    columns = ("file", "species", "probability", "known")
    out_table(columns if has_gate else columns[:-1], rows if has_gate else [row[:-1] for row in rows])
    for p in predictions:
        if p.species_set is not None:
            out(f"{p.file}: {_in_words(p.species_set)}")


def _to_json(prediction: Prediction) -> dict[str, Any]:
    """The file's probabilities, and the most probable class of each of its windows."""
    windows = [{k: v for k, v in row.items() if k not in ("file", "set")} for row in prediction.rows()]
    chosen = prediction.species_set
    return {
        "file": prediction.file,
        "known": prediction.known,
        "species": prediction.species,
        "windows": windows,
        "remarks": list(prediction.remarks),
        **({} if chosen is None else {"set": {"level": chosen.level, "species": list(chosen.species)}}),
    }


def _in_words(chosen: SpeciesSet) -> str:
    """ "one of these 2 species (90 %): Fin Whale, Killer Whale"."""
    n = len(chosen.species)
    what = f"one of these {n} species" if n > 1 else "this species"
    return f"{what} ({100 * chosen.level:g} %): {', '.join(chosen.species)}"
