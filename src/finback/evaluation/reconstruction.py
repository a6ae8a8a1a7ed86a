"""How well a VAE reconstructs clips, compared with two simple methods.

    result = reconstruct(LatentSpace.load(run), "test")
    result.table["vae"][""]          # {"mse_db2": ..., "snr_db": ..., "si_snr_db": ...}, mean over species
    result.write(folder)             # reconstruction.json and reconstruction.png

Three methods, all fitted to the training clips of the VAE. Each gets the level of the clip:

- `vae`: encoded to the means of the latents, and decoded from these as the clip's own species;
- `pca`: as many principal components as the VAE has latents;
- `mean spectrum`: the mean spectrum of the clip's species, the same in every frame.

**Waves.** A log-mel has no phases, and guessed phases would dominate every difference between waves. So each
log-mel is converted to a wave with the phases of the original clip, and the ratios measure the error of the
magnitudes alone. `original` is the clip's own log-mel, converted in the same way: the upper limit for any
method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.core.errors import SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RECONSTRUCTION
from finback.core.storage.files import write_json
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import FeatureStore, default_folder, windows_of
from finback.features.extract import Extractor
from finback.features.logmel import LogMel
from finback.features.mel import band_centres_hz
from finback.features.stft import Frames
from finback.generation.vae_latents import LatentSpace, LogMels, levels
from finback.metrics.reconstruction import by_species, mse_db2, si_snr_db, snr_db
from finback.models.networks.gaussian import principal
from finback.report.plots.style import save
from finback.report.plots.vae import grid

SUBSETS = ("test", "validation", "held_out", "train")
SLICE = 8  # windows at a time through the inverse STFT
TINY = 1e-12
COLUMNS = ("original", "vae", "pca")  # of the figure, before the samples
N_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The errors on one set of clips of a run, and spectrograms for a figure."""

    space: LatentSpace
    subset: str
    n_windows: dict[str, int]  # species -> windows; only species with windows
    active: int  # number of active latents, over the training clips
    table: dict[str, dict[str, dict[str, float]]]  # method -> species ("" = mean over species) -> measure
    rows: list[tuple[str, list[np.ndarray]]] = field(repr=False)  # species -> a spectrogram for each column

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in `reconstruction.json`."""
        methods = {
            name: {**table[""], "per_species": {k: v for k, v in table.items() if k}}
            for name, table in self.table.items()
        }
        return {
            "run": str(self.space.run.path),
            "subset": self.subset,
            "n_windows": self.n_windows,
            "latents": self.space.model.noise_shape[0],
            "active_latents": self.active,
            "methods": methods,
        }

    def write(self, folder: Path) -> list[Path]:
        """Write `reconstruction.json` and the figure `reconstruction`; returns their paths."""
        spec = self.space.spec
        columns = (*COLUMNS, *(["sample"] * N_SAMPLES))
        centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
        figure = grid(self.rows, columns, centres, spec.hop / spec.sample_rate)
        table = folder / RECONSTRUCTION
        write_json(table, self.to_json())
        return [table, *save(figure, folder, "reconstruction", usual=("png",))]


def reconstruct(space: LatentSpace, subset: str = "test", progress: Progress = no_progress) -> Reconstruction:
    """Evaluate a VAE on one set of its own run; `test` and `validation` are groups not used in training.

    Raises `SettingsError` if there is no such set, or no clip in it.
    """
    if subset not in SUBSETS:
        raise SettingsError(f"--subset {subset}: unknown set", "give one of " + ", ".join(SUBSETS))
    subsets = run_subsets(space.run)
    if not subsets[subset]:
        raise SettingsError(
            f"{space.run.path}: no clips in the {subset} set",
            "give another --subset: " + ", ".join(name for name in SUBSETS if subsets[name]),
        )
    store = FeatureStore(Extractor(space.spec), default_folder())
    train, y_train = (t.numpy() for t in windows_of(store, subsets["train"], space.labels))
    logmels, waves, backgrounds, y = windows_with_waves(space, subsets[subset], progress)
    methods = _methods(space, train[:, 0], y_train)
    reconstructed = {"original": logmels, **{name: method(logmels, y) for name, method in methods.items()}}
    table = {}
    for name, x in progress(reconstructed.items(), "reconstructing", len(reconstructed)):
        again = with_phases_of(waves, x, LogMel(space.spec), backgrounds)
        length = again.shape[1]
        errors = {
            "mse_db2": mse_db2(logmels, x),
            "snr_db": snr_db(waves[:, :length], again),
            "si_snr_db": si_snr_db(waves[:, :length], again),
        }
        table[name] = by_species(errors, y, space.labels.names)
    counts = {name: int((y == k).sum()) for k, name in enumerate(space.labels.names) if (y == k).any()}
    rows = _rows(space, reconstructed, y)
    return Reconstruction(space, subset, counts, space.active(train[:, 0]), table, rows)


def windows_with_waves(
    space: LatentSpace, clips: Sequence[Clip], progress: Progress = no_progress
) -> tuple[LogMels, NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.int64]]:
    """Every window of the clips: log-mels (N, M, F), the waves (N, T) of these, the backgrounds (N, M) in dB
    that were subtracted where the spec does so, and class ids (N,).
    """
    spec = space.spec
    logmel_of, wave_of = Extractor(spec), Extractor(spec, "wave")
    waves, backgrounds, labels = [], [], []
    for clip in progress(clips, "reading", len(clips)):
        for span in logmel_of.windows(clip):
            # The last frame reaches half a window beyond its centre, into the clip's own sound.
            reach = spec.native(spec.clip_samples, clip.recording.sample_rate)
            waves.append(wave_of(replace(span, stop=min(clip.stop, span.start + reach)))[0])
            labels.append(space.labels.index(clip.label or ""))
            if spec.background == "median":
                backgrounds.append(logmel_of.background_db(span))
    background = np.stack(backgrounds) if backgrounds else None
    subtracted = None if background is None else torch.from_numpy(background)
    logmels = logmel_of.front_end(np.stack(waves), subtracted)
    return logmels, np.stack(waves), background, np.array(labels)


@torch.no_grad()
def with_phases_of(
    waves: NDArray[np.float32],
    logmels: LogMels,
    front: LogMel,
    background_db: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """(N, M, F) dB -> waves (N, T') with the phases of `waves` (N, T), up to the last frame's centre."""
    spec = front.spec
    # Beyond the centre of the last frame only the thin end of one window contributes.
    length = min(spec.clip_samples, (spec.n_frames - 1) * spec.hop)
    original = Frames(spec, spec.n_frames, spec.clip_samples, torch.zeros(1))
    frames = Frames(spec, spec.n_frames, length, torch.zeros(1))
    parts = []
    for i in range(0, len(waves), SLICE):
        part = slice(i, i + SLICE)
        background = None if background_db is None else torch.from_numpy(background_db[part])
        magnitude = front.inverse(torch.from_numpy(logmels[part])[:, None], background)  # (b, n_bins, F)
        spectra = original.analyse(original.padded(torch.from_numpy(waves[part])))  # (b, F, n_bins)
        phases = spectra / spectra.abs().clamp_min(TINY)
        parts.append(frames.cut(frames.synthesise(phases * magnitude.transpose(1, 2))))
    return torch.cat(parts).numpy()


Method = Callable[[LogMels, NDArray[np.int64]], LogMels]


def _methods(space: LatentSpace, train: LogMels, labels: NDArray[np.int64]) -> dict[str, Method]:
    """Name -> (log-mels (N, M, F) dB, class ids (N,)) -> reconstructions (N, M, F) dB."""
    scale, device = space.model.scale, space.device

    def units(x: LogMels) -> Tensor:
        return scale.to_units(torch.from_numpy(x)[:, None].to(device))  # (N, 1, M, F)

    flat = units(train).flatten(1)
    mean, basis = principal(flat, space.model.noise_shape[0])
    unflattened = flat.reshape(-1, *train.shape[1:])
    spectra = torch.zeros(len(space.labels), train.shape[1], device=device)
    for k in np.unique(labels):
        spectra[k] = unflattened[torch.from_numpy(labels == k)].mean(dim=(0, 2))

    def pca(x: LogMels, y: NDArray[np.int64]) -> LogMels:
        again = mean + (units(x).flatten(1) - mean) @ basis.T @ basis
        return space.at_level(again.reshape(-1, 1, *x.shape[1:]), levels(x))

    def spectrum(x: LogMels, y: NDArray[np.int64]) -> LogMels:
        steady = spectra[torch.from_numpy(y)][:, None, :, None].expand(-1, 1, -1, x.shape[2])
        return space.at_level(steady, levels(x))

    return {"vae": space.reconstruct, "pca": pca, "mean spectrum": spectrum}


def _rows(
    space: LatentSpace, reconstructed: dict[str, LogMels], labels: NDArray[np.int64]
) -> list[tuple[str, list[np.ndarray]]]:
    """For each species one window by each method of the figure, and samples of the species."""
    rows = []
    for k, name in enumerate(space.labels.names):
        own = np.flatnonzero(labels == k)
        if len(own):
            middle = own[len(own) // 2]
            samples = space.sample([k] * N_SAMPLES, range(N_SAMPLES))
            rows.append((name, [*(reconstructed[column][middle] for column in COLUMNS), *samples]))
    return rows
