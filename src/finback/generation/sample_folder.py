"""A folder of generated clips. Every sample in it is complete or absent.

    samples = SampleFolder.open(folder, settings, about, provenance)
    if not samples.has(species, seed):
        samples.add(row, logmel, wave, rate)
    with samples.alone():
        samples.finish()

`add` writes the spectrogram and the manifest row of a sample (`.parts/NAME.npz`), then its sound
(`NAME.wav`). `finish` combines all samples into `spectrograms.npz` and `manifest.csv`. An interrupted folder
continues where it stopped, and a folder that is opened again with the same settings can grow.

A sample is known by its species and seed; its name follows from both, and two species never share one
(core/storage/paths.py). Several processes may add to one folder, for example the jobs of an array: each adds
its own samples while the others generate, and `alone` lets one process at a time combine what all have added.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.audio.io import is_sound, write
from finback.core.errors import RunError
from finback.core.runs.data_documents import GeneratedFile
from finback.core.runs.documents import read_document
from finback.core.runs.files import MANIFEST
from finback.core.runs.renames import current_generated
from finback.core.storage.arrays import one_by_one, read_arrays
from finback.core.storage.csv_files import read_csv, whole_number, write_csv
from finback.core.storage.files import atomic_path, write_json
from finback.core.storage.locks import only_writer
from finback.core.storage.paths import file_name
from finback.core.storage.places import takes_name
from finback.core.storage.plain_json import parsed
from finback.data.manifest import ModelProvenance
from finback.data.provenance import GENERATED

COLUMNS = (
    *(
        "file",
        "species",
        "group",
        "synthetic",
        "seed",
        "generator",
        "vocoder",
        "sampler",
        "steps",
        "guidance",
    ),
    *("parents", "distance", "probability", "licence"),
)
SPECTROGRAMS = "spectrograms.npz"
PARTS = ".parts"
REPAIR = "give another --out"
WAIT_S = 600.0  # for other processes that add to the folder; each has the lock for moments only

Row = dict[str, Any]


class SampleFolder:
    """Generated clips by name. `rows`: the manifest row of each finished sample; `new`: those of this run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, Row] = {}
        self.new: set[str] = set()
        self._names: dict[tuple[str, int], str] = {}  # by species and seed
        self._species_names: dict[str, str] = {}
        self._read()

    def __repr__(self) -> str:
        return f"SampleFolder({self.folder}, {len(self.rows)} samples)"

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        about: Mapping[str, Any],
        provenance: Sequence[ModelProvenance],
    ) -> SampleFolder:
        """A new folder, or one that was begun with the same settings.

        `generated.json` keeps the settings, `about` and the provenance. Raises `RunError` when the folder
        holds clips with other settings, or a manifest that finback did not generate.
        """
        with only_writer(folder, WAIT_S):
            cls._check(folder, settings)
            if not (folder / GENERATED).exists():
                models = [model.as_dict() for model in provenance]
                value = {"settings": dict(settings), **about, "provenance": models}
                write_json(folder / GENERATED, value)
            return cls(folder)

    @staticmethod
    def _check(folder: Path, settings: Mapping[str, Any]) -> None:
        """Raises `RunError` when the folder holds clips with other settings, or another manifest."""
        path = folder / GENERATED
        if path.exists():
            old = read_document(path, GeneratedFile, current_generated).get("settings", {})
            changed = [
                f"{key} {old.get(key)} -> {settings.get(key)}"
                for key in sorted({*old, *settings})
                if old.get(key) != json.loads(json.dumps(settings.get(key)))
            ]
            if changed and "streams" in settings and "streams" not in old:
                raise RunError(
                    f"{folder}: begun by a version in which one seed gave every species the same noise; "
                    "its samples and new ones differ",
                    REPAIR,
                )
            if changed:
                raise RunError(
                    f"{folder}: holds clips with other settings ({', '.join(changed[:3])})", REPAIR
                )
        elif (folder / MANIFEST).exists():
            raise RunError(f"{folder}: holds another manifest.csv", REPAIR)
        elif sounds := [path.name for path in folder.iterdir() if is_sound(path.name)]:
            raise RunError(f"{folder}: holds {len(sounds)} other recordings ({sounds[0]}, ...)", REPAIR)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that writes in the folder, and know what the others have added so far."""
        with only_writer(self.folder, WAIT_S):
            self._read()
            yield

    def name(self, species: str, seed: int) -> str:
        """The file name of a sample, without suffix; of a finished one the name that it has."""
        return self._names.get((species, seed)) or f"{self._species_name(species)}-{seed:06d}"

    def _species_name(self, species: str) -> str:
        """The species in its own script; in ASCII where the file system does not take such names."""
        if species not in self._species_names:
            name = file_name(species, script=True)
            taken = name.isascii() or takes_name(self.folder, name)
            self._species_names[species] = name if taken else file_name(species)
        return self._species_names[species]

    def has(self, species: str, seed: int) -> bool:
        """Whether the sample is finished."""
        return (species, seed) in self._names

    def add(self, row: Row, logmel: NDArray[np.float32], wave: np.ndarray, rate: int) -> str:
        """Keep one sample: log-mel (M, F) in dB, wave (n,) within -1 to 1 as 16 bits at `rate` Hz.

        `row` has its species and seed, and other columns of the manifest. Returns its name. Raises
        `FinbackError` when it cannot be written; then the folder is as if `add` had not been called.
        """
        name = self.name(row["species"], row["seed"])
        row = {**dict.fromkeys(COLUMNS, ""), "file": f"{name}.wav", "synthetic": "true", **row}
        with only_writer(self.folder, WAIT_S):
            with atomic_path(self.folder / PARTS / f"{name}.npz") as temporary:
                np.savez(temporary, logmel=logmel, row=np.array(json.dumps(row)))
            write(self._wav(name), wave, rate)
        self._know(name, row)
        self.new.add(name)
        return name

    def logmels(self, names: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Log-mels (M, F) in dB of finished samples, one at a time."""
        path, parts = self.folder / SPECTROGRAMS, set(self._parts())
        if not path.exists():
            yield from (self._part(name)[0] for name in names)
            return
        try:
            with one_by_one(path) as old:
                for name in names:
                    yield self._part(name)[0] if name in parts else old(name)
        except ValueError as error:
            raise RunError(f"{path}: damaged ({error})", REPAIR) from None

    def finish(self) -> None:
        """Write the spectrograms and the manifest of all samples, sorted by species and seed."""
        order = sorted(self.rows, key=lambda name: (self.rows[name]["species"], int(self.rows[name]["seed"])))
        if self.new:
            with (
                atomic_path(self.folder / SPECTROGRAMS) as temporary,
                zipfile.ZipFile(temporary, "w") as archive,
            ):
                for name, x in zip(order, self.logmels(order), strict=True):
                    # A ZipInfo made by hand has no date, so the same clips give the same file.
                    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                        np.lib.format.write_array(file, x)
        rows = [[self.rows[name].get(column, "") for column in COLUMNS] for name in order]
        write_csv(self.folder / MANIFEST, COLUMNS, rows)
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)
        self.new = set()

    def _read(self) -> None:
        """Learn which samples are in the folder. Raises `RunError` when two samples have one file."""
        self.rows, self._names = {}, {}
        if (self.folder / MANIFEST).exists():
            for row in read_csv(self.folder / MANIFEST, ["file", "species", "seed"]):
                self._know(Path(row["file"]).stem, dict(row))
        for name in [name for name in self.rows if not self._wav(name).exists()]:
            self._forget(name)
        self.new = {name for name in self._parts() if self._wav(name).exists()}
        for name in sorted(self.new):
            self._forget(name)
            self._know(name, self._part(name)[1])

    def _know(self, name: str, row: Row) -> None:
        old = self.rows.get(name)
        if old is not None and old["species"] != row["species"]:
            both = f"'{old['species']}' and '{row['species']}'"
            raise RunError(f"{self._wav(name)}: is a clip of two species ({both})", REPAIR)
        self.rows[name] = row
        try:
            self._names[row["species"], whole_number(str(row["seed"]))] = name
        except ValueError as error:
            raise RunError(f"{self.folder / MANIFEST}: damaged (seed of {name}: {error})", REPAIR) from None

    def _forget(self, name: str) -> None:
        row = self.rows.pop(name, None)
        if row is not None:
            self._names.pop((row["species"], int(row["seed"])), None)

    def _wav(self, name: str) -> Path:
        return self.folder / f"{name}.wav"

    def _part(self, name: str) -> tuple[NDArray[np.float32], Row]:
        """The log-mel (M, F) of a new sample, and its row of the manifest."""
        path = self.folder / PARTS / f"{name}.npz"
        try:
            part = read_arrays(path)
            row = parsed(str(part["row"]).encode())
            if part["logmel"].ndim != 2 or not {"species", "seed", "file"} <= set(row):
                raise ValueError("not a sample")
            return part["logmel"], row
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}: damaged ({error})", REPAIR) from None

    def _parts(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / PARTS).glob("[!.]*.npz"))
