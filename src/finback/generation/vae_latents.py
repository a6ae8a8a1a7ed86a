"""What a trained VAE makes of clips, and of what lies between them.

    space = LatentSpace.load(run)
    z = space.encode(logmels)                      # (N, D): clips as points
    again = space.reconstruct(logmels, labels)     # (N, M, F) dB
    new = space.sample(labels, seeds)              # (N, M, F) dB
    strip = space.interpolate(space.end("Sperm whale"), space.end("clips/a.wav"), steps=7)

Log-mels are in the spec's own units. The level of a clip is no part of its latents: a reconstruction is given
the level of its original, a sample the usual one of its species.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.audio.io import open_recording
from finback.core.errors import RunError, SettingsError
from finback.core.files import write_atomic
from finback.core.runs import RunFolder
from finback.core.types import Clip, Labels
from finback.data.manifest import Manifest
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.generation.diffusion.seeds import Streams
from finback.models.devices import tune_allocator
from finback.models.load import load_model
from finback.models.networks.vae import ACTIVE, BATCH, VAE
from finback.report.plots.style import render
from finback.report.plots.vae import strip


@dataclass(frozen=True, eq=False)
class End:
    """One end of an interpolation: a point, whose species it is painted as, and how loud."""

    name: str
    species: str
    latent: np.ndarray  # (D,)
    level_db: float


class LatentSpace:
    """The latent space of a trained VAE."""

    def __init__(self, model: VAE, labels: Labels, run: RunFolder) -> None:
        self.model = model
        self.labels = labels
        self.run = run
        self.spec = model.spec

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> LatentSpace:
        """The VAE of a run. Raises `RunError` if the folder holds something else, or nothing finished."""
        tune_allocator()
        model, run = load_model(path, "generator", device)
        if not isinstance(model, VAE):
            raise RunError(
                f"{path}: a {run.info.family}, which has no latents",
                "give the folder of finback train vae",
            )
        return cls(model, Labels(run.info.labels), run)

    @property
    def device(self) -> torch.device:
        return self.model.scale.mean.device

    @torch.no_grad()
    def encode(self, logmels: np.ndarray) -> np.ndarray:
        """(N, M, F) dB -> means of the latents (N, D)."""
        parts = [self.model.encode(self.model.scale.to_units(x))[0] for x in self._batches(logmels)]
        return np.concatenate([p.cpu().numpy() for p in parts])

    def active(self, logmels: np.ndarray) -> int:
        """How many latents these clips make use of: the mean's variance is above 0.01 (Burda et al. 2016)."""
        return int((self.encode(logmels).var(axis=0) > ACTIVE).sum())

    @torch.no_grad()
    def decode(self, latents: np.ndarray, species: np.ndarray, level_db: np.ndarray) -> np.ndarray:
        """Points (N, D), weights of species (N, K) and levels (N,) in dB -> (N, M, F) dB."""
        units = [
            self.model.paint(
                *(torch.as_tensor(a[i : i + BATCH], device=self.device).float() for a in (latents, species))
            )
            for i in range(0, len(latents), BATCH)
        ]
        return self.at_level(torch.cat(units), level_db)

    def reconstruct(self, logmels: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """(N, M, F) dB and class ids (N,) -> what the latents' means keep of them, at the same levels."""
        return self.decode(self.encode(logmels), np.eye(len(self.labels))[labels], levels(logmels))

    @torch.no_grad()
    def sample(self, labels: Sequence[int], seeds: Sequence[int]) -> np.ndarray:
        """(N, M, F) dB of the species' usual level; the same seed gives the same sample."""
        noise = Streams(seeds, self.device).normal(self.model.noise_shape)
        y = torch.as_tensor(list(labels), device=self.device)
        made = self.model.scale.to_db(self.model.decode(noise, y), y, torch.zeros(len(y), device=self.device))
        return made[:, 0].cpu().numpy()

    def interpolate(self, a: End, b: End, steps: int) -> np.ndarray:
        """(steps, M, F) dB: the straight line from one point to the other, species and level with it.

        Raises `SettingsError` for fewer than two steps.
        """
        if steps < 2:
            raise SettingsError(f"--steps {steps}: no way between two ends", "take 2 or more")
        t = np.linspace(0.0, 1.0, steps)
        one_hot = np.eye(len(self.labels))
        species = (one_hot[self.labels.index(e.species)] for e in (a, b))
        latents = _line(t, a.latent, b.latent)
        return self.decode(
            latents, _line(t, *species), _line(t, np.array([a.level_db]), np.array([b.level_db]))[:, 0]
        )

    def end(self, text: str) -> End:
        """A species by name (the middle of its clips), or a sound file (its first window).

        A file of the run's own data is of the species it is labelled with; another one of the species that
        its point is likeliest under. Raises `SettingsError` if the text is neither.
        """
        if text in self.labels:
            k = self.labels.index(text)
            level = float(self.model.scale.levels[k, 0])
            return End(text, text, self.model.gaussians.centres[k].cpu().numpy(), level)
        if not Path(text).is_file():
            raise SettingsError(
                f"'{text}': neither a species of this run nor a sound file",
                "known: " + ", ".join(self.labels.names),
            )
        recording = open_recording(Path(text))
        clip = Clip(recording, 0, recording.n_samples)
        logmel = Extractor(self.spec)(clip)[:1]  # (1, M, F)
        point = self.encode(logmel)
        known = {c.recording.id: c.label for c in Manifest.load(self.run.manifest).clips}
        species = known.get(recording.id)
        if species not in self.labels:
            with torch.no_grad():
                likeliest = self.model.gaussians.log_prob(torch.as_tensor(point, device=self.device))
            species = self.labels.names[int(likeliest[0].argmax())]
        return End(Path(text).name, species or "", point[0], float(levels(logmel)[0]))

    def at_level(self, units: Tensor, level_db: np.ndarray) -> np.ndarray:
        """Pictures (N, 1, M, F) in the units of the model's scale -> (N, M, F) dB at these levels (N,)."""
        anyone = torch.zeros(len(units), dtype=torch.long, device=self.device)
        db = self.model.scale.to_db(units, anyone, anyone.float())[:, 0].cpu().numpy()
        moved: np.ndarray = db + (level_db - levels(db))[:, None, None].astype(np.float32)
        return moved

    def _batches(self, logmels: np.ndarray) -> list[Tensor]:
        x = torch.from_numpy(np.asarray(logmels, dtype=np.float32))[:, None]
        return [part.to(self.device) for part in x.split(BATCH)]


def save_interpolation(space: LatentSpace, ends: tuple[End, End], steps: int, path: Path) -> Path:
    """Write the way between two ends as a picture, PNG or SVG by the suffix.

    Raises `SettingsError` for another suffix or too few steps.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in ("png", "svg"):
        raise SettingsError(f"--out {path}: not a picture's name", "end it in .png or .svg")
    spec = space.spec
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    pictures = space.interpolate(*ends, steps)
    figure = strip(list(pictures), (ends[0].name, ends[1].name), centres, spec.hop / spec.sample_rate)
    write_atomic(path, render(figure, format))
    return path


def levels(logmels: np.ndarray) -> np.ndarray:
    """(N, M, F) -> (N,) mean over bands and frames, dB."""
    level: np.ndarray = logmels.mean(axis=(1, 2))
    return level


def _line(t: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(steps, D) from a to b."""
    between: np.ndarray = a + t[:, None] * (b - a)
    return between
