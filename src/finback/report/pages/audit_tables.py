"""`generator_audit.json` and `reconstruction.json` as tables for a page; None where they are not there."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback.core.errors import RunError
from finback.core.files import read_json
from finback.core.renames import current_audit
from finback.core.run_files import RECONSTRUCTION, RunFiles
from finback.report.pages.figures import Picture
from finback.report.pages.summary import percent

WORDS = {
    "train": "real, learnt from",
    "held_out": "real, same tapes, held out",
    "unseen": "real, other tapes",
    "unseen vocoded": "real, other tapes, vocoded",
}
METHODS = {"vae": "VAE", "pca": "principal components", "mean spectrum": "mean spectrum"}
DISTANCES = (
    ("kad", "Kernel distance", 3),
    ("frechet", "Fréchet distance", 2),
    ("precision", "Precision", 2),
    ("recall", "Recall", 2),
    ("density", "Density", 2),
    ("coverage", "Coverage", 2),
)


@dataclass(frozen=True)
class Table:
    """A heading, what it tells, column titles and rows of text."""

    title: str
    meaning: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(folder: Path) -> list[Table] | None:
    """The audit of a generator; None without one, or with one that this version cannot read."""
    found = _object(RunFiles(folder).generator_audit)
    if found is None:
        return None
    try:
        return [
            _recognised(found),
            _substitution(found),
            *_distances(found),
            _copying(found),
            _diversity(found),
        ]
    except (KeyError, TypeError, AttributeError):
        return None


def _recognised(found: Mapping[str, Any]) -> Table:
    rows = [
        (_name(name), str(row["n_clips"]), percent(row["accuracy"]), percent(row["mean_recall"]))
        for name, row in found["recognised"].items()
    ]
    return Table(
        "Are samples recognised as their species?",
        "A classifier that learnt the same clips names each sample. Samples should do as well as held-out "
        "clips of the same tapes; better means more alike than real ones.",
        ("clips", "how many", "named rightly", "mean over species"),
        rows,
    )


def _substitution(found: Mapping[str, Any]) -> Table:
    rows = [
        (learner, _name(name), percent(row["on_unseen"]["accuracy"]), _number(row.get("ratio"), 2))
        for learner, each in found["substitution"].items()
        for name, row in each.items()
    ]
    return Table(
        "Can samples stand in for clips?",
        "A classifier taught by samples alone, tested on real clips of other tapes, beside one taught by the "
        "learnt clips.",
        ("classifier", "taught by", "right on other tapes", "ratio to real"),
        rows,
    )


def _distances(found: Mapping[str, Any]) -> list[Table]:
    made = []
    for one in found["distances"]:
        known = "train" if one["reference"] == "train" else "never heard"
        rows = []
        for name, row in one["rows"].items():
            rows.append((_name(name), *(_spread(row, key, digits) for key, _, digits in DISTANCES)))
        made.append(
            Table(
                f"How far from clips that were {known}?",
                f"Space: {one['space']}; {one['n']} of each set, mean of {one['seeds']} draws. Distances: "
                "lower is better. Coverage and recall: how much of what is real samples reach; precision and "
                "density: how many lie among what is real.",
                ("set", *(words for _, words, _ in DISTANCES)),
                rows,
            )
        )
    return made


def _copying(found: Mapping[str, Any]) -> Table:
    rows = [
        (
            space,
            _name(name),
            _number(row["ratio"], 2),
            _number(row["ratio_low"], 2),
            percent(row["below_pair"]),
            percent(row["below_nearest"]),
        )
        for space, each in found["copying"].items()
        for name, row in each["rows"].items()
    ]
    return Table(
        "Are they copies?",
        "Distance of each sample to the nearest clip that was learnt over that of a typical held-out clip "
        "of the same tapes: well below 1 is a copy. Shares: nearer than all but 1 % of pairs of learnt "
        "clips of different tapes, and nearer than all but 1 % of learnt clips come to any other tape.",
        ("space", "set", "median", "nearest 5 %", "nearer than 1 % of pairs", "nearer than 1 % of clips"),
        rows,
    )


def _diversity(found: Mapping[str, Any]) -> Table:
    rows = [
        (space, _name(name), _number(row["mean"], 2))
        for space, each in found["diversity"].items()
        for name, row in each.items()
    ]
    return Table(
        "Are they varied?",
        "Mean distance between samples of a species over that between its clips: 1 is as varied as these.",
        ("space", "set", "diversity"),
        rows,
    )


def reconstruction(folder: Path) -> Table | None:
    """What a VAE keeps of clips, beside two simple methods."""
    found = _object(folder / "figures" / RECONSTRUCTION) or _object(RunFiles(folder).reconstruction)
    if found is None:
        return None
    keys = {"mse_db2": "squared error, dB²", "snr_db": "SNR, dB", "si_snr_db": "scale-free SNR, dB"}
    rows = [
        (METHODS.get(name, name), *(_number(row.get(key), 1) for key in keys))
        for name, row in found["methods"].items()
    ]
    return Table(
        "What is kept of a clip?",
        f"Clips of the {found['subset']} side, encoded and painted again; {found['active_latents']} of "
        f"{found['latents']} latents are used.",
        ("by", *keys.values()),
        rows,
    )


def from_file(path: Path, alt: str) -> Picture:
    """A PNG that lies in the folder, at the size it was drawn for."""
    data = path.read_bytes()
    pixels = struct.unpack(">I", data[16:20])[0]  # width in the PNG's first chunk
    return Picture(f"data:image/png;base64,{base64.b64encode(data).decode()}", alt, round(pixels * 96 / 130))


def _object(path: Path) -> dict[str, Any] | None:
    try:
        found = current_audit(read_json(path))
    except RunError:
        return None
    return found if isinstance(found, dict) else None


def _name(name: str) -> str:
    return WORDS.get(name, f"samples: {name}")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _spread(row: Mapping[str, Any], key: str, digits: int) -> str:
    spread = row.get(f"{key}_sd")
    return _number(row[key], digits) + (f" ± {spread:.{digits}f}" if spread is not None else "")
