"""Augmented batches of model inputs from training clips.

From a long clip, one window is drawn at random each time. Models of spectrograms get cached log-mels. With
wave augmentation, the waves of each batch are augmented and the log-mels are computed from them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from finback.core.errors import LeftOut, SettingsError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.features.cache import FeatureStore
from finback.features.frontends import WaveFrontEnd
from finback.features.scales import in_db, of_db
from finback.training.augment import spectrum, wave
from finback.training.augment.noise_files import NoiseBank
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave_settings import WaveSettings


class TrainingInputs:
    """Numbers of drawn clips -> one augmented batch, (B, 1, M, F), (B, T) or (B, D) by the front end.

    `store` gives the features of clips, as in validation and prediction. Raises `SettingsError` when
    `on_wave` is on and the front end does not allow wave augmentation.
    """

    def __init__(
        self,
        store: FeatureStore,
        clips: Sequence[Clip],
        augment: SpectrumSettings | None = None,
        on_wave: WaveSettings | None = None,
    ) -> None:
        self.store = store
        self.clips = clips
        self.extractor = store.extractor
        self.front_end = self.extractor.front_end
        self.augment = augment if self.front_end.is_spectrogram else None
        self.on_wave = on_wave if on_wave is not None and on_wave.on else None
        self.source = store
        self.noise: NoiseBank | None = None
        if self.on_wave is not None:
            self._use_waves(self.on_wave)
        self.species = np.array([c.label or "" for c in clips])
        self.added = self._overlay_clips()

    def _overlay_clips(self) -> np.ndarray:
        """Numbers of the clips that may be added to others; none, with a warning, without their class."""
        if self.augment is None or self.augment.overlay <= 0:
            return np.zeros(0, dtype=int)
        label = self.augment.overlay_label
        found: np.ndarray = np.flatnonzero(self.species == label)
        if not len(found):
            problem = (
                f"augment.overlay: no training clip is labelled '{label}', so no clip is added to others"
            )
            warnings.warn(f"{problem}; name your class with augment.overlay_label", LeftOut, stacklevel=2)
        return found

    def _use_waves(self, settings: WaveSettings) -> None:
        """Read waves instead of features, and open the noise files."""
        spec = self.extractor.spec
        if not self.front_end.can_augment_waves:
            raise SettingsError(
                f"wave augmentation before {self.front_end.name}, which is computed once and cached",
                "leave the wave.* settings out",
            )
        if self.front_end.background == "subtracted" and spec.background == "median":
            raise SettingsError(
                "wave augmentation with features.background = 'median'",
                "the background is that of the recording without augmentation: switch one of the two off",
            )
        self.source = self.store.through(WaveFrontEnd.name)
        if settings.real_noise > 0:
            if not settings.noise_files:
                raise SettingsError("wave.real_noise without files", "give --set wave.noise_files=FOLDER")
            self.noise = NoiseBank.load(settings.noise_files, spec.sample_rate)

    def prepare(self, progress: Progress = no_progress) -> None:
        """Compute and cache the features (or waves) of all clips."""
        self.source.prepare(self.clips, progress)

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> Tensor:
        """Model inputs of the clips with the numbers `drawn` (B,); every random number is from `rng`."""
        windows = self._windows(rng, drawn)
        if self.on_wave is None:
            x = self.front_end.batch(windows)
        else:
            waves = self._augmented(rng, torch.from_numpy(windows), drawn, self.on_wave)
            x = self.front_end.from_waves(waves)
        if self.augment is None:
            return x
        spec = self.extractor.spec
        linear = spec.scale == "power"  # equipment and noise are described in dB
        x = in_db(x, spec) if linear else x
        if len(self.added):
            x = self._overlaid(rng, x, self.augment)
        x = spectrum.apply(x, spectrum.draw(rng, self.augment, (len(x), *x.shape[2:])))
        return of_db(x, spec) if linear else x

    def _overlaid(self, rng: np.random.Generator, x: Tensor, settings: SpectrumSettings) -> Tensor:
        """Log-mels (B, 1, M, F), some with a clip of the class of noise added."""
        d = spectrum.draw_overlay(rng, settings, len(x), x.shape[-1], len(self.added))
        if not len(d.rows):
            return x
        other = self.front_end.batch(self._features(rng, self.added[d.added]))
        if self.extractor.spec.scale == "power":
            other = in_db(other, self.extractor.spec)
        return spectrum.apply_overlay(x, other, d)

    def _features(self, rng: np.random.Generator, drawn: np.ndarray) -> np.ndarray:
        """One random window of the features of each drawn clip, also where batches are made of waves."""
        found = [self.store(self.clips[i]) for i in drawn]
        return np.stack([windows[rng.integers(len(windows))] for windows in found])

    def _windows(self, rng: np.random.Generator, drawn: np.ndarray) -> np.ndarray:
        """One random window of each drawn clip (B,), as one array (B, ...)."""
        windows = []
        for i in drawn:
            features = self.source(self.clips[i])
            windows.append(features[rng.integers(len(features))])
        return np.stack(windows)

    def _augmented(
        self, rng: np.random.Generator, x: Tensor, drawn: np.ndarray, settings: WaveSettings
    ) -> Tensor:
        """Waves (B, T) -> augmented waves (B, T)."""
        rate = self.extractor.spec.sample_rate
        noise = background = None
        if self.noise is not None:
            noise = torch.from_numpy(self.noise.draw(rng, *x.shape))
        if settings.background > 0:
            background = torch.from_numpy(self._windows(rng, self._others(rng, drawn)))
        drawn_parameters = wave.draw(rng, settings, (x.shape[0], x.shape[1]), rate)
        with torch.inference_mode():
            y = wave.apply(x, drawn_parameters, rate, noise, background)
        return y.clone()

    def _others(self, rng: np.random.Generator, drawn: np.ndarray) -> np.ndarray:
        """(B,) another clip for each drawn clip: the first of eight random clips that has another species, or
        the first of the eight."""
        candidates = rng.integers(len(self.clips), size=(len(drawn), 8))
        other = self.species[candidates] != self.species[drawn][:, None]
        return candidates[np.arange(len(drawn)), other.argmax(axis=1)]
