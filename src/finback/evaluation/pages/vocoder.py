"""`report.html` of a vocoder: clips that it never heard, sent there and back, to see, to hear, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finback.core.errors import FinbackError
from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.core.settings import build
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages.generator import varied
from finback.features.extract import fit_length
from finback.features.spec import FeatureSpec
from finback.generation.vocoders import vocode as vocoding
from finback.generation.vocoders.clips import logmel_of, read_wave
from finback.generation.vocoders.inversion import to_waves
from finback.models.load import load_model
from finback.report.pages.audit_tables import Table
from finback.report.pages.classifier import command, environment, flat, toml
from finback.report.pages.figures import Picture, embed
from finback.report.pages.run_data import RunData, read_run
from finback.report.pages.sound import Sound, of_samples
from finback.report.plots.diffusion import Block, sheet
from finback.report.plots.losses import losses
from finback.report.plots.style import render as to_bytes
from finback.report.plots.style import save

SHOWN = 6  # clips with sound
JUDGED = 24  # clips behind the figures
OTHERS = ("griffin-lim",)  # what it stands beside
REAL = "real"
MEASURES = {
    "lsd_db": ("log-spectral distance, dB", 1),
    "mr_stft": ("multi-resolution STFT loss", 2),
    "mel_l1_db": ("difference of log-mels, dB", 1),
    "mel_correlation": ("correlation of log-mels", 3),
    "envelope_db": ("error of the envelope, dB", 1),
    "onset_error": ("error of the onsets", 2),
}


@dataclass(frozen=True)
class There:
    """One clip and what each vocoder makes of its log-mel."""

    name: str
    picture: Picture
    sounds: list[tuple[str, Sound]]


def render(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` into a trained vocoder's folder; its path. Raises `RunError` if it is none."""
    _, folder = load_model(path, "vocoder")
    run = read_run(path)
    spec = build(FeatureSpec, run.info.spec)
    by_side = run_subsets(folder)
    never = (*by_side["val"], *by_side["test"])
    clips, real = _first_windows(varied(never or by_side["held_out"], JUDGED), spec)
    waves = {REAL: real[:, : spec.covered_samples]}
    if len(clips):
        logmels = logmel_of(real, spec)[..., : spec.n_frames]
        ways = {"this vocoder": vocoding.Vocoder.load(path, spec)}
        ways |= {name: vocoding.Vocoder.load(name, spec) for name in OTHERS}
        waves |= {name: to_waves(logmels, way, progress) for name, way in ways.items()}
    page = environment().get_template("vocoder.html.j2").render(
        title=run.path.resolve().name,
        info=run.info,
        n_learnt={side: len(found) for side, found in by_side.items()},
        never=bool(never),
        table_=_table(waves, spec) if clips else None,
        clips=[_there(i, clip, waves, spec) for i, clip in enumerate(clips[:SHOWN])],
        pictures=_pictures(run),
        settings=flat(run.info.settings),
        toml=toml(run.info.settings),
        spec=flat(run.info.spec),
        command=command(run),
        source=run.manifest.source if run.manifest else None,
    )  # fmt: skip
    out = RunFiles(run.path).report
    write_atomic(out, page)
    return out


def _first_windows(clips: Sequence[Clip], spec: FeatureSpec) -> tuple[list[Clip], np.ndarray]:
    """Clips that are still there, and the beginning of each (N, clip_samples), filled up as the spec says."""
    found, waves = [], []
    for clip in clips:
        try:
            wave = read_wave(clip.recording.path, spec, clip.channel)
        except FinbackError:
            continue
        start = round(clip.start_s * spec.sample_rate)
        found.append(clip)
        waves.append(fit_length(wave[start : start + spec.clip_samples], spec))
    return found, np.stack(waves) if waves else np.zeros((0, spec.clip_samples), dtype=np.float32)


def _table(waves: Mapping[str, np.ndarray], spec: FeatureSpec) -> Table:
    rows = []
    for name, made in waves.items():
        if name != REAL:
            found = vocoding.compare(waves[REAL], made, spec)
            rows.append((name, *(f"{found[key].mean():.{digits}f}" for key, (_, digits) in MEASURES.items())))
    return Table(
        "How near is it to the clip?",
        f"Means over {len(waves[REAL])} clips. Lower is better, but for the correlation. A band of noise is "
        "a draw that no log-mel tells: two draws of one noise are 7.9 dB apart in log-spectral distance.",
        ("vocoder", *(words for words, _ in MEASURES.values())),
        rows,
    )


def _there(i: int, clip: Clip, waves: Mapping[str, np.ndarray], spec: FeatureSpec) -> There:
    logmels = [logmel_of(x[i : i + 1], spec)[0][:, : spec.n_frames] for x in waves.values()]
    figure = sheet([Block(clip.label or "", [("", logmels)], list(waves))], spec)
    heard_as = [
        (name, of_samples(x[i], spec.sample_rate, spec.top_hz, compact=True)) for name, x in waves.items()
    ]
    alt = f"Spectrograms of {clip.label}: " + ", ".join(waves)
    return There(clip.recording.path.name, embed(figure, alt, to_bytes(figure, "png")), heard_as)


def _pictures(run: RunData) -> dict[str, Picture]:
    if not run.logs:
        return {}
    figure = losses(run.logs[0])
    png, _ = save(figure, run.path / "figures", "losses")
    return {"losses": embed(figure, "Losses against the training step", png.read_bytes())}
