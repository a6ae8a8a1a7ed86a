"""The synthetic clips of one fold as sound, for classifiers that take in sound: heads on a backbone, `cnn1d`.

They are what `finback synthesize` gives a user: files beside their spectrograms, in the folder of the fold's
generator. All arms of the fold share them, and so do studies that share generators; an arm takes the first of
each species.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finback.audio.io import open_recording
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.evaluation.synthetic_study.fold_generator import trained_generator
from finback.evaluation.synthetic_study.plan import ArmRun, SyntheticStudy
from finback.generation.generator import BATCH
from finback.generation.sample_folder import SampleFolder
from finback.generation.synthesizer import SynthesisConfig, Synthesizer

SOUNDS = "sounds"


def synthetic_sounds(
    study: SyntheticStudy, run: ArmRun, dataset: Dataset, out: Path, progress: Progress = no_progress
) -> tuple[Clip, ...]:
    """The clips that an arm adds, or is trained on first; the fold's generator is trained if necessary."""
    arm, fold = run.arm, run.fold
    folder = trained_generator(study, arm.generator, fold, dataset, out, progress)
    low_data = fold.low_data(study.settings.low_data_below)
    counts = {name: arm.n_synthetic(n) for name, n in low_data.items()}
    return _clips(study, folder, counts, progress)


def _clips(
    study: SyntheticStudy, folder: Path, counts: Mapping[str, int], progress: Progress
) -> tuple[Clip, ...]:
    """`counts` clips of each species, in its order; those that are not on disk are generated."""
    config = SynthesisConfig(str(folder), study.sampling, device=study.options.device)
    synthesizer = Synthesizer(config)
    samples = SampleFolder.open(
        folder / SOUNDS, synthesizer.settings, synthesizer.about, synthesizer.provenance
    )
    labels, rate = synthesizer.labels, synthesizer.spec.sample_rate
    wanted = [(name, seed) for name, n in counts.items() for seed in range(n)]
    missing = [(name, seed) for name, seed in wanted if not samples.has(name, seed)]
    batches = [missing[i : i + BATCH] for i in range(0, len(missing), BATCH)]
    for batch in progress(batches, f"generating {len(missing)} clips", len(batches)):
        pairs = [(labels.index(name), seed) for name, seed in batch]
        for (k, seed), x, wave in zip(pairs, *synthesizer.sample(pairs), strict=True):
            samples.add(synthesizer.row(k, seed), x, wave, rate)
    return tuple(_clip(samples, name, seed) for name, seed in wanted)


def _clip(samples: SampleFolder, name: str, seed: int) -> Clip:
    row = samples.rows[samples.name(name, seed)]
    recording = open_recording(samples.folder / row["file"], group=row["group"], source="synthetic")
    return Clip(recording, 0, recording.n_samples, label=name, synthetic=True)
