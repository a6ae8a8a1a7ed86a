"""Species to wav files: generated clips on disk, to listen to and to train on.

    report = generate("watkins", "Ross seal", n=4, out="seals")

    request = SampleRequest(("Beluga, White Whale",), n=16)
    report = generate_clips(SynthesisConfig("runs/diffusion"), request, Path("belugas"))

The folder holds the wavs (the spec's sample rate, 16 bits), `manifest.csv` (a labels file; it gives seed,
settings and nearest training clip of each sample), `spectrograms.npz` (the log-mel (M, F) in dB
of each wav as it was written, by its name), `grid.png`, and `generated.json` (settings, and the recordings
that the models were trained on).

An interrupted run continues where it stopped, and several processes may add to one folder at the same time
(`sample_folder`). More species or seeds can be added later with
the same settings. The sample of a seed does not depend on what else is made with it, except for rounding (one
or two steps of the 16 bits). A generator of calls also gives `parameters/` and `calls.csv`
(`finback.generation.calls.files`). The column `parents` names the training clip nearest to the sample, and
`distance` is the distance between them (`nearest_clips`); both are empty where the training clips are not
there.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.bars import bars
from finback.core.display import figure, player
from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.runs.trained_on import caution, of_one_group
from finback.core.text import counted
from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.generation.calls.files import keep_parameters, save_truth
from finback.generation.generator import BATCH, Sampling
from finback.generation.grades import Grade, grades
from finback.generation.nearest_clips import add_parents, training_clips
from finback.generation.originals import Original
from finback.generation.sample_folder import SampleFolder
from finback.generation.species import species_id
from finback.generation.synthesizer import SynthesisConfig, Synthesizer
from finback.report.plots.sample_grid import sample_grid
from finback.report.plots.style import save

GRID_ROWS, GRID_COLUMNS = 12, 8
GRID = "grid.png"
PLAYED = 3  # species of which a notebook plays a clip
NEAREST = "nearest"


@dataclass(frozen=True)
class SampleRequest:
    """Which samples: `n` of each species, with seeds `seed`, `seed` + 1, ...; no species means all."""

    species: tuple[str, ...] = ()
    n: int = 16
    seed: int = 0


@dataclass(frozen=True, repr=False)
class SampleReport:
    """The clips of a request in their folder."""

    folder: Path
    files: dict[str, list[Path]]  # by species
    n_new: int
    n_existing: int  # that the folder held already
    parents: str  # "nearest", or why the nearest training clips are not known
    one_group: dict[str, int] = field(default_factory=dict)  # species trained on one tape, and their clips
    grades: dict[str, Grade] = field(default_factory=dict)  # by species, from the audit of the generator

    def __repr__(self) -> str:
        clips = counted(self.n_new + self.n_existing, "clip")
        return f"{clips} of {len(self.files)} species in {self.folder}, {self.n_new} of them new"

    def _repr_html_(self) -> str:
        first = [files[0] for files in list(self.files.values())[:PLAYED]]
        line = f"<p>{html.escape(caution(self.one_group))}</p>" if self.one_group else ""
        grid = figure(self.folder / GRID)
        return f"<p>{html.escape(repr(self))}</p>{line}{grid}" + "".join(map(player, first))


def generate(
    model: str | Path,
    species: str | Sequence[str] = (),
    n: int = 16,
    out: str | Path = "generated",
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    **sampling: Any,
) -> SampleReport:
    """Generate `n` clips of a species, or of each of several, into the folder `out`.

    `model`: the run folder of a generator, or the name of a bundled one ("watkins"). No species means all.
    Seeds are `seed`, `seed` + 1, ... `sampling` are fields of `Sampling`, such as `guidance=1.5`.

    Raises `InputError` for unknown species, `RunError` for a model that is not there or a folder that holds
    clips with other settings.
    """
    names = (species,) if isinstance(species, str) else tuple(species)
    config = SynthesisConfig(str(model), Sampling(**sampling), device=device)
    return generate_clips(config, SampleRequest(names, n, seed), Path(out), progress or bars())


def vary(
    model: str | Path,
    clip: str | Path,
    species: str,
    strength: float = 0.5,
    n: int = 16,
    out: str | Path = "variations",
    seed: int = 0,
    **sampling: Any,
) -> SampleReport:
    """Generate `n` variations of a real clip of a species into the folder `out`.

    `clip` is a sound file; the beginning of a long one is varied. `strength`: near 0 the clip itself, 0.5 the
    same layout with other details, 1 another sample. The manifest names the clip as the parent of each. Other
    arguments and errors as in `generate`; `AudioError` for a clip that cannot be read.
    """
    original = Original(Path(clip), strength)
    config = SynthesisConfig(str(model), Sampling(**sampling), original=original)
    return generate_clips(config, SampleRequest((species,), n, seed), Path(out), bars())


def generate_clips(
    config: SynthesisConfig, request: SampleRequest, out: Path, progress: Progress = no_progress
) -> SampleReport:
    """Generate the samples of a request that `out` does not hold yet. See the module.

    Raises `InputError` for species that the generator does not know or was not trained on, `RunError` when
    `out` holds clips with other settings.
    """
    synthesizer = Synthesizer(config)
    labels = _trained(synthesizer, request.species)
    samples = SampleFolder.open(out, synthesizer.settings, synthesizer.about, synthesizer.provenance)
    names = synthesizer.labels.names
    wanted = [(k, request.seed + i) for k in labels for i in range(request.n)]
    missing = {(k, s) for k, s in wanted if not samples.has(names[k], s)}
    # Batches of all that is wanted: with other neighbours the last bits of a sample would differ, and an
    # interrupted folder would not end as if it had never stopped.
    batches = [wanted[i : i + BATCH] for i in range(0, len(wanted), BATCH)]
    batches = [batch for batch in batches if not missing.isdisjoint(batch)]
    for batch in progress(batches, f"generating {counted(len(missing), 'clip')}", len(batches)):
        for (k, s), x, wave in zip(batch, *synthesizer.sample(batch), strict=True):
            if (k, s) in missing:
                keep_parameters(samples, synthesizer, k, s)
                samples.add(synthesizer.row(k, s), x, wave, synthesizer.spec.sample_rate)
    nearest, reason = training_clips(synthesizer.generator)
    with samples.alone():
        if nearest is not None:
            add_parents(samples, nearest, progress)
        samples.finish()
        if synthesizer.makes_waves:
            save_truth(samples)
        save_grid(samples, synthesizer.spec)
    files: dict[str, list[Path]] = {}
    for k, s in wanted:
        files.setdefault(names[k], []).append(out / f"{samples.name(names[k], s)}.wav")
    one_group = {name: n for name, n in of_one_group(synthesizer.trained_on).items() if name in files}
    own = grades(synthesizer.run, list(files))
    n_old = len(wanted) - len(missing)
    return SampleReport(out, files, len(missing), n_old, reason or NEAREST, one_group, own)


def _trained(synthesizer: Synthesizer, names: Sequence[str]) -> list[int]:
    """Class ids of the named species, or of all; only species that the generator was trained on.

    Raises `InputError` for a named species without training clips.
    """
    known, trained = synthesizer.labels, synthesizer.trained_species
    labels = list(dict.fromkeys(species_id(known, name) for name in names)) or list(range(len(known)))
    untrained = [k for k in labels if trained and known.names[k] not in trained]
    if untrained and names:
        raise InputError(
            f"'{known.names[untrained[0]]}': the generator's training set has no clip of this species",
            "train a generator with --split 100/0/0 to use all groups; then no group is left for a test",
        )
    return [k for k in labels if k not in untrained]


def save_grid(samples: SampleFolder, spec: FeatureSpec) -> None:
    """Write `grid.png`: spectrograms of the first samples of the first species."""
    by_species: dict[str, list[str]] = {}
    for name in sorted(samples.rows, key=lambda name: int(samples.rows[name]["seed"])):
        by_species.setdefault(samples.rows[name]["species"], []).append(name)
    rows = {
        species: np.stack(list(samples.logmels(by_species[species][:GRID_COLUMNS])))
        for species in sorted(by_species)[:GRID_ROWS]
    }
    bands = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    grid = sample_grid(rows, bands, spec.hop / spec.sample_rate)
    save(grid, samples.folder, Path(GRID).stem, usual=("png",))
