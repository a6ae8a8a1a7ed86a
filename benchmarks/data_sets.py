"""The data sets of `carry_over.py`: what each is, and the tables of labels and groups that it needs.

`write(folder, data)` writes a TOML file for `finback compare --datasets` for each data set, with tables of
labels, places and groups. The recordings stay where they are ($FINBACK_DATA or ../shared/data), except the
clips in noise, which are mixed into the folder. The calls of `sites` are data sets of their own; its noise is
in the background of `noise` only.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from finback.audio import io
from finback.audio.resample import resample
from finback.core.storage.csv_files import read_csv, write_csv

# Watkins names places in words for some records; here in degrees, as for the others.
PLACES = {
    "Bailie": "N70 W128",
    "Costa Rica": "N10 W085",
    "Delaware": "N38 W075",
    "Dominica": "N15 W061",
    "New York": "N40 W074",
    "Saguenay": "N48 W070",
    "Sarasota": "N27 W082",
    "Ste. Catherine": "N48 W070",
}
DEGREES = re.compile(r"([NS])(\d\d)\w* +([EW])(\d{3})")
CALL_TYPE = re.compile(r"SRKW call (S\d\d)|^(S\d\d)")
UNITS = ("shriek", "moan", "gurgle", "groan", "grunt", "cry")  # the first that a label holds
MERGED = {"grunt": "groan"}  # annotators of these units do not keep the two apart
EVERY = 3  # right-whale clips: one of three
NOISE_SETS = ("sanctsound", "boat_noise", "puerto_morelos_fish")
NOISE_DB = (0.0, 12.0)  # signal-to-noise ratio over the whole clip
LONGEST_S = 5.0
ONE_SEED = {"seeds": 1}  # where folds are given, or to save time
BLOCK = 500  # right-whale clips of neighbouring numbers may be of one hour


@dataclass(frozen=True)
class Definition:
    """A data set: keys of its file, and its tables {file name: rows}; the first row names the columns."""

    name: str
    about: str
    keys: dict[str, Any]
    tables: dict[str, list[Sequence[Any]]] = field(default_factory=dict)


def square(location: str) -> str | None:
    """The square of ten degrees of a location of Watkins (a Marsden square): `N40 W070`."""
    location = next((degrees for word, degrees in PLACES.items() if word in location), location)
    found = DEGREES.search(location)
    if found is None:
        return None
    north, latitude, east, longitude = found.groups()
    return f"{north}{int(latitude) // 10 * 10:02d} {east}{int(longitude) // 10 * 10:03d}"


def watkins(data: Path) -> Definition:
    about = "Watkins cuts; folds over tapes."
    return Definition("tapes", about, _watkins(data))


def decades(data: Path) -> Definition:
    about = (
        "Watkins cuts; trained on the recordings before 1970 and tested on the later ones, and the reverse."
    )
    by = {"test_by": f"{data / 'watkins_all' / 'metadata.csv'}:year", "cuts": [1970]}
    return Definition("decades", about, _watkins(data) | by | ONE_SEED)


def places(data: Path) -> Definition:
    """The place of a tape is that of most of its records; only `watkins` has places."""
    of_tape: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _rows(data / "watkins" / "metadata.csv"):
        if found := square(row["location"]):
            of_tape[row["group"]][found] += 1
    rows = [
        (row["file"], row["species"], of_tape[row["group"]].most_common(1)[0][0])
        for row in _rows(data / "watkins_all" / "metadata.csv")
        if row["group"] in of_tape
    ]
    about = "Watkins cuts of known place; folds over squares of ten degrees."
    keys = _watkins(data) | {"labels": "places.csv", "groups": "places.csv:group", "source": "folder"}
    keys |= ONE_SEED
    return Definition("places", about, keys, {"places.csv": [("file", "species", "group"), *rows]})


def call_types(data: Path) -> Definition:
    """Types of calls that both catalogues have; a clip or a few of each type and catalogue."""
    rows = []
    for row in _sites(data, ("srkw_catalogue", "srkw_sfu")):
        if found := CALL_TYPE.search(row["label"]):
            rows.append((row["file"], found[1] or found[2], row["set"]))
    about = "Call types of southern resident killer whales; trained on one catalogue, tested on the other."
    return _of_sites(
        data, "killer-whale-calls", about, rows, test_by="killer-whale-calls.csv:catalogue", seeds=1
    )


def units(data: Path) -> Definition:
    rows = []
    for row in _sites(data, ("ecoz2_mars",)):
        if found := next((unit for unit in UNITS if unit in row["label"]), ""):
            rows.append((row["file"], MERGED.get(found, found), row["group"]))
    about = "Units of humpback song from Monterey Bay; folds over sessions."
    return _of_sites(data, "humpback-units", about, rows, groups="humpback-units.csv:session", min_clips=5)


def upcalls(data: Path) -> Definition:
    rows = [
        (row["file"], row["species"], int(Path(row["file"]).stem) // BLOCK)
        for row in _rows(data / "right_whale_upcalls" / "labels.csv")
    ]
    rows = sorted(rows, key=lambda row: int(Path(row[0]).stem))[::EVERY]
    about = f"Up-calls of right whales and noise, one of {EVERY} clips; folds over blocks of {BLOCK} numbers."
    keys = {
        "audio": str(data / "right_whale_upcalls" / "audio"),
        "labels": "up-calls.csv",
        "source": "folder",
    }
    keys |= {"groups": "up-calls.csv:block"} | ONE_SEED
    return Definition("up-calls", about, keys, {"up-calls.csv": [("file", "species", "block"), *rows]})


def noise(data: Path) -> Definition:
    """Every second clip, in noise from another place; `write` mixes them."""
    about = f"Watkins cuts in noise of other places, {NOISE_DB[0]:g} to {NOISE_DB[1]:g} dB; folds over tapes."
    rows = _rows(data / "watkins_all" / "metadata.csv")[::2]
    labels = [(Path(row["file"]).name, row["species"], row["group"]) for row in rows]
    keys = {"audio": "noise-audio", "labels": "noise.csv", "groups": "noise.csv:group", "min_clips": 5}
    keys |= {"source": "folder"} | ONE_SEED
    return Definition("noise", about, keys, {"noise.csv": [("file", "species", "group"), *labels]})


ALL: tuple[Callable[[Path], Definition], ...] = (watkins, decades, places, call_types, units, upcalls, noise)


def write(folder: Path, data: Path, wanted: Iterable[str] = ()) -> list[Path]:
    """Write the definitions (all, or those `wanted`) and their tables; the paths of the TOML files."""
    folder.mkdir(parents=True, exist_ok=True)
    files, chosen = [], set(wanted)
    for make in ALL:
        found = make(data.resolve())
        if chosen and found.name not in chosen:
            continue
        for name, rows in found.tables.items():
            write_csv(folder / name, rows[0], rows[1:])
        if found.name == "noise":
            mix(data, folder / "noise-audio")
        file = folder / f"{found.name}.toml"
        file.write_text(
            tomli_w.dumps({"name": found.name, "about": found.about, **found.keys}), encoding="utf-8"
        )
        files.append(file)
    return files


def mix(data: Path, folder: Path) -> None:
    """Write the clips in noise: at most `LONGEST_S` of each, at its own rate, always with the same noise."""
    folder.mkdir(exist_ok=True)
    places = sorted(
        {data / "sites" / row["file"] for row in _sites(data, NOISE_SETS) if row["kind"] == "other"}
    )
    for i, row in enumerate(_rows(data / "watkins_all" / "metadata.csv")[::2]):
        path = folder / Path(row["file"]).name
        if path.exists():
            continue
        rng = np.random.default_rng(i)
        rate = io.probe(data / row["file"]).sample_rate
        call = io.read(data / row["file"])[: round(LONGEST_S * rate)]
        found = places[int(rng.integers(len(places)))]
        around = resample(io.read(found), io.probe(found).sample_rate, rate)
        start = int(rng.integers(max(1, len(around) - len(call))))
        around = np.resize(around[start:], len(call))
        level = float(np.sqrt(np.mean(call**2) / max(float(np.mean(around**2)), 1e-20)))
        mixed = call + around * level * 10 ** (-rng.uniform(*NOISE_DB) / 20)
        io.write(path, (0.5 * mixed / max(float(np.abs(mixed).max()), 1e-9)).astype(np.float32), rate)


def _watkins(data: Path) -> dict[str, Any]:
    tables = data / "watkins_all"
    groups = f"{tables / 'metadata.csv'}:group"
    return {"audio": str(data), "labels": str(tables / "labels.csv"), "groups": groups, "min_clips": 10}


def _sites(data: Path, sets: Sequence[str]) -> list[dict[str, str]]:
    return [row for row in _rows(data / "sites" / "manifest.csv") if row["set"] in sets]


def _of_sites(data: Path, name: str, about: str, rows: list[Sequence[Any]], **more: Any) -> Definition:
    column = "catalogue" if "test_by" in more else "session"
    table = f"{name}.csv"
    keys = {"audio": str(data / "sites"), "labels": table, "source": "folder", **more}
    return Definition(name, about, keys, {table: [("file", "species", column), *rows]})


def _rows(path: Path) -> list[dict[str, str]]:
    return read_csv(path)
