"""Small sounds and tables for tests of labels: noise, so that no two files are the same by chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finback.audio.io import write


def sound(
    path: Path, seconds: float = 0.2, rate: int = 2000, seed: int | None = None, channels: int = 1
) -> Path:
    """Write noise; the seed follows from the name unless given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(sum(map(ord, str(path))) if seed is None else seed)
    samples = 0.1 * generator.standard_normal((round(seconds * rate), channels)).clip(-5, 5)
    write(path, samples[:, 0] if channels == 1 else samples, rate)
    return path


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path
