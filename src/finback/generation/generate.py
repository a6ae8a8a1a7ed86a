"""Species to wav files: what a generator makes, put on disk for listening and for later training.

    made = pregenerate(Voice("runs/diffusion"), Order(("Beluga, White Whale",), n=16), out)

The folder holds the wavs (the spec's rate, 16 bits), `manifest.csv` (a labels file, with seed, settings and
parents of each), `spectrograms.npz` (one array (M, F) dB for each, by the wav's name), `grid.png`, and
`generated.json` (settings, and which recordings the models had learnt from).

A run that is killed, or meets a full disk, goes on where it stopped (`data.shelf`), and more species or seeds
can be added later with the same settings. The sample of a seed is the same whatever else is made with it, but
for the rounding of sums (a step or two of the 16 bits).
`parents` names the clip nearest to the sample among those that the generator learnt from, and `distance` how
near (`metrics.memorisation.shifted_distances`), where the features of those clips are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finback.core.errors import InputError, RunError
from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.data.manifest import Manifest
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.generation.generator import BATCH, Maker
from finback.generation.sample_folder import Shelf
from finback.generation.synthesizer import Studio, Voice, species_id
from finback.metrics.copying import shifted_distances
from finback.report.plots.sample_grid import sheet
from finback.report.plots.style import render

CHUNK = 256  # spectrograms in memory at a time
GRID_ROWS, GRID_COLUMNS = 12, 8
GRID = "grid.png"


@dataclass(frozen=True)
class Order:
    """Which samples: `n` of each species, with seeds `seed`, `seed` + 1, ...; no species means all."""

    species: tuple[str, ...] = ()
    n: int = 16
    seed: int = 0


@dataclass(frozen=True)
class Made:
    """What an order left in its folder."""

    folder: Path
    files: dict[str, list[Path]]  # by species
    made: int
    kept: int  # that were there already
    parents: str  # "nearest", or why there are none


def pregenerate(voice: Voice, order: Order, out: Path, progress: Progress = no_progress) -> Made:
    """Make what was ordered, or what is missing of it. See the module.

    Raises `InputError` for species that the generator does not know or never heard, `RunError` when `out`
    holds clips of other settings.
    """
    studio = Studio(voice)
    chosen = [species_id(studio.labels, name) for name in order.species] or list(range(len(studio.labels)))
    _check_heard(studio, chosen, bool(order.species))
    shelf = Shelf.open(out, studio.settings, studio.about, studio.teachers)
    wanted = [(k, order.seed + i) for k in dict.fromkeys(chosen) for i in range(order.n)]
    missing = [(k, s) for k, s in wanted if not shelf.has(studio.name(k, s))]
    starts = range(0, len(missing), BATCH)
    for start in progress(starts, f"generating {len(missing)} clips", len(starts)):
        batch = missing[start : start + BATCH]
        for (k, s), x, wave in zip(batch, *studio.make(batch), strict=True):
            shelf.put(studio.name(k, s), studio.row(k, s), x, wave, studio.spec.sample_rate)
    near, why = learnt(studio.maker)
    if near is not None:
        note_parents(shelf, near, progress)
    shelf.finish()
    draw(shelf, studio.maker)
    files: dict[str, list[Path]] = {}
    for k, s in wanted:
        files.setdefault(studio.labels.names[k], []).append(out / f"{studio.name(k, s)}.wav")
    return Made(out, files, len(missing), len(wanted) - len(missing), why or "nearest")


def _check_heard(studio: Studio, chosen: list[int], by_name: bool) -> None:
    """Raises for species the generator never heard; takes them out of `chosen` where all were asked for."""
    heard = studio.heard
    deaf = [k for k in chosen if heard and studio.labels.names[k] not in heard]
    if deaf and by_name:
        raise InputError(
            f"'{studio.labels.names[deaf[0]]}': no clip of it was on the generator's training side",
            "train it with --split 100/0/0 to hear all tapes, then there are none left to judge by",
        )
    chosen[:] = [k for k in chosen if k not in deaf]


class Nearby:
    """Real clips, of which the nearest to a made spectrogram is wanted."""

    def __init__(self, store: FeatureStore, clips: Sequence[Clip], files: Sequence[str]) -> None:
        self.store, self.clips, self.files = store, tuple(clips), tuple(files)

    def nearest(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-mels (N, M, F) -> index of the nearest clip of `clips` (N,), and its distance (N,)."""
        best, index = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
        for owners, windows in self._windows():
            distances = shifted_distances(x, windows)  # (N, L)
            near = distances.argmin(axis=1)
            closer = distances[np.arange(len(x)), near] < best
            best[closer] = distances[closer, near[closer]]
            index[closer] = owners[near[closer]]
        return index, best

    def _windows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(self.clips), CHUNK):
            found = [self.store(c) for c in self.clips[first : first + CHUNK]]
            owners = np.repeat(np.arange(first, first + len(found)), [len(w) for w in found])
            yield owners, np.concatenate(found)


def learnt(maker: Maker) -> tuple[Nearby | None, str]:
    """What the generator learnt from, where those clips or their features are at hand; else None, and why."""
    try:
        clips = run_subsets(maker.run)["learnt"]
        manifest = Manifest.load(maker.run.path / "manifest.csv")
    except (RunError, InputError):
        return None, "the run folder does not hold the table of the clips it learnt from"
    store = FeatureStore(Extractor(maker.spec, "logmel"), default_folder())
    gone = [c for c in store.missing(clips) if not c.recording.path.exists()]
    if gone:
        name = gone[0].recording.path.name
        return None, f"{len(gone)} of {len(clips)} recordings it learnt from are not at hand ({name}, ...)"
    return Nearby(store, clips, [manifest.file_of(c) for c in clips]), ""


def note_parents(shelf: Shelf, near: Nearby, progress: Progress) -> None:
    """Fill in the parents of new clips."""
    names = sorted(name for name in shelf.new if not shelf.rows[name]["parents"])
    starts = range(0, len(names), CHUNK)
    for start in progress(starts, "looking for parents", len(starts)) if names else ():
        part = names[start : start + CHUNK]
        index, distance = near.nearest(np.stack(list(shelf.logmels(part))))
        for name, i, d in zip(part, index, distance, strict=True):
            shelf.rows[name].update(parents=near.files[i], distance=round(float(d), 4))


def draw(shelf: Shelf, maker: Maker) -> None:
    """`grid.png`: the first clips of the first species."""
    by_species: dict[str, list[str]] = {}
    for name in sorted(shelf.rows, key=lambda name: int(shelf.rows[name]["seed"])):
        by_species.setdefault(shelf.rows[name]["species"], []).append(name)
    rows = {
        species: np.stack(list(shelf.logmels(by_species[species][:GRID_COLUMNS])))
        for species in sorted(by_species)[:GRID_ROWS]
    }
    spec = maker.spec
    bands = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    write_atomic(shelf.folder / GRID, render(sheet(rows, bands, spec.hop / spec.sample_rate), "png"))
