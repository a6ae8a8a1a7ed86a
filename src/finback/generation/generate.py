"""Species to wav files: what a generator makes, put on disk for listening and for later training.

    request = SampleRequest(("Beluga, White Whale",), n=16)
    report = generate_clips(SynthesisConfig("runs/diffusion"), request, out)

The folder holds the wavs (the spec's rate, 16 bits), `manifest.csv` (a labels file, with seed, settings and
parents of each), `spectrograms.npz` (one array (M, F) dB for each, by the wav's name), `grid.png`, and
`generated.json` (settings, and which recordings the models had learnt from).

A run that was stopped by a signal or a full disk continues where it stopped (`sample_folder`). More species
or seeds can be added later with the same settings. The sample of a seed does not depend on what else is made
with it, except for rounding (one or two steps of the 16 bits).
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
from finback.generation.generator import BATCH, SpectrogramGenerator
from finback.generation.sample_folder import SampleFolder
from finback.generation.synthesizer import SynthesisConfig, Synthesizer, species_id
from finback.metrics.copying import shifted_distances
from finback.report.plots.sample_grid import sheet
from finback.report.plots.style import render

CHUNK = 256  # spectrograms in memory at a time
GRID_ROWS, GRID_COLUMNS = 12, 8
GRID = "grid.png"


@dataclass(frozen=True)
class SampleRequest:
    """Which samples: `n` of each species, with seeds `seed`, `seed` + 1, ...; no species means all."""

    species: tuple[str, ...] = ()
    n: int = 16
    seed: int = 0


@dataclass(frozen=True)
class SampleReport:
    """What an order left in its folder."""

    folder: Path
    files: dict[str, list[Path]]  # by species
    made: int
    kept: int  # that were there already
    parents: str  # "nearest", or why there are none


def generate_clips(
    config: SynthesisConfig, order: SampleRequest, out: Path, progress: Progress = no_progress
) -> SampleReport:
    """Make what was ordered, or what is missing of it. See the module.

    Raises `InputError` for species that the generator does not know or never heard, `RunError` when `out`
    holds clips of other settings.
    """
    synthesizer = Synthesizer(config)
    chosen = [species_id(synthesizer.labels, name) for name in order.species] or list(
        range(len(synthesizer.labels))
    )
    _check_heard(synthesizer, chosen, bool(order.species))
    samples = SampleFolder.open(out, synthesizer.settings, synthesizer.about, synthesizer.provenance)
    wanted = [(k, order.seed + i) for k in dict.fromkeys(chosen) for i in range(order.n)]
    missing = [(k, s) for k, s in wanted if not samples.has(synthesizer.name(k, s))]
    starts = range(0, len(missing), BATCH)
    for start in progress(starts, f"generating {len(missing)} clips", len(starts)):
        batch = missing[start : start + BATCH]
        for (k, s), x, wave in zip(batch, *synthesizer.sample(batch), strict=True):
            samples.add(synthesizer.name(k, s), synthesizer.row(k, s), x, wave, synthesizer.spec.sample_rate)
    near, why = learnt(synthesizer.generator)
    if near is not None:
        add_parents(samples, near, progress)
    samples.finish()
    draw(samples, synthesizer.generator)
    files: dict[str, list[Path]] = {}
    for k, s in wanted:
        files.setdefault(synthesizer.labels.names[k], []).append(out / f"{synthesizer.name(k, s)}.wav")
    return SampleReport(out, files, len(missing), len(wanted) - len(missing), why or "nearest")


def _check_heard(synthesizer: Synthesizer, chosen: list[int], by_name: bool) -> None:
    """Raises for species the generator never heard; takes them out of `chosen` where all were asked for."""
    heard = synthesizer.heard
    deaf = [k for k in chosen if heard and synthesizer.labels.names[k] not in heard]
    if deaf and by_name:
        raise InputError(
            f"'{synthesizer.labels.names[deaf[0]]}': no clip of it was on the generator's training side",
            "train it with --split 100/0/0 to hear all tapes, then there are none left to judge by",
        )
    chosen[:] = [k for k in chosen if k not in deaf]


class NearestClips:
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


def learnt(generator: SpectrogramGenerator) -> tuple[NearestClips | None, str]:
    """What the generator learnt from, where those clips or their features are at hand; else None, and why."""
    try:
        clips = run_subsets(generator.run)["train"]
        manifest = Manifest.load(generator.run.manifest)
    except (RunError, InputError):
        return None, "the run folder does not hold the table of the clips it learnt from"
    store = FeatureStore(Extractor(generator.spec, "logmel"), default_folder())
    gone = [c for c in store.missing(clips) if not c.recording.path.exists()]
    if gone:
        name = gone[0].recording.path.name
        return None, f"{len(gone)} of {len(clips)} recordings it learnt from are not at hand ({name}, ...)"
    return NearestClips(store, clips, [manifest.file_of(c) for c in clips]), ""


def add_parents(samples: SampleFolder, near: NearestClips, progress: Progress) -> None:
    """Fill in the parents of new clips."""
    names = sorted(name for name in samples.new if not samples.rows[name]["parents"])
    starts = range(0, len(names), CHUNK)
    for start in progress(starts, "looking for parents", len(starts)) if names else ():
        part = names[start : start + CHUNK]
        index, distance = near.nearest(np.stack(list(samples.logmels(part))))
        for name, i, d in zip(part, index, distance, strict=True):
            samples.rows[name].update(parents=near.files[i], distance=round(float(d), 4))


def draw(samples: SampleFolder, generator: SpectrogramGenerator) -> None:
    """`grid.png`: the first clips of the first species."""
    by_species: dict[str, list[str]] = {}
    for name in sorted(samples.rows, key=lambda name: int(samples.rows[name]["seed"])):
        by_species.setdefault(samples.rows[name]["species"], []).append(name)
    rows = {
        species: np.stack(list(samples.logmels(by_species[species][:GRID_COLUMNS])))
        for species in sorted(by_species)[:GRID_ROWS]
    }
    spec = generator.spec
    bands = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    write_atomic(samples.folder / GRID, render(sheet(rows, bands, spec.hop / spec.sample_rate), "png"))
