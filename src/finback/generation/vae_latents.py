"""The latent space of a trained VAE: encode, reconstruct, sample, interpolate.

    space = LatentSpace.load(run)
    z = space.encode(logmels)                      # (N, D)
    again = space.reconstruct(logmels, labels)     # (N, M, F) dB
    new = space.sample(labels, seeds)              # (N, M, F) dB
    between = space.interpolate(space.endpoint("Sperm whale"), space.endpoint("clips/a.wav"), steps=7)

Log-mels have the spec's own units. The level of a clip is not part of its latents: a reconstruction gets the
level of its original, a sample the usual level of its species.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finback.audio.io import open_recording
from finback.core.errors import RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.types import Clip, Labels
from finback.data.manifest import Manifest
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.generation.diffusion.seeds import Streams
from finback.models.devices import tune_allocator
from finback.models.load import load_model
from finback.models.networks.vae import ACTIVE, BATCH, VAE
from finback.report.plots import figure_files
from finback.report.plots.style import save_as
from finback.report.plots.vae import interpolation

LogMels = NDArray[np.float32]  # (N, M, F) dB


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One end of an interpolation: a point, the species that it is decoded as, and its level."""

    name: str
    species: str
    latent: NDArray[np.float32]  # (D,)
    level_db: float


class LatentSpace:
    """A trained VAE, its species and its features."""

    def __init__(self, model: VAE, labels: Labels, run: RunFolder) -> None:
        self.model = model
        self.labels = labels
        self.run = run
        self.spec = model.spec

    def __repr__(self) -> str:
        return (
            f"LatentSpace({self.model.noise_shape[0]} latents, {len(self.labels)} species, {self.run.path})"
        )

    @classmethod
    def load(cls, where: str | Path, device: str = "auto") -> LatentSpace:
        """The VAE of a run folder. Raises `RunError` if the folder has no trained VAE."""
        tune_allocator()
        model = load_model(where, "generator", device)
        if not isinstance(model.network, VAE):
            raise RunError(
                f"{where}: a {model.run.info.family}, which has no latent space",
                "give the run folder of finback train vae",
            )
        return cls(model.network, model.labels, model.run)

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.model.scale.mean.device

    @torch.no_grad()
    def encode(self, logmels: LogMels) -> NDArray[np.float32]:
        """(N, M, F) dB -> means of the latents (N, D)."""
        parts = [self.model.encode(self.model.scale.to_units(x))[0] for x in self._batches(logmels)]
        return np.concatenate([p.cpu().numpy() for p in parts])

    def active(self, logmels: LogMels) -> int:
        """Number of active latents: the variance of the mean is above 0.01 (Burda et al. 2016)."""
        return int((self.encode(logmels).var(axis=0) > ACTIVE).sum())

    @torch.no_grad()
    def decode(self, latents: np.ndarray, species: np.ndarray, level_db: np.ndarray) -> LogMels:
        """Points (N, D), weights of species (N, K) and levels (N,) in dB -> (N, M, F) dB."""
        units = [
            self.model.decode_latents(
                *(torch.as_tensor(a[i : i + BATCH], device=self.device).float() for a in (latents, species))
            )
            for i in range(0, len(latents), BATCH)
        ]
        return self.at_level(torch.cat(units), level_db)

    def reconstruct(self, logmels: LogMels, labels: NDArray[np.integer]) -> LogMels:
        """(N, M, F) dB and class ids (N,) -> (N, M, F) dB, decoded from the means, at the same levels."""
        return self.decode(self.encode(logmels), np.eye(len(self.labels))[labels], levels(logmels))

    @torch.no_grad()
    def sample(self, labels: Sequence[int], seeds: Sequence[int]) -> LogMels:
        """Class ids (N,) and seeds (N,) -> (N, M, F) dB at the usual level of the species.

        The same species and seed give the same sample.
        """
        names = [self.labels.names[k] for k in labels]
        noise = Streams(seeds, self.device, names).normal(self.model.noise_shape)
        y = torch.as_tensor(list(labels), device=self.device)
        usual = torch.zeros(len(y), device=self.device)
        return self.model.scale.to_db(self.model.decode(noise, y), y, usual)[:, 0].cpu().numpy()

    def interpolate(self, a: Endpoint, b: Endpoint, steps: int) -> LogMels:
        """(steps, M, F) dB on the straight line from `a` to `b`, in latents, species and level.

        Raises `SettingsError` for fewer than two steps.
        """
        if steps < 2:
            raise SettingsError(f"--steps {steps}: two ends need two steps", "give 2 or more")
        t = np.linspace(0.0, 1.0, steps)
        one_hot = np.eye(len(self.labels))
        species = (one_hot[self.labels.index(e.species)] for e in (a, b))
        latents = _line(t, a.latent, b.latent)
        return self.decode(
            latents, _line(t, *species), _line(t, np.array([a.level_db]), np.array([b.level_db]))[:, 0]
        )

    def endpoint(self, text: str) -> Endpoint:
        """A species by name (the centre of its clips), or a sound file (its first window).

        A file of the run's own data has the species of its label; any other file gets the most likely species
        of its point. Raises `SettingsError` if the text is neither.
        """
        if text in self.labels:
            k = self.labels.index(text)
            level = float(self.model.scale.levels[k, 0])
            return Endpoint(text, text, self.model.gaussians.centres[k].cpu().numpy(), level)
        if not Path(text).is_file():
            raise SettingsError(
                f"'{text}': neither a species of this run nor a sound file",
                "known species: " + "; ".join(self.labels.names),
            )
        recording = open_recording(Path(text))
        clip = Clip(recording, 0, recording.n_samples)
        logmel = Extractor(self.spec)(clip)[:1]  # (1, M, F)
        point = self.encode(logmel)
        known = {c.recording.id: c.label for c in Manifest.load(self.run.manifest).clips}
        species = known.get(recording.id)
        if species not in self.labels:
            with torch.no_grad():
                likelihoods = self.model.gaussians.log_prob(torch.as_tensor(point, device=self.device))
            species = self.labels.names[int(likelihoods[0].argmax())]
        return Endpoint(Path(text).name, species or "", point[0], float(levels(logmel)[0]))

    def at_level(self, units: Tensor, level_db: np.ndarray) -> LogMels:
        """Spectrograms (N, 1, M, F) in units of the model's scale -> (N, M, F) dB at these levels (N,)."""
        any_species = torch.zeros(len(units), dtype=torch.long, device=self.device)
        db = self.model.scale.to_db(units, any_species, any_species.float())[:, 0].cpu().numpy()
        return db + (level_db - levels(db))[:, None, None].astype(np.float32)

    def _batches(self, logmels: LogMels) -> list[Tensor]:
        x = torch.from_numpy(np.asarray(logmels, dtype=np.float32))[:, None]
        return [x[i : i + BATCH].to(self.device) for i in range(0, max(1, len(x)), BATCH)]


def save_interpolation(
    space: LatentSpace, ends: tuple[Endpoint, Endpoint], steps: int, path: Path
) -> list[Path]:
    """Write the figure of an interpolation as `save_as` does; the paths.

    Raises `SettingsError` for another suffix or too few steps.
    """
    figure_files.current().of_path(path)
    spec = space.spec
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    logmels = space.interpolate(*ends, steps)
    figure = interpolation(list(logmels), (ends[0].name, ends[1].name), centres, spec.hop / spec.sample_rate)
    return save_as(figure, path)


def levels(logmels: LogMels) -> NDArray[np.float32]:
    """(N, M, F) -> (N,) mean over bands and frames, in dB."""
    return logmels.mean(axis=(1, 2))


def _line(t: np.ndarray, a: np.ndarray, b: np.ndarray) -> NDArray[np.float64]:
    """(steps, D) from a (D,) to b (D,), at t (steps,) from 0 to 1."""
    return a + t[:, None] * (b - a)
