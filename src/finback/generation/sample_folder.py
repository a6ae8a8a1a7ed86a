"""A folder of generated clips. Every sample in it is complete or absent.

    samples = SampleFolder.open(folder, settings, about, provenance)
    if not samples.has(name):
        samples.add(name, row, logmel, wave, rate)
    samples.finish()

`add` writes the spectrogram and the manifest row of a sample (`.parts/NAME.npz`), then its sound
(`NAME.wav`). `finish` combines all samples into `spectrograms.npz` and `manifest.csv`. An interrupted folder
continues where it stopped, and a folder that is opened again with the same settings can grow.
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
from numpy.typing import NDArray

from finback.audio.io import write
from finback.core.errors import RunError
from finback.core.files import atomic_path, read_json, write_atomic, write_json
from finback.core.renames import current_generated
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
REPAIR = "give another --out"

Row = dict[str, Any]


class SampleFolder:
    """Generated clips by name. `rows`: the manifest row of each finished sample; `new`: those of this run."""

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
        path = folder / GENERATED
        if path.exists():
            old = current_generated(read_json(path)).get("settings", {})
            changed = [
                f"{key} {old.get(key)} -> {settings.get(key)}"
                for key in sorted({*old, *settings})
                if old.get(key) != json.loads(json.dumps(settings.get(key)))
            ]
            if changed:
                raise RunError(
                    f"{folder}: holds clips with other settings ({', '.join(changed[:3])})", REPAIR
                )
        elif (folder / MANIFEST).exists():
            raise RunError(f"{folder}: holds another manifest.csv", REPAIR)
        else:
            models = [model.as_dict() for model in provenance]
            write_json(path, {"settings": dict(settings), **about, "provenance": models})
        return cls(folder)

    def has(self, name: str) -> bool:
        """Whether the sample of that name is finished."""
        return name in self.rows

    def add(self, name: str, row: Row, logmel: NDArray[np.float32], wave: np.ndarray, rate: int) -> None:
        """Keep one sample: log-mel (M, F) in dB, wave (n,) within -1 to 1 as 16 bits at `rate` Hz.

        Raises `FinbackError` when it cannot be written; then the folder is as if `add` had not been called.
        """
        row = {**dict.fromkeys(COLUMNS, ""), "file": f"{name}.wav", "synthetic": "true", **row}
        with atomic_path(self.folder / PARTS / f"{name}.npz") as temporary:
            np.savez(temporary, logmel=logmel, row=np.array(json.dumps(row)))
        write(self._wav(name), wave, rate)
        self.rows[name] = row
        self.new.add(name)

    def logmels(self, names: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Log-mels (M, F) in dB of finished samples, one at a time."""
        path, parts = self.folder / SPECTROGRAMS, set(self._parts())
        old = np.load(path) if path.exists() else None
        try:
            for name in names:
                yield self._part(name)["logmel"] if name in parts or old is None else old[name]
        finally:
            if old is not None:
                old.close()

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
    """A different file name for each species, of a-z, 0-9 and dashes."""
    slugs: list[str] = []
    for k, name in enumerate(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:60]
        slugs.append(slug if slug and slug not in slugs else f"{slug or 'species'}-{k}")
    return tuple(slugs)
