"""`report.html` of a generator: what it makes beside real clips, to see and to hear, and how it was judged.

Made from the run folder; samples are generated for the page. Figures are also written to `figures/`. What the
folder lacks (an audit, the recordings) is said on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from finback.core.errors import FinbackError
from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages import diffusion_sheets as sheets
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import SpectrogramGenerator
from finback.generation.vocoders.vocode import Vocoder, to_waves
from finback.report.pages import audit_tables as audited
from finback.report.pages.classifier import command, environment, flat, toml
from finback.report.pages.figures import Picture, embed
from finback.report.pages.run_data import RunData, read_run
from finback.report.pages.sound import Sound, of_samples, playable
from finback.report.plots.diffusion import Block, beside, sheet
from finback.report.plots.losses import losses
from finback.report.plots.style import render as to_bytes
from finback.report.plots.style import save

SHOWN = 5  # real and generated pictures of a species
HEARD = 3  # of them with sound
OVERVIEW = 12  # species on the sheet for print, those with most clips
SEED = 0


@dataclass(frozen=True)
class Species:
    """What the page shows of a species."""

    name: str
    n_clips: int  # learnt from
    n_tapes: int
    picture: Picture
    real: list[Sound]
    made: list[Sound]


def render(path: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` into a trained generator's folder; its path. Raises `RunError` if it is none."""
    maker = SpectrogramGenerator.load(path)
    run = read_run(path)
    clips = run_subsets(maker.run)
    invert = Vocoder.load("auto", maker.spec)
    shown = _species(maker, clips["train"], invert, progress)
    pictures = _pictures(maker, shown, run, progress)
    page = environment().get_template("generator.html.j2").render(
        title=run.path.resolve().name,
        info=run.info,
        way=maker.model.way,
        n_learnt={side: len(found) for side, found in clips.items()},
        n_tapes=len({c.group for c in clips["train"]}),
        vocoder=invert.name,
        species=[entry for entry, _ in shown],
        pictures=pictures,
        audit=audited.tables(run.path),
        reconstruction=audited.reconstruction(run.path),
        settings=flat(run.info.settings),
        toml=toml(run.info.settings),
        spec=flat(run.info.spec),
        command=command(run),
        source=run.manifest.source if run.manifest else None,
        strip_note=sheets.STRIP_NOTE,
        sheet_note=sheets.SHEET_NOTE,
    )  # fmt: skip
    out = RunFiles(run.path).report
    write_atomic(out, page)
    return out


def _species(
    maker: SpectrogramGenerator, learnt: Sequence[Clip], invert: Any, progress: Progress
) -> list[tuple[Species, Block]]:
    """Every species that was learnt, most clips first."""
    by_name = {n: [c for c in learnt if c.label == n] for n in maker.labels.names}
    names = sorted((n for n in by_name if by_name[n]), key=lambda n: (-len(by_name[n]), n))
    store = FeatureStore(Extractor(maker.spec), default_folder())
    labels = np.repeat([maker.labels.index(n) for n in names], SHOWN)
    made = maker.sample(labels, SEED + np.arange(len(labels)), progress=progress)
    made = made.reshape(len(names), SHOWN, *made.shape[1:])
    waves = to_waves(made[:, :HEARD].reshape(-1, *made.shape[2:]), invert, progress)
    rate, top = maker.spec.sample_rate, maker.spec.top_hz
    found = []
    for i, name in progress(list(enumerate(names)), "species", len(names)):
        chosen = varied(by_name[name], SHOWN)
        block = beside(name, _logmels(store, chosen), list(made[i]))
        heard = [of_samples(w, rate, top, compact=True) for w in waves[i * HEARD : (i + 1) * HEARD]]
        figure = sheet([block], maker.spec)
        alt = f"Spectrograms of {name}: real clips above, generated ones below"
        entry = Species(
            name,
            len(by_name[name]),
            len({c.group for c in by_name[name]}),
            _embedded(figure, alt),
            _heard(chosen[:HEARD], top),
            heard,
        )
        found.append((entry, block))
    return found


def varied(clips: Sequence[Clip], n: int, seed: int = SEED) -> list[Clip]:
    """At most n clips, from as many tapes as there are: one of each tape in turn."""
    rng = np.random.default_rng([seed, 13])
    tapes: dict[str, list[Clip]] = {}
    for i in rng.permutation(len(clips)):
        tapes.setdefault(clips[i].group_key, []).append(clips[i])
    turns = max(map(len, tapes.values()), default=0)
    return [own[turn] for turn in range(turns) for own in tapes.values() if turn < len(own)][:n]


def _logmels(store: FeatureStore, clips: Sequence[Clip]) -> list[np.ndarray]:
    """The loudest window of each clip whose features are at hand or whose recording is still there."""
    found = []
    for clip in clips:
        try:
            mel = store(clip)  # (W, M, F)
        except FinbackError:
            continue
        found.append(mel[int(mel.mean(axis=(1, 2)).argmax())])
    return found


def _heard(clips: Sequence[Clip], top_hz: float) -> list[Sound]:
    found = []
    for clip in clips:
        try:
            found.append(playable(clip, top_hz, compact=True))
        except FinbackError:
            continue
    return found


def _pictures(
    maker: SpectrogramGenerator, shown: Sequence[tuple[Species, Block]], run: RunData, progress: Progress
) -> dict[str, Picture]:
    """Figures of the whole run, by name, saved to `figures/`; those that other commands left there too."""
    folder = run.path / "figures"
    blocks = [block for _, block in shown]
    drawn: dict[str, tuple[Figure, str]] = {
        "real_and_generated": (
            sheet(blocks[:OVERVIEW], maker.spec, "Real clips above, generated ones below", across=2),
            "Real and generated spectrograms, species by species",
        )
    }
    if run.logs:
        drawn["losses"] = losses(run.logs[0]), "Losses against the training step"
    if maker.model.way == "denoise":
        first, plan = shown[0][0].name, sheets.Sheets(SEED)
        drawn["denoising"] = (
            sheet([sheets.denoising(maker, name.name, plan) for name, _ in shown[:2]], maker.spec),
            "Noise becoming a call, step by step",
        )
        drawn["guidance"] = (
            sheet([sheets.guided(maker, first, plan, progress)], maker.spec),
            "The same sample at several guidances and numbers of steps",
        )
    found = {}
    for name, (figure, alt) in drawn.items():
        png, _ = save(figure, folder, name)
        found[name] = embed(figure, alt, png.read_bytes())
    for name, alt in LEFT_BY_OTHERS.items():
        if (folder / f"{name}.png").is_file():
            found[name] = audited.from_file(folder / f"{name}.png", alt)
    return found


LEFT_BY_OTHERS = {
    "reconstruction": "Clips beside what the VAE makes of them",
    "neighbours": "Samples beside the clips they are closest to",
    "nearest": "How near samples and real clips come to what was learnt",
    "map": "Latents laid out in the plane, by species and by tape",
}


def _embedded(figure: Figure, alt: str) -> Picture:
    return embed(figure, alt, to_bytes(figure, "png"))
