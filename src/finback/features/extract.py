"""From clips to what a model takes in: the one path that training, evaluation and scanning share.

A clip longer than the spec's window is covered by several windows, evenly spaced, so that no sample is
ignored; a shorter one is filled as the spec says. Every window is read, freed of DC, resampled and fitted
by itself from native integer samples, so a window gives the same numbers wherever it was cut from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from finback.audio.io import read
from finback.audio.level import normalise, remove_dc
from finback.audio.resample import resample
from finback.audio.windows import windows
from finback.core.errors import SettingsError
from finback.core.types import Clip
from finback.features.backbones import EMBEDDERS, embedder
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec

Input = Literal["logmel", "wave", "mfcc", "birdnet", "aisfx", "onnx"]
PIECE = 32  # windows at a time
REMEMBERED_BACKGROUNDS = 64  # stretches of recording; neighbouring windows share one


class Extractor:
    """Clips -> model inputs for one spec. Keeps a small memory of recording backgrounds, no audio.

    `input` is "logmel", "wave" or the name of an embedder. `version` is the embedder's, "" without one.
    """

    def __init__(self, spec: FeatureSpec, input: Input = "logmel") -> None:
        if spec.background == "median" and spec.level != "none":
            raise SettingsError(
                f"features.level = '{spec.level}' with features.background = 'median'",
                "subtracting the background removes the level already: set level = 'none'",
            )
        if spec.background == "median" and input in EMBEDDERS:
            raise SettingsError(
                f"features.background = 'median' with a model that hears {input}",
                "an embedder takes in whole waves: set features.background = 'none'",
            )
        self.spec = spec
        self.input = input
        self.logmel = LogMel(spec)
        self.embedder = embedder(input, spec) if input in EMBEDDERS else None
        self.version = self.embedder.version if self.embedder else ""
        self._backgrounds: OrderedDict[tuple[str, int, int], np.ndarray] = OrderedDict()

    def windows(self, clip: Clip) -> list[Clip]:
        """The spans of `clip` that one input each stands for; together they cover it."""
        heard = self.spec.clip_samples if self.input == "wave" else self.spec.covered_samples
        heard = self.embedder.heard_samples if self.embedder else heard
        length = max(1, heard * clip.recording.sample_rate // self.spec.sample_rate)
        spans = windows(clip.n_samples, length, length)
        return [replace(clip, start=clip.start + a, stop=clip.start + b) for a, b in spans]

    def __call__(self, clip: Clip) -> np.ndarray:
        """(W, M, F) log-mel, (W, T) for a model that hears raw waves, or (W, D) embeddings; float32."""
        return np.concatenate(list(self.stream(clip)))

    def stream(self, clip: Clip) -> Iterator[np.ndarray]:
        """The same in pieces of at most `PIECE` windows, so that memory does not grow with the clip."""
        spans = self.windows(clip)
        for first in range(0, len(spans), PIECE):
            yield self._features(spans[first : first + PIECE], clip.stop)

    def waves(self, clip: Clip) -> np.ndarray:
        """(W, T) the clip's windows as they are before the front end; float32."""
        return np.stack([self._wave(span, clip.stop) for span in self.windows(clip)])

    def _features(self, spans: list[Clip], limit: int) -> np.ndarray:
        waves = np.stack([self._wave(span, limit) for span in spans])  # (w, T)
        if self.input == "wave":
            return waves
        if self.embedder:
            return self.embedder(waves)  # (w, D)
        background = None
        if self.spec.background == "median":
            background = torch.from_numpy(np.stack([self.background_db(span) for span in spans]))
        with torch.inference_mode():
            features: np.ndarray = self.logmel(torch.from_numpy(waves), background)[:, 0].numpy()
        return features  # (w, M, F)

    def _wave(self, window: Clip, limit: int) -> np.ndarray:
        # Past the window's last frame centre the STFT still sees half an n_fft: give it the clip's own sound.
        reach = self.spec.native(self.spec.clip_samples, window.recording.sample_rate)
        x = self._read(window, window.start, min(limit, window.start + reach))
        return fit(normalise(x, self.spec.level), self.spec)

    def _read(self, clip: Clip, start: int, stop: int) -> np.ndarray:
        x = remove_dc(read(clip.recording.path, start, stop, clip.channel))
        return resample(x, clip.recording.sample_rate, self.spec.sample_rate)

    def background_db(self, window: Clip) -> np.ndarray:
        """(M,) median dB per band over the stretch of recording that holds the window's middle."""
        recording = window.recording
        length = self.spec.native(
            round(self.spec.background_s * self.spec.sample_rate), recording.sample_rate
        )
        block = (window.start + window.stop) // 2 // length
        start = max(0, min(block * length, recording.n_samples - length))
        key = (recording.id, start, -1 if window.channel is None else window.channel)
        if key not in self._backgrounds:
            x = self._read(window, start, min(recording.n_samples, start + length))
            self._backgrounds[key] = self.logmel.median_db(torch.from_numpy(x)).numpy()
            if len(self._backgrounds) > REMEMBERED_BACKGROUNDS:
                self._backgrounds.popitem(last=False)
        self._backgrounds.move_to_end(key)
        return self._backgrounds[key]


def fit(x: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """(n,) -> (T,): cut at the end, or filled there by zeros, repetition or reflection."""
    missing = spec.clip_samples - len(x)
    if missing <= 0:
        return x[: spec.clip_samples]
    mode = {"zero": "constant", "tile": "wrap", "reflect": "symmetric"}[spec.pad]
    return np.pad(x, (0, missing), mode=mode)  # type: ignore[call-overload]
