"""The command predict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.licences import say_licences_of, terms_of
from finback.cli.options import Device, Json

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
