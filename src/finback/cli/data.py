"""Commands on recordings and labels, before training: index, split, simulate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.options import Json, OldOut, SettingOptions, TrainingData, one_output, takes

if TYPE_CHECKING:
    from finback.data.problems import Problem


@takes(data=TrainingData)
def index(
    data: TrainingData,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the manifest to this CSV file.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Match the labels with the recordings, and list every problem.

    \b
    Example:
      finback index --audio clips --labels labels.csv --out manifest.csv
    """
    from finback.data.index import index as build_index
    from finback.data.problems import counts
    from finback.data.recording_times import counted, recordings_of

    _keep_inputs(out_file, data)
    manifest = build_index(data.request(), progress)
    if out_file is not None:
        manifest.save(out_file)
    given = {"time_pattern": data.time_pattern, "time_zone": data.time_zone}
    if json:
        out_json(
            {
                "source": manifest.source.name,
                "licence": manifest.source.licence,
                "citation": manifest.source.citation,
                "fingerprint": manifest.fingerprint,
                "start_times": {**counted(recordings_of(manifest)), **given},
                "n_clips": len(manifest.clips),
                "species": manifest.species_counts(),
                "problems": [p.as_dict() for p in manifest.problems],
            }
        )
        return
    out(f"source: {manifest.source.name} ({manifest.source.chosen}); licence: {manifest.source.licence}")
    out_table(("species", "clips"), manifest.species_counts().items())
    out(f"{len(manifest.clips)} clips of {len(manifest.labels)} species")
    out(f"start times: {manifest.source.start_times}")
    _show_problems(manifest.problems)
    if manifest.problems:
        out("problems: " + ", ".join(f"{n} {kind}" for kind, n in counts(manifest.problems).items()))
    if out_file is not None:
        say(f"written: {out_file}")


def _keep_inputs(out_file: Path | None, data: TrainingData) -> None:
    """Raises `InputError` when `--out` would replace the labels or the table of the groups."""
    from finback.core.storage.paths import refuse_overwriting

    if out_file is not None:
        groups = Path(data.groups.rpartition(":")[0]) if data.groups else None
        refuse_overwriting(out_file, data.labels, groups)


def _show_problems(problems: Sequence[Problem], most: int = 20) -> None:
    for problem in problems[:most]:
        out(f"  {problem}")
    if len(problems) > most:
        out(f"  ... and {len(problems) - most} more (--json and --out list all)")


@takes(data=TrainingData, settings=SettingOptions)
def split(
    data: TrainingData,
    settings: SettingOptions,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the split to this CSV file.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Split the clips into training, validation and test sets; a recording group stays in one set.

    \b
    Example:
      finback split --audio clips --labels labels.csv --split 70/15/15 \\
        --out split.csv
    """
    from finback.core.runs.split_table import save_split
    from finback.data.dataset import prepare_request
    from finback.data.splits.make import describe_split

    _keep_inputs(out_file, data)
    chosen = settings.resolve()
    dataset = prepare_request(data.request(), chosen.rare, progress)
    if line := dataset.rare_summary():
        say(line)
    results = dataset.make_splits(chosen.split)
    if out_file is not None:
        for i, result in enumerate(results):
            path = out_file if len(results) == 1 else out_file.with_stem(f"{out_file.stem}-{i}")
            save_split(path, result.split)
            say(f"written: {path}")
    if json:
        out_json({"splits": [describe_split(r) for r in results]})
        return
    for result in results:
        if result.fold is not None:
            out(f"fold {result.fold + 1} of {len(results)}")
        for line in result.balance.lines():
            out(line)
        if n_synthetic := sum(c.synthetic for c in result.split.train):
            out(f"and {n_synthetic} synthetic clips in the training set")
        for warning in result.warnings:
            out(f"warning: {warning}")
        for species, reason in result.untestable.items():
            out(f"cannot be tested: {species}: {reason}")


def simulate(
    folder: OldOut = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="A new folder.", show_default=False)
    ] = None,
    species: Annotated[
        str | None,
        typer.Option(help="Names of species, separated by ';' (default: all).", show_default=False),
    ] = None,
    clips: Annotated[int, typer.Option(help="Number of clips per species.")] = 20,
    tapes: Annotated[int, typer.Option(help="Number of tapes per species.")] = 4,
    snr_db: Annotated[
        str, typer.Option(help="Lowest and highest signal-to-noise ratio in dB, as LOW:HIGH.")
    ] = "6:20",
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Make one recording of this length (minutes) with a table of its calls, instead of clips.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Make recordings of simulated calls, with labels.

    `finback simulate soundscape --help` shows how to place calls in noise, with their truth.

    \b
    Example:
      finback simulate --out sim --clips 20 --tapes 4
      finback simulate --out day --minutes 60
    """
    from finback.core.settings import build
    from finback.datasets.simulate.simulate import (
        ClipSettings,
        RecordingSettings,
        simulate_clips,
        simulate_recording,
    )

    target = one_output(out_folder, folder, "the new folder")
    chosen = None if species is None else tuple(name.strip() for name in species.split(";") if name.strip())
    common = {"species": chosen, "snr_db": _range(snr_db), "seed": seed}
    if minutes is None:
        wanted = build(ClipSettings, {**common, "clips_per_species": clips, "tapes_per_species": tapes})
        table = simulate_clips(target, wanted, progress)
    else:
        table = simulate_recording(target, build(RecordingSettings, {**common, "minutes": minutes}), progress)
    if json:
        n_rows = len(table.read_text(encoding="utf-8").splitlines()) - 1
        out_json({"folder": str(target), "table": str(table), "rows": n_rows})
    else:
        out(str(table))


def _range(text: str) -> tuple[float, float]:
    """`6:20` -> (6.0, 20.0). Raises `SettingsError`."""
    from finback.core.errors import SettingsError

    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise SettingsError(f"--snr-db {text}: not of the form LOW:HIGH", "write for example 6:20") from None
    return low, high
