"""Sounds of every kind that libsndfile writes, for tests that damage them."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000
N = 3_000
CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "MP3", "OGG")
# libsndfile 1.2 cannot read what it wrote (DWVW), or makes another sound each time.
LEFT_OUT = {("AIFF", "DWVW_12"), ("AIFF", "DWVW_16"), ("AIFF", "DWVW_24"), ("WAV", "MPEG_LAYER_III")}
LOSSY = ("MP3", "OGG")
HEADER_BYTES = {"WAV": 44, "WAVEX": 80, "RF64": 104, "W64": 104, "AIFF": 54, "AU": 24, "CAF": 80, "FLAC": 42}

Kind = tuple[str, str, int]  # container, subtype, channels


@cache
def content(container: str, subtype: str, n_channels: int, n: int = N, seed: int = 0) -> bytes:
    """A tone in noise as a file; written in blocks, since libsndfile dies of long arrays to OGG."""
    t = np.arange(n)[:, None] / RATE
    tones = 0.3 * np.sin(2 * np.pi * 700 * np.arange(1, n_channels + 1) * t)
    x = tones + np.random.default_rng(seed).normal(0, 0.02, (n, n_channels))
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, n_channels, subtype, format=container) as sound:
        for at in range(0, n, 1000):
            sound.write(x[at : at + 1000])
    return file.getvalue()


def _kinds() -> list[Kind]:
    found = []
    for container in CONTAINERS:
        for subtype in soundfile.available_subtypes(container):
            for n_channels in (1, 2):
                try:
                    content(container, subtype, n_channels, 10)
                except soundfile.LibsndfileError:
                    continue
                if (container, subtype) not in LEFT_OUT:
                    found.append((container, subtype, n_channels))
    return found


KINDS = _kinds()


def tolerance(container: str) -> float:
    """How much the decoder's rounding may differ: nothing without loss."""
    return 1e-6 if container in LOSSY else 0


def put(path: Path, data: bytes) -> Path:
    """Write a file again."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    return path
