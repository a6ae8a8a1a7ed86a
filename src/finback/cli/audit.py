"""`finback audit`: an audit of labelled recordings before training, of a generator, or of a vocoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.options import (
    DataOptions,
    Device,
    Json,
    Recordings,
    SettingOptions,
    find_recordings,
    takes,
)
from finback.core.runs.files import RunFiles

MaybeAudio = Annotated[Path | None, typer.Option(help="Folder of recordings.", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class AuditedData(DataOptions):
    """Recordings and labels, if these are audited."""

    audio: MaybeAudio = None  # type: ignore[assignment]  # not needed for the audit of a run


@dataclass(frozen=True)
class GeneratorOptions:
    """How a generator is audited."""

    classifier: Annotated[
        Path | None,
        typer.Option(
            help="Run folder of a classifier (default: one trained on the training clips of the generator).",
            show_default=False,
        ),
    ] = None
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Run folder of another generator, trained on the same clips, as a baseline. Repeatable.",
            show_default=False,
        ),
    ] = None
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            help="Number of generated samples per species "
            "(default: the number of training clips, at least 20, at most 60).",
            min=2,
            show_default=False,
        ),
    ] = None
    seeds: Annotated[
        int, typer.Option(help="Number of random draws over which each distance is averaged.", min=1)
    ] = 5
    sampler: Annotated[
        str, typer.Option(help="Sampler of a diffusion model: dpmpp-3m, heun, ddim, ancestral, ddpm.")
    ] = "dpmpp-3m"
    steps: Annotated[int, typer.Option(help="Number of steps of the sampler.", min=1)] = 18
    guidance: Annotated[
        float, typer.Option(help="Classifier-free guidance towards the species (1: off).", min=0)
    ] = 1.5
    backbone: Annotated[
        str,
        typer.Option(
            help="Backbone for the distances: birdnet, yamnet, aisfx or mfcc (default: birdnet if installed, "
            "else yamnet).",
            show_default=False,
        ),
    ] = ""
    vocoder: Annotated[
        str,
        typer.Option(
            help="Vocoder that makes sound from the samples, as input of the backbones (auto: the bundled "
            "one if it fits, else components)."
        ),
    ] = "auto"


@takes(data=AuditedData, settings=SettingOptions, how=GeneratorOptions)
def audit(
    data: AuditedData,
    settings: SettingOptions,
    how: GeneratorOptions,
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="Run folder of a generator or vocoder, instead of --audio.",
            show_default=False,
        ),
    ] = None,
    recordings: Recordings = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Show what a split would leak and which species cannot be tested; or evaluate a generator or a vocoder.

    \b
    Example:
      finback audit --audio clips --labels labels.csv --groups metadata.csv:group
      finback audit runs/generator --against runs/vae
      finback audit runs/vocoder --classifier runs/mine
    """
    from finback.core.errors import InputError
    from finback.core.runs.folder import RunFolder

    if (run is None) == (data.audio is None):
        raise InputError(
            "finback audit needs either recordings or a run folder",
            "give --audio FOLDER with --labels, or the run folder of a generator or vocoder",
        )
    if run is not None:
        from finback.models.pretrained import own_run

        run = own_run(run, "an audit", "its stored audit: finback export NAME --to card")
        find_recordings(run, recordings)
    if run is None:
        _recordings(data, settings, json)
    elif RunFolder.open(run).info.kind == "vocoder":
        _vocoder(run, how, device, json)
    else:
        _generator(run, how, settings.seed or 0, device, json)


def _recordings(data: AuditedData, settings: SettingOptions, json: bool) -> None:
    from finback.data.dataset import prepare_and_audit
    from finback.data.index import index as build_index

    chosen = settings.resolve()
    manifest = build_index(data.request(), progress)
    dataset, result = prepare_and_audit(manifest, chosen.rare, chosen.split, progress)
    if line := dataset.rare_summary():
        say(line)
    if json:
        out_json(result.to_json())
        return
    for line in result.lines():
        out_prose(line)


def _generator(run: Path, how: GeneratorOptions, seed: int, device: str, json: bool) -> None:
    from finback.evaluation.generator_audit import AuditRequest, audit_generator
    from finback.evaluation.generator_audit.tables import notes, tables
    from finback.generation.generator import Sampling

    request = AuditRequest(
        run=run,
        classifier=how.classifier,
        against=tuple(how.against or ()),
        n=how.n,
        seeds=how.seeds,
        seed=seed,
        sampling=Sampling(sampler=how.sampler, steps=how.steps, guidance=how.guidance),
        backbone=how.backbone,
        vocoder=how.vocoder,
        device=device,
    )
    result: dict[str, Any] = audit_generator(request, progress)
    if json:
        out_json(result)
        return
    for table in tables(result):
        out_table(table.columns, table.rows, table.title)
        for line in (*table.notes, ""):
            out(line)
    for line in notes(result):
        out_prose(line)


def _vocoder(run: Path, how: GeneratorOptions, device: str, json: bool) -> None:
    from finback.evaluation.vocoder_audit import audit_vocoder
    from finback.evaluation.vocoder_test_sounds import TEST_MEASURES

    result = audit_vocoder(run, how.classifier, device, progress)
    if json:
        out_json(result)
        return
    names = result["measures"]
    rows = [(name, *(_within(row, key) for key in names)) for name, row in result["vocoders"].items()]
    out_table(("vocoder", *names), rows)
    out(
        f"{result['n_windows']} windows of {result['n_groups']} recording groups not used in training; "
        "95 % intervals over groups"
    )
    sounds = result["test_sounds"]
    of_sounds = [
        (meaning, *(f"{row[key]:.3f}" for row in sounds.values())) for key, meaning in TEST_MEASURES.items()
    ]
    out_table(("test sound", *sounds), of_sounds)
    if how.classifier is None:
        out("add --classifier RUN to measure whether a classifier still predicts the same species")
    out(str(RunFiles(run).vocoder_audit))


def _within(row: dict[str, Any], key: str) -> str:
    digits = 2 if key in ("lsd_db", "mel_l1_db", "envelope_db") else 3
    ends = row[f"{key}_ci"]
    within = f" ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})" if ends else ""
    return f"{row[key]:.{digits}f}{within}"
