"""The command predict."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out_json, progress, say
from finback.cli.licences import say_licences_of, terms_of
from finback.cli.options import Device, Json, takes
from finback.cli.predict_inputs import AUDIO, audio_on_stdin, sound_files
from finback.cli.predict_outputs import Targets, show, to_json
from finback.core.errors import InputError

if TYPE_CHECKING:
    from finback.models.predict import Model
    from finback.models.predictions import Prediction, Predictions


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """Options for what is asked, and for what is written besides the table."""

    model: Annotated[
        str | None,
        typer.Option(
            help="The run folder or bundled model; then all arguments are sound files.", show_default=False
        ),
    ] = None
    top: Annotated[int, typer.Option(help="Number of species shown per file.", min=1)] = 3
    sets: Annotated[
        float | None,
        typer.Option(
            help="Also a set of species of each file that holds the right one with this probability on new "
            "recording groups, such as 0.9.",
            show_default=False,
        ),
    ] = None
    channel: Annotated[
        int | None,
        typer.Option(help="Channel, counted from 0; default: the mean of all channels.", show_default=False),
    ] = None
    stdin_audio: Annotated[
        bool, typer.Option("--stdin-audio", help="Read one sound file from stdin instead of files.")
    ] = False

    csv: Annotated[
        Path | None, typer.Option(help="Write a row for each window to this CSV file.", show_default=False)
    ] = None
    raven: Annotated[
        Path | None,
        typer.Option(
            help="Write a selection table of Raven; without a suffix, a folder with one for each file.",
            show_default=False,
        ),
    ] = None
    audacity: Annotated[
        Path | None,
        typer.Option(
            help="Write labels of Audacity; without a suffix, a folder with labels for each file.",
            show_default=False,
        ),
    ] = None


@takes(options=PredictOptions)
def predict(
    options: PredictOptions,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN CLIP...",
            help="Run folder or bundled model (watkins), then sound files, folders or patterns; - reads "
            "their names from stdin.",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Classify the species in sound files.

    Probabilities are calibrated. A long file is scored in windows, and their scores are averaged; its best
    windows are listed. The class "none of these" stands for noise and for species that the model does not
    have; "known" is the probability of all species together. A warning says why an answer should not be
    trusted.

    \b
    Example:
      finback predict runs/mine clip.wav
      finback predict --model watkins clip.wav
      finback predict runs/mine recordings --csv found.csv --raven selections
      finback predict runs/mine clip.wav --sets 0.9
      ls *.wav | finback predict runs/mine - --json
      sox dive.wav -t wav - trim 10 3 | finback predict watkins --stdin-audio
    """
    name, given = _named(arguments or [], options.model)
    if options.stdin_audio and given:
        raise InputError("--stdin-audio: files were named too", "leave the files out, or --stdin-audio")
    with ExitStack() as stack:
        is_audio = options.stdin_audio
        files = [stack.enter_context(audio_on_stdin())] if is_audio else sound_files(name, given)
        _answer(name, files, options, device, json)


def _answer(name: str, files: list[str], options: PredictOptions, device: str, json: bool) -> None:
    """Predict, show and write; after an interruption, what was done."""
    from finback.models.predict import load
    from finback.models.pretrained import resolve

    targets = Targets(options.csv, options.raven, options.audacity)
    targets.check(len(files))
    say_licences_of(resolve(name, "classifier"))
    predictions, interrupt = _predictions(load(name, device), files, options.channel, options.sets)
    if options.stdin_audio:
        predictions = _called_stdin(predictions, files[0])
    if not interrupt:
        targets.write(predictions)
    if json and not interrupt:
        by_file = [to_json(p) for p in predictions]
        errors = list(predictions.errors)
        out_json({"run": name, "terms": terms_of(name), "predictions": by_file, "errors": errors})
    elif predictions and not json:
        show(predictions, options.top, name)
    for text in (*(f"note: {remark}" for remark in predictions.remarks), *predictions.errors):
        say(text if text.startswith("note: ") else f"finback: {text}")
    if interrupt:
        done = len(predictions) + len(predictions.errors)
        say(f"ended after {done} of {len(files)} files{targets.write_partial(predictions)}")
        raise interrupt
    if predictions.errors:
        raise SystemExit(2 if not predictions else 1)


def _named(arguments: list[str], model: str | None) -> tuple[str, list[str]]:
    """The model and the files."""
    if model is not None:
        return model, arguments
    if not arguments:
        raise InputError("predict: no run folder", "name it, then the files: finback predict RUN CLIP")
    return arguments[0], arguments[1:]


def _predictions(
    classifier: Model, files: list[str], channel: int | None, sets: float | None
) -> tuple[Predictions, KeyboardInterrupt | None]:
    """Those of all files, or those that were done when a signal ended the command."""
    from finback.models.predictions import Prediction, Predictions

    found: list[Prediction] = []
    errors: list[str] = []
    try:
        for each in classifier.predict_each([*files], channel=channel, progress=progress, sets=sets):
            if isinstance(each, Prediction):
                found.append(each)
            else:
                errors.append(str(each))
    except KeyboardInterrupt as interrupt:
        return Predictions(found, errors), interrupt
    return Predictions(found, errors), None


def _called_stdin(predictions: Predictions, path: str) -> Predictions:
    """The same without the name of the temporary file."""
    from finback.models.predictions import Predictions

    named: list[Prediction] = [replace(p, file=AUDIO, recording=None) for p in predictions]
    return Predictions(named, [error.replace(path, AUDIO) for error in predictions.errors])
