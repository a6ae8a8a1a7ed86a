"""The checks of `first_checks`: each takes a value and all options of the command, and raises `InputError`.

Nothing here imports torch.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from finback.core.errors import InputError, SettingsError

Given = Mapping[str, Any]
# The registries import torch; a test compares these names with them.
ADDABLE = ("beats", "cnn14", "perch2")
FRONT_ENDS = (*ADDABLE, "aisfx", "birdnet", "logmel", "mfcc", "onnx", "wave", "yamnet")
OTHER_OUT = "give another --out"


def listed(value: Any) -> list[Any]:
    """The values of a repeatable option, or the only value."""
    return list(value) if isinstance(value, list | tuple) else [value]


def device(value: str, given: Given) -> None:
    from finback.models.device_names import check_device

    check_device(value)


def output_folder(value: Path, given: Given) -> None:
    from finback.core.storage.places import check_output_folder

    check_output_folder(Path(value))


def demo_folder(value: Path, given: Given) -> None:
    """A folder without other files: the demo would take them for its own recordings."""
    output_folder(value, given)
    parts = ("clips", "background", "labels.csv", "run", "hour", "scan")
    names = [path.name for path in value.iterdir()] if value.is_dir() else []
    if other := sorted(name for name in names if name not in parts and name[:1] != "."):
        raise InputError(f"--out {value}: holds {other[0]}, which is not of a demo", "give a new folder")


def output_file(value: Path, given: Given) -> None:
    from finback.core.storage.places import check_output_file

    check_output_file(Path(value))


def output_file_or_folder(value: Path, given: Given) -> None:
    from finback.core.storage.places import check_output_file

    if isinstance(value, Path) and not value.is_dir():
        check_output_file(value)


def picture(value: Path, given: Given) -> None:
    from finback.report.plots.figure_files import USUAL

    USUAL.of_path(value)
    output_file(value, given)


def existing(value: Any, given: Given) -> None:
    for path in map(Path, listed(value)):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder", "check the path")


def folds(value: int, given: Given) -> None:
    if value == 1:
        raise InputError(
            "--folds 1: one fold is no cross-validation", "ask for 2 or more, or 0 for one split"
        )


# Names


def family(value: str, given: Given) -> None:
    from finback.models import FAMILIES

    if value != "auto" and value not in FAMILIES:
        raise unknown("model family", value, FAMILIES, "finback models lists them")


def only_classifier(given: Given) -> None:
    if given.get("family"):
        _refuse_other_kind(given["family"], "run --family")


def families(value: str, given: Given) -> None:
    from finback.models import CLASSIFIERS
    from finback.models.pretrained import names

    known = {**CLASSIFIERS, **dict.fromkeys(names("classifier"), "")}
    for name in filter(None, map(str.strip, value.split(","))):
        _refuse_other_kind(name, "compare --families")
        if name not in known and not Path(name).exists() and name != "auto":
            raise unknown("model family", name, known, "finback models lists them")


def _refuse_other_kind(name: str, where: str) -> None:
    from finback.models import GENERATORS, VOCODERS

    if name in GENERATORS or name in VOCODERS:
        kind = "generator" if name in GENERATORS else "vocoder"
        raise InputError(
            f"{where} {name}: a {kind}, which names no species",
            f"train it with finback train {name}, or choose a classifier of finback models",
        )


def unknown(what: str, name: str, known: Any, repair: str) -> SettingsError:
    """An error for a name that is not known, with the nearest names first."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    few = sorted(known) if len(known) <= 12 else ["cnn2d", "mfcc-plda", "yamnet-plda", "..."]
    return SettingsError(f"unknown {what} '{name}'", f"{meant}{repair}: {', '.join(few)}")


def sampler(value: str, given: Given) -> None:
    from finback.generation.names import SAMPLERS

    if value not in SAMPLERS:
        raise unknown("sampler", value, SAMPLERS, "there are")


def added_backbone(value: str, given: Given) -> None:
    if value not in ADDABLE:
        repair = "another ONNX network: finback train onnx --set model.onnx_file=FILE; there are"
        raise unknown("backbone that can be added", value, ADDABLE, repair)


def backbone(value: str, given: Given) -> None:
    if value not in FRONT_ENDS:
        raise unknown("backbone", value, FRONT_ENDS, "there are")


def map_method(value: list[str], given: Given) -> None:
    for name in value:
        if name.lower().replace("-", "") not in ("tsne", "umap"):
            raise InputError(f"--method {name}: no such method", "give t-SNE or UMAP")


def export_format(value: str, given: Given) -> None:
    ways = ("onnx", "pamguard", "card")
    if value not in ways:
        raise InputError(f"--to {value}: not a way to export", "there are: " + ", ".join(ways))


def day_or_hour(value: str, given: Given) -> None:
    if value not in ("day", "hour"):
        raise InputError(f"--by {value}: no such interval", "give day or hour")


def threshold_target(value: str, given: Given) -> None:
    from finback.metrics.threshold import Target

    Target.parse(value)


def settings(given: Given) -> None:
    """The preset, `--set` and the options that are settings."""
    from finback.cli.options import SettingOptions
    from finback.training.settings import resolve, resolve_shared

    own: dict[str, Any] = {f.name: given.get(f.name) for f in fields(SettingOptions)}
    if "preset" not in given or own["preset"] is None:
        return
    changes = tuple(own["set_"] or ())
    chosen = given.get("family") or ""
    if "split" in given:
        SettingOptions(**own).resolve(chosen if chosen != "auto" else "")
    elif "families" in given:
        resolve_shared(own["preset"], changes)
    else:
        resolve(own["preset"], changes)


# Runs


def run_of(*kinds: str) -> Callable[[Any, Given], None]:
    """A check that each value is a run folder, or a bundled model, of one of these kinds."""

    def check(value: Any, given: Given) -> None:
        for one in listed(value):
            open_one(str(one), kinds)

    return check


def open_one(name: str, kinds: Sequence[str]) -> Any:
    """The run folder. Raises `InputError` for no run, a run of another kind, and an unfinished one."""
    from finback.core.runs.folder import RunFolder
    from finback.models import pretrained

    if not Path(name).exists():
        all_kinds = (*kinds, *pretrained.KINDS)  # of another kind: told below
        bundled = [kind for kind in all_kinds if name in pretrained.names(kind)]
        where = pretrained.bundled(name, bundled[0]) if bundled else pretrained.resolve(name, kinds[0])
        run = RunFolder.open(where)
    else:
        run = RunFolder.open(Path(name))
    found = "classifier" if run.info.kind == "ensemble" else run.info.kind
    if found not in kinds:
        wanted = " or ".join(kinds)
        raise InputError(
            f"{name}: a {found}, not a {wanted}",
            f"give the folder of finback train {pretrained.TRAINED_BY[kinds[0]]}",
        )
    run.require_trained()
    return run


def exported_run(value: str, given: Given) -> None:
    open_one(value, ("classifier",) if given["to"] != "card" else ("classifier", "generator", "vocoder"))


def vocoder(value: str, given: Given) -> None:
    from finback.generation.names import VOCODERS
    from finback.models import pretrained

    if value in VOCODERS:
        return
    if not Path(value).exists() and value not in pretrained.names("vocoder"):
        known = [*VOCODERS, *pretrained.names("vocoder")]
        raise unknown("vocoder", value, known, "give a run folder of finback train vocoder, or")
    open_one(value, ("vocoder",))


def two_runs(given: Given) -> None:
    if len(given["runs"]) < 2:
        raise InputError("one run is no ensemble", "give two run folders or more")


def only_vae(given: Given) -> None:
    run = open_one(str(given["run"]), ("generator",))
    if run.info.family != "vae":
        raise InputError(
            f"{given['run']}: {run.info.family}, not a VAE", "give the folder of finback train vae"
        )


def scan(value: Path, given: Given) -> None:
    from finback.scan.header import NAME

    if not value.is_dir():
        raise InputError(f"{value}: no such folder", "give a folder of finback scan")
    if not (value / NAME).is_file():
        raise InputError(
            f"{value}: not a folder of finback scan (it has no {NAME})", "finback scan writes one"
        )


def predicted(value: list[str], given: Given) -> None:
    """The model and the sound files of `finback predict`."""
    named = given.get("model")
    files = value if named else value[1:]
    if not named:
        if Path(value[0]).is_file():
            raise InputError(
                f"predict {value[0]}: a file, not a model",
                "name the model before the files: finback predict watkins CLIP",
            )
        open_one(value[0], ("classifier",))
    some_recordings(files, given)


def some_recordings(value: list[str], given: Given) -> None:
    """At least one of the names may be a recording; others are told one by one, beside the results."""
    plain = [name for name in value if name[:1] not in "-@" and "://" not in name]
    if plain and len(plain) == len(value) and not any(map(_is_there, plain)):
        more = f" and {len(plain) - 1} more" if len(plain) > 1 else ""
        raise InputError(f"{plain[0]}{more}: no such file or folder", "check the path")


def _is_there(name: str) -> bool:
    return Path(name).exists() or bool(glob.has_magic(name))
