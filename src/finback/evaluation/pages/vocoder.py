"""The page of a vocoder, collected from its run folder: clips made into log-mels and back into sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_atomic
from finback.core.storage.keeping import writable_folder
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages.clips import varied
from finback.evaluation.pages.run_data import RunData, read_run, reproduction
from finback.features.extract import fit_length
from finback.features.spec import FeatureSpec
from finback.generation.vocoders import vocode as vocoding
from finback.generation.vocoders.clips import logmel_of, wave_around
from finback.generation.vocoders.inversion import to_waves
from finback.models.load import load_model
from finback.report.pages.common import Picture, Table, embed, save_pictures
from finback.report.pages.sound import of_samples
from finback.report.pages.vocoder import VocodedClip, VocoderPage, render
from finback.report.plots.diffusion import SpectrogramBlock, spectrogram_blocks
from finback.report.plots.losses import losses

SHOWN = 6  # clips with sound
COMPARED = 24  # clips behind the table
OTHERS = ("griffin-lim",)  # vocoders to compare with
REAL, THIS = "real", "this vocoder"
MEASURES = {
    "lsd_db": ("log-spectral distance, dB", 1),
    "mr_stft": ("multi-resolution STFT loss", 2),
    "mel_l1_db": ("difference of log-mels, dB", 1),
    "mel_correlation": ("correlation of log-mels", 3),
    "envelope_db": ("error of the envelope, dB", 1),
    "onset_error": ("error of the onsets", 2),
}
Waves = Mapping[str, NDArray[np.floating]]  # vocoder -> (N, T); REAL is the clips themselves
Errors = Mapping[str, Mapping[str, NDArray[np.floating]]]  # vocoder -> measure -> (N,)


def write(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into a trained vocoder's folder; the page's path.

    Raises `RunError` if it is none.
    """
    text = render(collect(Path(path), progress))
    page = RunFiles(writable_folder(Path(path))).report
    write_atomic(page, text)
    return page


def collect(path: Path, progress: Progress = no_progress) -> VocoderPage:
    """What the page shows. Raises `RunError` if the folder holds no trained vocoder."""
    model = load_model(path, "vocoder")
    run, spec = read_run(path), model.spec
    subsets = run_subsets(model.run)
    unseen = (*subsets["validation"], *subsets["test"])
    clips, real = _first_windows(varied(unseen or subsets["held_out"], COMPARED), spec)
    waves = {REAL: real[:, : spec.covered_samples]}
    if clips:
        logmels = logmel_of(real, spec, spec.n_frames)
        vocoders = {THIS: vocoding.Vocoder.load(path, spec)}
        vocoders |= {name: vocoding.Vocoder.load(name, spec) for name in OTHERS}
        waves |= {name: to_waves(logmels, one, progress) for name, one in vocoders.items()}
    errors = {
        name: vocoding.compare(waves[REAL], vocoded, spec) for name, vocoded in waves.items() if name != REAL
    }
    return VocoderPage(
        title=run.path.resolve().name,
        reproduction=reproduction(run),
        n_train=len(subsets["train"]),
        n_unseen=len(unseen),
        comparison=_comparison(errors, len(clips)) if clips else None,
        verdict=verdict(errors, bool(unseen)) if clips else "",
        clips=[_vocoded(i, clip, waves, spec) for i, clip in enumerate(clips[:SHOWN])],
        pictures=_pictures(run),
    )


def _first_windows(clips: Sequence[Clip], spec: FeatureSpec) -> tuple[list[Clip], NDArray[np.floating]]:
    """Clips whose recordings are there, and the first window (N, clip_samples) of each, padded or cut."""
    kept, waves = [], []
    for clip in clips:
        try:
            wave = wave_around(clip, spec)
        except FinbackError:
            continue
        start = round(clip.start_s * spec.sample_rate)
        kept.append(clip)
        waves.append(fit_length(wave[start : start + spec.clip_samples], spec))
    return kept, np.stack(waves) if waves else np.zeros((0, spec.clip_samples), dtype=np.float32)


def verdict(errors: Errors, unseen: bool) -> str:
    """How close the vocoder is to the real clips, beside one that needs no training."""
    (key, (title, digits)), other = next(iter(MEASURES.items())), OTHERS[0]
    mine, theirs = errors[THIS][key], errors[other][key]
    of = "clips of groups that it was not trained on" if unseen else "held-out clips of the training groups"
    return (
        f"On {len(mine)} {of}, the {title.split(',')[0]} from the real sound is {mine.mean():.{digits}f} dB, "
        f"and {theirs.mean():.{digits}f} dB with {other}, which needs no training. This vocoder is closer on "
        f"{int((mine < theirs).sum())} of the {len(mine)} clips. Listen before you trust one number."
    )


def _comparison(errors: Errors, n: int) -> Table:
    rows = []
    for name, of_clips in errors.items():
        means = (f"{of_clips[key].mean():.{digits}f}" for key, (_, digits) in MEASURES.items())
        rows.append((name, *means))
    return Table(
        "How close is the vocoded sound to the real clip?",
        f"Means over {n} clips. Lower is better, except for the correlation. A log-mel does "
        "not hold the exact waveform of noise: two recordings of the same noise differ by 7.9 dB in "
        "log-spectral distance.",
        ("vocoder", *(title for title, _ in MEASURES.values())),
        rows,
    )


def _vocoded(i: int, clip: Clip, waves: Waves, spec: FeatureSpec) -> VocodedClip:
    logmels = [logmel_of(x[i : i + 1], spec)[0][:, : spec.n_frames] for x in waves.values()]
    figure = spectrogram_blocks([SpectrogramBlock(clip.label or "", [("", logmels)], list(waves))], spec)
    sounds = [
        (name, of_samples(x[i], spec.sample_rate, spec.top_hz, compact=True)) for name, x in waves.items()
    ]
    alt = f"Spectrograms of {clip.label}: " + ", ".join(waves)
    return VocodedClip(clip.recording.path.name, embed(figure, alt), sounds)


def _pictures(run: RunData) -> dict[str, Picture]:
    if not run.logs:
        return {}
    drawn = {"losses": (losses(run.logs[0]), "Training and validation losses against the training step")}
    return save_pictures(drawn, run.path / "figures", vector=False)
