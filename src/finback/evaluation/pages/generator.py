"""The page of a generator, collected from its run folder; the samples are generated for the page.

Figures are also written to `figures/`. What the folder lacks (an audit, the recordings) is named on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.errors import FinbackError, RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.audit_documents import GeneratorAuditFile, ReconstructionFile
from finback.core.runs.documents import Document, read_audit
from finback.core.runs.files import RECONSTRUCTION, RunFiles
from finback.core.storage.files import write_atomic
from finback.core.storage.keeping import writable_folder
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages import diffusion_figures
from finback.evaluation.pages.clips import playable, varied
from finback.evaluation.pages.run_data import RunData, picture_of_file, read_run, reproduction
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import SpectrogramGenerator
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.report.pages.audit_tables import audit_tables, reconstruction_table
from finback.report.pages.audit_verdict import verdict
from finback.report.pages.common import Drawn, Picture, embed, save_pictures
from finback.report.pages.generator import GeneratorPage, SpeciesSamples, render
from finback.report.pages.sound import Sound, of_samples
from finback.report.plots.diffusion import SpectrogramBlock, real_and_generated, spectrogram_blocks
from finback.report.plots.losses import losses

SHOWN = 5  # real clips and samples of a species that are shown
PLAYED = 3  # of them with sound
OVERVIEW = 12  # species in the overview for print: those with most clips
SEED = 0
FIGURES_OF_OTHER_COMMANDS = {
    "reconstruction": "Real clips and their reconstructions by the VAE",
    "neighbours": "Samples and their nearest training clips",
    "nearest": "Distances of samples and real clips to the nearest training clip",
    "map": "Latents in two dimensions, coloured by species and by group",
}


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into a trained generator's folder; the page's path.

    Raises `RunError` if it is none.
    """
    text = render(collect(Path(path), progress))
    page = RunFiles(writable_folder(Path(path))).report
    write_atomic(page, text)
    return page


def collect(path: Path, progress: Progress = no_progress) -> GeneratorPage:
    """What the page shows. Raises `RunError` if the folder holds no trained generator."""
    generator = SpectrogramGenerator.load(path)
    run = read_run(path)
    clips = run_subsets(generator.run)
    invert = None if generator.makes_waves else Vocoder.load("auto", generator.spec)
    shown = _species(generator, clips["train"], invert, progress)
    audit = audit_of(RunFiles(run.path).generator_audit, GeneratorAuditFile)
    return GeneratorPage(
        title=run.path.resolve().name,
        family=run.info.family,
        reproduction=reproduction(run),
        n_train=len(clips["train"]),
        n_groups=len({c.group for c in clips["train"]}),
        n_held_out=len(clips["held_out"]),
        n_unseen=len(clips["validation"]) + len(clips["test"]),
        vocoder=invert.name if invert else "none",
        has_steps=generator.model.way == "denoise",
        species=[samples for samples, _ in shown],
        pictures=_pictures(generator, shown, run, progress),
        audit=audit_tables(audit),
        verdict=verdict(audit),
        reconstruction=reconstruction_table(
            audit_of(run.path / "figures" / RECONSTRUCTION, ReconstructionFile)
            or audit_of(RunFiles(run.path).reconstruction, ReconstructionFile)
        ),
        licence=run.manifest.source.licence if run.manifest else "",
    )


def _species(
    generator: SpectrogramGenerator, train: Sequence[Clip], invert: Vocoder | None, progress: Progress
) -> list[tuple[SpeciesSamples, SpectrogramBlock]]:
    """Every species of the training set, those with most clips first."""
    by_name = {n: [c for c in train if c.label == n] for n in generator.labels.names}
    names = sorted((n for n in by_name if by_name[n]), key=lambda n: (-len(by_name[n]), n))
    store = FeatureStore(Extractor(generator.spec), default_folder())
    labels = np.repeat([generator.labels.index(n) for n in names], SHOWN)
    seeds = SEED + np.arange(len(labels))
    samples = generator.sample(labels, seeds, progress=progress)
    samples = samples.reshape(len(names), SHOWN, *samples.shape[1:])  # (S, SHOWN, M, F)
    if invert is None:
        played = np.arange(len(labels)) % SHOWN < PLAYED
        waves = generator.sample_waves(labels[played], seeds[played])
    else:
        waves = to_waves(samples[:, :PLAYED].reshape(-1, *samples.shape[2:]), invert, progress)
    rate, top_hz = generator.spec.sample_rate, generator.spec.top_hz
    shown = []
    for i, name in progress(list(enumerate(names)), "species", len(names)):
        chosen = varied(by_name[name], SHOWN, SEED)
        block = real_and_generated(name, _logmels(store, chosen), list(samples[i]))
        alt = f"Spectrograms of {name}: real clips above, generated samples below"
        entry = SpeciesSamples(
            name,
            len(by_name[name]),
            len({c.group for c in by_name[name]}),
            embed(spectrogram_blocks([block], generator.spec), alt),
            _real_sounds(chosen[:PLAYED], top_hz),
            [of_samples(w, rate, top_hz, compact=True) for w in waves[i * PLAYED : (i + 1) * PLAYED]],
        )
        shown.append((entry, block))
    return shown


def _logmels(store: FeatureStore, clips: Sequence[Clip]) -> list[np.ndarray]:
    """The loudest window (M, F) of each clip whose features are cached or whose recording is still there."""
    kept = []
    for clip in clips:
        try:
            logmel = store(clip)  # (W, M, F)
        except FinbackError:
            continue
        kept.append(logmel[int(logmel.mean(axis=(1, 2)).argmax())])
    return kept


def _real_sounds(clips: Sequence[Clip], top_hz: float) -> list[Sound]:
    sounds = []
    for clip in clips:
        try:
            sounds.append(playable(clip, top_hz, compact=True))
        except FinbackError:
            continue
    return sounds


def _pictures(
    generator: SpectrogramGenerator,
    shown: Sequence[tuple[SpeciesSamples, SpectrogramBlock]],
    run: RunData,
    progress: Progress,
) -> dict[str, Picture]:
    """Figures of the whole run, by name, saved to `figures/`; also those that other commands left there."""
    spec, folder = generator.spec, run.path / "figures"
    blocks = [block for _, block in shown]
    drawn: dict[str, Drawn] = {
        "real_and_generated": (
            spectrogram_blocks(blocks[:OVERVIEW], spec, "Real clips (above) and samples (below)", across=2),
            "Spectrograms of real clips and of samples of each species",
        )
    }
    if run.logs:
        drawn["losses"] = losses(run.logs[0]), "Training and validation losses against the training step"
    if generator.model.way == "denoise":
        plan = diffusion_figures.SamplingFigures(SEED)
        names = [samples.name for samples, _ in shown]
        denoising = [diffusion_figures.denoising(generator, name, plan) for name in names[:2]]
        guided = diffusion_figures.guided(generator, names[0], plan, progress)
        drawn["denoising"] = spectrogram_blocks(denoising, spec), "One sample at several steps of the sampler"
        drawn["guidance"] = (
            spectrogram_blocks([guided], spec),
            "One sample at several guidance weights and numbers of steps",
        )
    pictures = save_pictures(drawn, folder, vector=False)
    for name, alt in FIGURES_OF_OTHER_COMMANDS.items():
        picture = picture_of_file(run.path, name, alt)
        if picture is not None:
            pictures[name] = picture
    return pictures


def audit_of(path: Path, kind: type[Document]) -> Mapping[str, Any] | None:
    """The object of an audit's JSON file; None where there is none that can be read."""
    try:
        return read_audit(path, kind)
    except RunError:
        return None
