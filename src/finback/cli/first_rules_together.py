"""The checks of several options together: what is written where, which labels, which species."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback.cli.first_rules import OTHER_OUT, open_one
from finback.core.errors import InputError

Given = Mapping[str, Any]
LABELS = ("audio", "labels", "source", "groups", "file_column", "species_column", "channel", "min_clips")
TIMES = ("strict", "time_pattern", "time_zone", "synthetic")
# Files that begin the folders of other commands.
MADE_BY = {
    "scan.json": "a scan",
    "leaderboard.json": "a comparison",
    "data_sets.json": "a comparison on several data sets",
    "synthetic_study.json": "a comparison of synthetic clips",
    "generated.json": "generated clips",
}

# The kind of a study of synthetic clips in its run.json, today and in version 0.1.0.
STUDIES = ("synthetic_study", "gain")


def _out(given: Given) -> Path | None:
    out = given.get("out_folder") or given.get("folder")
    return None if out is None else Path(out)


def free_for_run(given: Given) -> None:
    """`--out` of a training holds nothing, or a run of the same family; the work compares the rest."""
    from finback.core.runs.files import RunFiles
    from finback.core.runs.folder import RunFolder

    out = _out(given)
    if out is None:
        return
    for name, what in MADE_BY.items():
        if (out / name).exists():
            raise InputError(f"{out}: holds {what}", OTHER_OUT)
    files = RunFiles(out)
    if not files.run_json.is_file():
        found = [f.name for f in (files.manifest, files.split_table, files.weights) if f.exists()]
        if found:
            raise InputError(f"{out}: holds another {found[0]}, and no run", OTHER_OUT)
        return
    info, family = RunFolder.open(out).info, given.get("family")
    if family not in (None, "auto", info.family):
        raise InputError(f"{out}: holds another run (family {info.family}, not {family})", OTHER_OUT)
    if given.get("seed") not in (None, info.seed) and info.seed is not None:
        raise InputError(f"{out}: holds another run (seed {info.seed}, not {given['seed']})", OTHER_OUT)


def no_run_there(given: Given) -> None:
    """`--out` of work that trains no run in that folder must hold none."""
    from finback.core.runs.files import RunFiles
    from finback.core.runs.folder import RunFolder

    out = _out(given)
    if out is not None and RunFiles(out).run_json.is_file():
        if given.get("synthetic") and RunFolder.open(out).info.kind in STUDIES:
            return  # the same study, which goes on; the work compares the rest
        raise InputError(f"{out}: is a run folder, and would become something else", OTHER_OUT)


def labelled(given: Given) -> None:
    """Labels, groups and columns are there, and rows name files; no sound is read."""
    if given.get("datasets") or any(str(name).endswith(".toml") for name in given.get("recipes") or ()):
        return
    if given.get("audio") is None:
        if "recipes" in given:  # of finback compare
            raise InputError("no --audio", "give the folder of recordings, or data sets with --datasets")
        return
    from finback.core.settings import build
    from finback.data import provenance
    from finback.data.label_files import check_labels
    from finback.data.sources.base import IndexRequest
    from finback.models import GENERATORS, VOCODERS

    values = {name: given[name] for name in (*LABELS, *TIMES) if given.get(name) is not None}
    if isinstance(values.get("synthetic"), str):  # of a study: arms, not folders
        del values["synthetic"]
    request = build(IndexRequest, values)
    for table in map(provenance.table_of, request.synthetic):
        check_labels(IndexRequest(audio=table.parent, labels=table, source="folder"))
    is_classifier = "out_folder" in given and "preset" in given
    is_classifier &= given.get("family") not in GENERATORS and given.get("family") not in VOCODERS
    species = check_labels(request, 2 if is_classifier else 1)
    out = _out(given)
    if is_classifier and out is not None and (out / "run.json").is_file():
        _same_species(out, species)


def _same_species(out: Path, species: list[str]) -> None:
    """A run is continued with the labels with which it was begun; one more is the class of rare species."""
    from finback.core.runs.folder import RunFolder

    others = sorted(set(RunFolder.open(out).info.labels) - set(species))
    if len(others) > 1:
        raise InputError(
            f"{out}: holds another run (these labels have no {others[0]} and no {others[1]})", OTHER_OUT
        )


def recordings_or_run(given: Given) -> None:
    """`finback audit` takes one of the two."""
    if (given.get("run") is None) == (given.get("audio") is None):
        raise InputError(
            "finback audit needs either recordings or a run folder",
            "give --audio FOLDER with --labels, or the run folder of a generator or vocoder",
        )


def generated(given: Given) -> None:
    """The species of `finback generate`, and options that exclude each other."""
    _guidance(given)
    names = _names(given.get("species"))
    if given.get("parameters"):
        if names or given["every"]:
            raise InputError("--parameters with species: the files name the species", "leave one of them out")
        return
    if bool(names) == given["every"]:
        raise InputError("name species, or give --all", "write e.g. finback generate watkins 'Ross Seal'")
    if given["original"] is None and given["strength"] is not None:
        raise InputError("--strength without a clip", "name the clip to vary: --from CLIP")
    if given["original"] is not None and len(names) != 1:
        raise InputError("--from with several species", "name the species of the clip only")
    _known(given["run"], names)


def filled(given: Given) -> None:
    """The species of `finback synthesize`, and its split."""
    from finback.data.splits.settings import parse_fractions

    _guidance(given)
    if given.get("split") is not None:
        parse_fractions(given["split"])
    _known(given["run"], _names(given.get("species")))


def known_species(given: Given) -> None:
    """The species of `finback sheet`, and its kind of run."""
    run = open_one(str(given["run"]), ("classifier", "generator", "vocoder"))
    if run.info.family != "diffusion":
        raise InputError(
            f"{given['run']}: {run.info.family}, not a diffusion model",
            "give the folder of finback train diffusion, or watkins-diffusion",
        )
    _known(given["run"], [given["species"]])


def vocoded(given: Given) -> None:
    """The source of `finback vocode`, and the name of its output."""
    out, source = given["out_path"], given["source"]
    if not source.is_file():
        what = "a folder, not a file" if source.is_dir() else "no such file"
        raise InputError(f"{source}: {what}", "give a .npy or .npz file of log-mels, or a sound file")
    if out.suffix and out.suffix.lower() not in (".wav", ".flac") and not out.is_dir():
        raise InputError(
            f"--out {out}: not the name of a sound file", "use a name that ends in .wav or .flac"
        )


def _guidance(given: Given) -> None:
    if bool(given["guide"]) != (given["classifier_scale"] > 0):
        raise InputError("classifier guidance needs --guide and --classifier-scale", "give both")


def _known(run: str, names: Any) -> None:
    from finback.core.types import Labels
    from finback.generation.species import species_id

    labels = Labels(open_one(str(run), ("generator",)).info.labels)
    for name in names:
        species_id(labels, name)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(";") if name.strip())
