"""Faults of cells: what a recorder or a person did to the sound, and nothing that the sea does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.audio import io
from finback.audio.faults import LEFT_OUT, Fault, faults_of
from finback.core.errors import AudioError

RATE = 48_000


def noise(n: int = RATE, level: float = 0.02, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, n).astype(np.float32)


def sixteen_bits(x: np.ndarray) -> np.ndarray:
    return (np.round(x * 32768) / 32768).clip(-1, 1 - 1 / 32768).astype(np.float32)


def sine(hz: float, amplitude: float, rate: int = RATE) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).astype(np.float32)


@pytest.mark.parametrize("value", [0.0, 0.25, -1.0, 1e-6])
@pytest.mark.parametrize("n", [1, 5, 17, 48_000, 62_400])
def test_one_value_throughout_is_silence(value: float, n: int) -> None:
    assert faults_of(np.full(n, value, dtype=np.float32), RATE) == Fault.SILENT


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3, 1, 3, 10, 300])
@pytest.mark.parametrize("rate", [50, 2000, 48_000, 384_000])
def test_a_quiet_recording_of_16_bits_is_sound(level: float, rate: int) -> None:
    """Noise whose deviation is a part of the last bit, or a few bits, has runs of one value."""
    x = sixteen_bits(noise(2 * rate, level / 32768))
    assert faults_of(x, rate) == (Fault.SILENT if x.min() == x.max() else Fault.NONE)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.95])
@pytest.mark.parametrize("value", [0.0, 0.011, -0.02])
@pytest.mark.parametrize("pieces", [1, 5])
def test_missing_samples_are_a_dropout(share: float, value: float, pieces: int) -> None:
    """Zeros, or the last value over and over, in one piece or in several of some tens of milliseconds."""
    x = sixteen_bits(noise())
    for start in range(1000, RATE, RATE // pieces):
        x[start : start + int(share * RATE / pieces)] = value
    assert faults_of(x, RATE) == Fault.DROPOUT


def test_a_short_gap_costs_no_cell() -> None:
    x = noise()
    x[5000:8000] = 0
    assert faults_of(x, RATE) == Fault.NONE


@pytest.mark.parametrize("hz", [7, 20, 400, 3000])
@pytest.mark.parametrize("scale", [1.0, 0.3, 9000.0])
def test_flat_peaks_are_clipped_at_any_scale(hz: float, scale: float) -> None:
    x = (sine(hz, 1.6) + noise(level=0.01)).clip(-1, 1) * np.float32(scale)
    assert faults_of(x, RATE) & LEFT_OUT == Fault.CLIPPED
    assert faults_of(x.clip(-scale, scale / 2), RATE) & LEFT_OUT == Fault.CLIPPED  # one side more


@pytest.mark.parametrize("x", [sine(20, 1.0), sine(1000, 0.99997), noise(level=0.25).clip(-1, 1)])
def test_loud_sound_is_not_clipped(x: np.ndarray) -> None:
    assert faults_of(sixteen_bits(x), RATE) == Fault.NONE


def test_an_offset_is_named_and_heard() -> None:
    assert faults_of(noise() + np.float32(0.2), RATE) == Fault.OFFSET
    assert not LEFT_OUT & Fault.OFFSET
    assert faults_of(noise() + np.float32(0.01), RATE) == Fault.NONE
    assert faults_of(5000 + 900 * noise(level=1.0), RATE) == Fault.NONE  # its full scale is not known


@given(n=st.integers(1, 300), rate=st.sampled_from([10, 50, 1000, 48_000]), level=st.floats(1e-6, 1e4))
def test_short_cells_are_judged(n: int, rate: int, level: float) -> None:
    assert not faults_of(noise(n, level, n), rate) & Fault.DROPOUT


@pytest.mark.real
def test_real_recordings_are_sound(real_data: Path) -> None:
    """All cells of all recordings: two files that their authors clipped, and digital silence before cuts."""
    found: Counter[str] = Counter()
    n_cells = 0
    for path in sorted(p for p in real_data.rglob("*") if p.suffix.lower() in io.SUFFIXES):
        try:
            info = io.probe(path)
            for i, x in enumerate(io.blocks(path, max(1, int(1.3 * info.sample_rate)), channel=0)):
                n_cells += 1
                found[path.name] += bool(LEFT_OUT & faults_of(x, info.sample_rate))
                if i > 20:
                    break
        except AudioError:
            continue
    assert n_cells > 7000
    flagged = {name: n for name, n in found.items() if n}
    assert sum(flagged.values()) < 0.006 * n_cells, flagged
    silent = [name for name in flagged if not name.startswith(("lowfreq", "highfreq", "live000"))]
    assert len(silent) <= 16, silent
