"""Sounds of the family `calls` for species and seeds, and their log-mels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.samples import ArraySamples
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.generation.calls.draw import drawn_sample
from finback.generation.calls.parameters import SampleParameters
from finback.generation.calls.synthesis import wave_of
from finback.generation.diffusion.seeds import stream_of
from finback.generation.vocoders.level import limit
from finback.models.networks.calls.network import Calls
from finback.models.networks.calls.sounds import QUIET_DB


def parameters_of(
    model: Calls, label: int, species: str, seed: int, tape: int | None = None
) -> SampleParameters:
    """The parameters of the sample of a species and a seed: the same in every batch and process."""
    return drawn_sample(model, (label, species), seed, stream_of(species, seed), tape)


def without_background(sample: SampleParameters) -> SampleParameters:
    """The same calls, with silence between and below them."""
    silent = np.full_like(sample.background_db, QUIET_DB)
    return replace(sample, background_db=silent, swell_db=np.zeros_like(sample.swell_db))


def limited_wave(sample: SampleParameters) -> NDArray[np.float32]:
    """The sound of a sample (n,), turned down as a whole where it would clip."""
    out: NDArray[np.float32] = limit(torch.from_numpy(wave_of(sample))[None])[0].numpy()
    return out


def logmels_of(waves: Iterable[NDArray[np.float32]], spec: FeatureSpec) -> NDArray[np.float32]:
    """Waves (n,) -> log-mels (N, M, F) in dB, as of a recording that holds the wave alone."""
    extractor = Extractor(spec, "logmel")
    found = [np.zeros((0, spec.n_mels, spec.n_frames), dtype=np.float32)]
    for wave in waves:
        sound = ArraySamples(wave, spec.sample_rate)
        found.append(next(iter(extractor.frame(sound, None, 0, sound.n_samples))).features[:1])
    return np.concatenate(found)
