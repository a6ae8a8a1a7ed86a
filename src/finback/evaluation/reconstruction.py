"""How much of clips of unseen tapes a VAE keeps, beside what two simple methods keep.

    found = reconstruct(LatentSpace.load(run), "test")
    found.table["vae"][""]          # {"mse_db2": ..., "snr_db": ..., "si_snr_db": ...}, mean over species
    found.write(folder)             # reconstruction.json and .png

Three methods, all fitted on the clips that the VAE learnt from, all given the level of the clip:

- `vae`: encoded to the means of its latents, and painted from them as the clip's own species;
- `pca`: as many principal components as the VAE has latents;
- `mean spectrum`: the mean spectrum of the clip's species, the same in every frame.

**Waves.** A log-mel has lost the phase, and a guessed one makes every difference of waves meaningless. So
each log-mel is made a wave with the phases of the original, and the ratios tell what the changed magnitudes
cost. `original`, the clip's own log-mel gone the same way, is the best that can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import SettingsError
from finback.core.files import write_atomic, write_json
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RECONSTRUCTION
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import FeatureStore, default_folder, windows_of
from finback.features.extract import Extractor
from finback.features.logmel import LogMel
from finback.features.mel import band_centres_hz
from finback.features.stft import Frames
from finback.generation.vae_latents import LatentSpace, levels
from finback.metrics.reconstruction import by_species, mse_db2, si_snr_db, snr_db
from finback.models.networks.gaussian import principal
from finback.report.plots.style import render
from finback.report.plots.vae import grid

SIDES = ("test", "val", "held_out", "train")
SLICE = 8  # windows at a time through the inverse STFT
TINY = 1e-12
COLUMNS = ("original", "vae", "pca")  # of the grid, before the samples
N_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The figures of one side of a run, and pictures to look at."""

    space: LatentSpace
    side: str
    n_windows: dict[str, int]  # species -> windows; species without one are not there
    active: int  # latents in use, over the clips of training
    table: dict[str, dict[str, dict[str, float]]]  # method -> species ("" = mean over them) -> figure
    rows: list[tuple[str, list[np.ndarray]]] = field(repr=False)  # species -> one picture per column

    def facts(self) -> dict[str, Any]:
        """Plain values, as in `reconstruction.json`."""
        methods = {
            name: {**table[""], "per_species": {k: v for k, v in table.items() if k}}
            for name, table in self.table.items()
        }
        return {
            "run": str(self.space.run.path),
            "subset": self.side,
            "n_windows": self.n_windows,
            "latents": self.space.model.noise_shape[0],
            "active_latents": self.active,
            "methods": methods,
        }

    def write(self, folder: Path) -> list[Path]:
        """`reconstruction.json` and `reconstruction.png`; both paths."""
        spec = self.space.spec
        columns = (*COLUMNS, *(["sample"] * N_SAMPLES))
        centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
        picture = grid(self.rows, columns, centres, spec.hop / spec.sample_rate)
        table, image = folder / RECONSTRUCTION, folder / "reconstruction.png"
        write_json(table, self.facts())
        write_atomic(image, render(picture, "png"))
        return [table, image]


def reconstruct(space: LatentSpace, side: str = "test", progress: Progress = no_progress) -> Reconstruction:
    """Judge a VAE on one side of its own run: test and val are tapes it has not heard.

    Raises `SettingsError` if there is no such side, or nothing on it.
    """
    if side not in SIDES:
        raise SettingsError(f"--side {side}: no such side", "take one of " + ", ".join(SIDES))
    parts = run_subsets(space.run)
    if not parts[side]:
        raise SettingsError(
            f"{space.run.path}: no clips on the {side} side",
            "take another: " + ", ".join(s for s in SIDES if parts[s]),
        )
    store = FeatureStore(Extractor(space.spec), default_folder())
    learnt, y_learnt = (t.numpy() for t in windows_of(store, parts["train"], space.labels))
    logmels, waves, backgrounds, y = heard_in(space, parts[side], progress)
    methods = _methods(space, learnt[:, 0], y_learnt)
    made = {"original": logmels, **{name: paint(logmels, y) for name, paint in methods.items()}}
    table = {}
    for name, pictures in progress(made.items(), "reconstructing", len(made)):
        again = with_phases_of(waves, pictures, LogMel(space.spec), backgrounds)
        length = again.shape[1]
        figures = {
            "mse_db2": mse_db2(logmels, pictures),
            "snr_db": snr_db(waves[:, :length], again),
            "si_snr_db": si_snr_db(waves[:, :length], again),
        }
        table[name] = by_species(figures, y, space.labels.names)
    counts = {name: int((y == k).sum()) for k, name in enumerate(space.labels.names) if (y == k).any()}
    return Reconstruction(space, side, counts, space.active(learnt[:, 0]), table, _rows(space, made, y))


def heard_in(
    space: LatentSpace, clips: Sequence[Clip], progress: Progress = no_progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """Every window of the clips: log-mel (N, M, F), wave that it was made of (N, T), background (N, M) that
    was taken from it where the spec does so, class id (N,).
    """
    spec = space.spec
    pictures, sounds = Extractor(spec), Extractor(spec, "wave")
    waves, backgrounds, labels = [], [], []
    for clip in progress(clips, "reading", len(clips)):
        for span in pictures.windows(clip):
            # Past the last frame's centre the spectrogram hears half a window more, of the clip's own sound.
            reach = spec.native(spec.clip_samples, clip.recording.sample_rate)
            waves.append(sounds(replace(span, stop=min(clip.stop, span.start + reach)))[0])
            labels.append(space.labels.index(clip.label or ""))
            if spec.background == "median":
                backgrounds.append(pictures.background_db(span))
    background = np.stack(backgrounds) if backgrounds else None
    away = None if background is None else torch.from_numpy(background)
    logmels = pictures.front_end(np.stack(waves), away)
    return logmels, np.stack(waves), background, np.array(labels)


@torch.no_grad()
def with_phases_of(
    waves: np.ndarray, logmels: np.ndarray, front: LogMel, background_db: np.ndarray | None = None
) -> np.ndarray:
    """(N, M, F) dB made waves (N, T') with the phases of `waves` (N, T), up to the last frame's centre."""
    spec = front.spec
    # Up to the last frame's centre: beyond it only the thin end of one window hears anything.
    length = min(spec.clip_samples, (spec.n_frames - 1) * spec.hop)
    heard = Frames(spec, spec.n_frames, spec.clip_samples, torch.zeros(1))
    frames = Frames(spec, spec.n_frames, length, torch.zeros(1))
    made = []
    for i in range(0, len(waves), SLICE):
        part = slice(i, i + SLICE)
        away = None if background_db is None else torch.from_numpy(background_db[part])
        magnitude = front.inverse(torch.from_numpy(logmels[part])[:, None], away)  # (b, n_bins, F)
        spectra = heard.analyse(heard.padded(torch.from_numpy(waves[part])))  # (b, F, n_bins)
        phases = spectra / spectra.abs().clamp_min(TINY)
        made.append(frames.cut(frames.synthesise(phases * magnitude.transpose(1, 2))))
    out: np.ndarray = torch.cat(made).numpy()
    return out


Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _methods(space: LatentSpace, learnt: np.ndarray, labels: np.ndarray) -> dict[str, Paint]:
    """Name -> (log-mels (N, M, F) dB, class ids) -> reconstructions."""
    scale, device = space.model.scale, space.device

    def units(x: np.ndarray) -> Tensor:
        return scale.to_units(torch.from_numpy(x)[:, None].to(device))  # (N, 1, M, F)

    flat = units(learnt).flatten(1)
    mean, basis = principal(flat, space.model.noise_shape[0])
    pictures = flat.unflatten(1, learnt.shape[1:])
    spectra = torch.zeros(len(space.labels), learnt.shape[1], device=device)
    for k in np.unique(labels):
        spectra[k] = pictures[torch.from_numpy(labels == k)].mean(dim=(0, 2))

    def pca(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        again = mean + (units(x).flatten(1) - mean) @ basis.T @ basis
        return space.at_level(again.unflatten(1, (1, *x.shape[1:])), levels(x))

    def spectrum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        steady = spectra[torch.from_numpy(y)][:, None, :, None].expand(-1, 1, -1, x.shape[2])
        return space.at_level(steady, levels(x))

    return {"vae": space.reconstruct, "pca": pca, "mean spectrum": spectrum}


def _rows(
    space: LatentSpace, made: dict[str, np.ndarray], labels: np.ndarray
) -> list[tuple[str, list[np.ndarray]]]:
    """A window of each species through the columns of the grid, and samples of the species beside it."""
    rows = []
    for k, name in enumerate(space.labels.names):
        own = np.flatnonzero(labels == k)
        if len(own):
            middle = own[len(own) // 2]
            samples = space.sample([k] * N_SAMPLES, range(N_SAMPLES))
            rows.append((name, [*(made[column][middle] for column in COLUMNS), *samples]))
    return rows
