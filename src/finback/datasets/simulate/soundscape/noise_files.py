"""Noise files for a soundscape: found in folders and tables, checked by their headers, then measured.

    found = find_noise([Path("sea-noise")])          # headers only
    noise = measure_noise(found, found.usual_rate)    # decodes every file once

A table of noise files (CSV) has the column `file`, relative to the table, and may have the column `split`
(train, val, test), so that two soundscapes have noise of different places.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finback.audio.addresses import local
from finback.audio.content import content_id
from finback.audio.io import AudioInfo, blocks, is_sound, probe
from finback.audio.resample import resample_stream
from finback.core.errors import AudioError, InputError, ManifestError
from finback.core.progress import Progress, no_progress
from finback.data.file_matching import Walk
from finback.data.sources.base import subset_word
from finback.data.tables import read_table
from finback.datasets.simulate.soundscape.noise import SHORTEST_S, NoiseFile, RealNoise

SILENT = 1e-7  # RMS; -140 dB re full scale
BLOCK = 1 << 20


@dataclass(frozen=True)
class FoundNoise:
    """Noise files that can be opened and are long enough, and notes about the others."""

    files: tuple[AudioInfo, ...]
    notes: tuple[str, ...] = ()

    @property
    def usual_rate(self) -> int:
        """The sample rate (Hz) of most of the noise, by duration."""
        seconds: Counter[int] = Counter()
        for info in self.files:
            seconds[info.sample_rate] += round(1000 * info.n_samples / info.sample_rate)
        return max(seconds, key=lambda rate: (seconds[rate], rate))

    @property
    def digest(self) -> str:
        """16 hex digits of the content of the files."""
        ids = "".join(sorted({content_id(info.path) for info in self.files}))
        return hashlib.blake2b(ids.encode(), digest_size=8).hexdigest()


def find_noise(places: Sequence[Path], subset: str = "") -> FoundNoise:
    """The sound files in folders and below, in tables (those of `subset`), and single files; headers only.

    Raises `InputError` when a place is missing or no file can be used.
    """
    files: list[AudioInfo] = []
    notes: list[str] = []
    for path in sorted({p for place in places for p in _paths(Path(place), subset, notes)}):
        try:
            info = probe(path)
        except AudioError as error:
            notes.append(f"left out: {error}")
            continue
        if info.n_samples < SHORTEST_S * info.sample_rate:
            seconds = info.n_samples / info.sample_rate
            notes.append(f"left out: {path}: noise of {seconds:.2f} s, shorter than {SHORTEST_S:g} s")
        else:
            files.append(info)
    if not files:
        why = f" ({notes[0]})" if notes else ""
        named = ", ".join(map(str, places))
        raise InputError(f"{named}: no noise file that can be used{why}", "put WAV or FLAC files there")
    return FoundNoise(tuple(files), tuple(notes))


def _paths(place: Path, subset: str, notes: list[str]) -> list[Path]:
    if place.is_dir():
        walk = Walk(place)
        paths = [path for path in walk if is_sound(path.name)]
        notes += [f"left out: {remark}" for remark in walk.remarks()]
        return paths
    if not place.is_file():
        raise InputError(f"{place}: no such folder or file of noise", "check --noise")
    return _of_table(place, subset) if place.suffix.lower() == ".csv" else [place]


def _of_table(path: Path, subset: str) -> list[Path]:
    """The files of a table; those of one set, if `subset` is given and the table has sets."""
    table = read_table(path)
    file, split = table.find("file"), table.find("split", "subset")
    if file is None:
        raise ManifestError(f"{path}: no column 'file'", "name the noise files in a column 'file'")
    if subset and split is None:
        raise ManifestError(f"{path}: no column 'split'", f"add it, or leave out --subset {subset}")
    wanted = [
        row.cells[file]
        for row in table.rows
        if not subset or split is None or subset_word(row.cells[split]) == subset
    ]
    return [path.parent / name for name in wanted]


def measure_noise(found: FoundNoise, sample_rate: int, progress: Progress = no_progress) -> RealNoise:
    """Decode every file once for its RMS and peak at the rate of the soundscape.

    Files below that rate, damaged and silent ones are left out, with a note. Raises `InputError` when none is
    left.
    """
    notes = list(found.notes)
    enough = [info for info in found.files if info.sample_rate >= sample_rate]
    notes += [
        f"left out: {info.path}: noise at {info.sample_rate} Hz, below the {sample_rate} Hz of the soundscape"
        for info in found.files
        if info.sample_rate < sample_rate
    ]
    if not enough:
        best = max(info.sample_rate for info in found.files)
        raise InputError(
            f"all noise files have sample rates below {sample_rate} Hz", f"give --sample-rate {best} or less"
        )
    files = []
    for info in progress(enough, "measuring noise", len(enough)):
        try:
            file = _measure(info, sample_rate)
        except AudioError as error:
            notes.append(f"left out: {error}")
            continue
        if file.rms < SILENT:
            notes.append(f"left out: {info.path}: silent")
        else:
            files.append(file)
    if not files:
        raise InputError(f"no noise file can be used ({notes[0]})", "put WAV or FLAC files there")
    unique = {file.digest: file for file in reversed(files)}
    return RealNoise(tuple(sorted(unique.values(), key=lambda f: f.digest)), sample_rate, tuple(notes))


def _measure(info: AudioInfo, sample_rate: int) -> NoiseFile:
    n, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for x in resample_stream(blocks(info.path, BLOCK), info.sample_rate, sample_rate):
        y = x.astype(np.float64)
        n, total, squares = n + len(y), total + float(y.sum()), squares + float(np.square(y).sum())
        low, high = min(low, float(y.min())), max(high, float(y.max()))
    mean = total / max(n, 1)
    rms = float(np.sqrt(max(0.0, squares / max(n, 1) - mean**2)))
    peak = max(high - mean, mean - low)
    path = local(info.path, "noise is read from files of this computer")
    return NoiseFile(path, content_id(path), info.sample_rate, info.n_samples, rms, peak)
