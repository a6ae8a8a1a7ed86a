"""A folder of generated clips while it is being filled: every sample is whole or absent.

    samples = SampleFolder.open(folder, settings, about)
    if not samples.has(name):
        samples.add(name, row, logmel, wave, rate)
    samples.finish()

A sample is put down as its spectrogram and facts (`.parts/NAME.npz`), then its sound (`NAME.wav`); `finish`
makes `spectrograms.npz` and `manifest.csv` of all there are. A folder goes on where it was left, and grows
when it is opened again with the same settings.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback.audio.io import write
from finback.core.errors import RunError
from finback.core.files import atomic_path, read_json, write_atomic, write_json
from finback.core.run_files import MANIFEST
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
ANOTHER = "give another --out, or delete that folder"

Row = dict[str, Any]


class SampleFolder:
    """Generated clips by name; `rows` holds the facts of each that is finished."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, Row] = {}
        if (folder / MANIFEST).exists():
            with open(folder / MANIFEST, encoding="utf-8", newline="") as file:
                self.rows = {Path(row["file"]).stem: dict(row) for row in csv.DictReader(file)}
        self.rows = {name: row for name, row in self.rows.items() if self._wav(name).exists()}
        self.new = {name for name in self._parts() if self._wav(name).exists()}
        for name in sorted(self.new):
            self.rows[name] = json.loads(str(self._part(name)["row"]))

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        about: Mapping[str, Any],
        provenance: Sequence[ModelProvenance],
    ) -> SampleFolder:
        """A new samples, or one that was begun with the same settings; `about` is noted and nothing more.

        Raises `RunError` when the folder holds clips of other settings, or another manifest.
        """
        told = {"settings": dict(settings), **about, "provenance": [t.as_dict() for t in provenance]}
        path = folder / GENERATED
        if path.exists():
            old = read_json(path).get("settings", {})
            changed = [
                f"{key} {old.get(key)} -> {settings.get(key)}"
                for key in sorted({*old, *settings})
                if old.get(key) != json.loads(json.dumps(settings.get(key)))
            ]
            if changed:
                raise RunError(f"{folder}: holds clips of other settings ({', '.join(changed[:3])})", ANOTHER)
        elif (folder / MANIFEST).exists():
            raise RunError(f"{folder}: holds another manifest.csv", ANOTHER)
        else:
            write_json(path, told)
        return cls(folder)

    def has(self, name: str) -> bool:
        return name in self.rows

    def add(self, name: str, row: Row, logmel: np.ndarray, wave: np.ndarray, rate: int) -> None:
        """Keep one sample: log-mel (M, F), samples (n,) within -1 to 1 as 16 bits.

        Raises `FinbackError` when it cannot be written; then it is as if it had never been made.
        """
        row = {**dict.fromkeys(COLUMNS, ""), "file": f"{name}.wav", "synthetic": "true", **row}
        with atomic_path(self.folder / PARTS / f"{name}.npz") as temporary:
            np.savez(temporary, logmel=logmel, row=np.array(json.dumps(row)))
        write(self._wav(name), wave, rate)
        self.rows[name] = row
        self.new.add(name)

    def logmels(self, names: Sequence[str]) -> Iterator[np.ndarray]:
        """Log-mels (M, F) of finished clips, one at a time."""
        path, parts = self.folder / SPECTROGRAMS, set(self._parts())
        old = np.load(path) if path.exists() else None
        try:
            for name in names:
                yield self._part(name)["logmel"] if name in parts or old is None else old[name]
        finally:
            if old is not None:
                old.close()

    def finish(self) -> None:
        """Write spectrograms and manifest of all clips there are, by species and seed."""
        order = sorted(self.rows, key=lambda name: (self.rows[name]["species"], int(self.rows[name]["seed"])))
        if self.new:
            with (
                atomic_path(self.folder / SPECTROGRAMS) as temporary,
                zipfile.ZipFile(temporary, "w") as archive,
            ):
                for name, x in zip(order, self.logmels(order), strict=True):
                    # A ZipInfo of its own has no date, so the same clips are the same file.
                    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                        np.lib.format.write_array(file, x)
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows(self.rows[name] for name in order)
        write_atomic(self.folder / MANIFEST, text.getvalue())
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)
        self.new = set()

    def _wav(self, name: str) -> Path:
        return self.folder / f"{name}.wav"

    def _part(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / PARTS / f"{name}.npz") as part:
            return {"logmel": part["logmel"], "row": part["row"]}

    def _parts(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / PARTS).glob("[!.]*.npz"))


def safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """A file name for each species: lower case, a-z, 0-9 and dashes; all different."""
    found: list[str] = []
    for k, name in enumerate(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:60]
        found.append(slug if slug and slug not in found else f"{slug or 'species'}-{k}")
    return tuple(found)
