"""Quality: each fault made on purpose is seen, and sound recordings raise no flag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.audio import io
from finback.audio.resample import resample
from finback.data.audit.quality import Quality, bandwidth, flags, measure

RATE = 16_000


def noise(seconds: float = 2.0, level: float = 0.05, rate: int = RATE, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(int(seconds * rate))).astype(np.float32)


def test_sound_noise_raises_no_flag() -> None:
    quality = measure(noise(), RATE)
    assert flags(quality) == {}
    assert quality.bandwidth_hz == RATE / 2
    assert quality.level_dbfs == pytest.approx(20 * np.log10(0.05), abs=0.2)
    assert quality.noise_floor_dbfs == pytest.approx(20 * np.log10(0.05), abs=1)
    assert (quality.dropouts, quality.clipped_share, quality.silent_share) == (0, 0, 0)


def test_silence() -> None:
    assert list(flags(measure(np.zeros(RATE, np.float32), RATE))) == ["silent"]
    assert list(flags(measure(np.full(RATE, 0.25, np.float32), RATE))) == ["silent"]  # only an offset
    half = np.concatenate([noise(), np.zeros(3 * RATE, np.float32)])
    assert "mostly_silent" in flags(measure(half, RATE))


def test_noise_floor_is_that_of_the_pauses() -> None:
    x = noise(4, 0.001)
    burst = noise(1, 0.3, seed=1)
    x[RATE : 2 * RATE] += burst - burst.mean()
    quality = measure(x, RATE)
    assert quality.noise_floor_dbfs == pytest.approx(-60, abs=1)
    assert quality.level_dbfs > -20


def test_clipping_at_full_scale_and_below() -> None:
    loud = np.clip(1.2 * np.sin(np.arange(2 * RATE) * 0.05), -1, 1).astype(np.float32)
    assert measure(loud, RATE).clipped_share > 0.02
    assert "clipped" in flags(measure(loud * np.float32(0.3), RATE))
    lopsided = np.minimum(np.sin(np.arange(2 * RATE) * 0.05), 0.9).astype(np.float32)
    assert "clipped" in flags(measure(lopsided, RATE))


def test_offset() -> None:
    quality = measure(noise() + np.float32(0.05), RATE)
    assert quality.dc == pytest.approx(0.05, abs=1e-3)
    assert "+0.050" in flags(quality)["offset"]
    assert quality.level_dbfs == pytest.approx(20 * np.log10(0.05), abs=0.2)  # of the sound, not the offset


def test_dropouts_are_gaps_inside_sound() -> None:
    x = noise()
    x[5000:5400] = 0
    x[9000:9400] = 0
    x[12_000:12_010] = 0  # 0.6 ms: chance, not a gap
    x[:800] = 0  # a late start
    x[-800:] = 0
    quality = measure(x, RATE)
    assert quality.dropouts == 2
    assert "2 gaps" in flags(quality)["dropouts"]
    quiet = np.round(noise(level=2e-5) * 32768).astype(np.float32) / 32768
    assert measure(quiet, RATE).dropouts == 0  # less than a bit of noise is often zero


def test_upsampled_recordings_have_a_cliff() -> None:
    x = np.round(resample(noise(rate=8000), 8000, 48_000) * 32768).astype(np.float32) / 32768
    assert bandwidth(x, 48_000) == pytest.approx(4000, rel=0.08)
    assert "no energy above" in flags(measure(x, 48_000))["narrow_band"]


def test_a_spectrum_that_merely_falls_has_no_cliff() -> None:
    brown = np.cumsum(noise(4))
    brown = (brown - brown.mean()) / np.abs(brown).max()
    assert bandwidth(brown.astype(np.float32), RATE) == RATE / 2


def test_one_line_above_the_cliff_is_sound() -> None:
    x = resample(noise(rate=8000), 8000, 48_000)
    x += 0.05 * np.sin(2 * np.pi * 17_000 / 48_000 * np.arange(len(x))).astype(np.float32)
    assert bandwidth(x, 48_000) > 16_000


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 3000), rate=st.sampled_from([10, 200, 8000, 500_000]), seed=st.integers(0, 9))
def test_any_clip_gives_finite_numbers(n: int, rate: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(n) * 10.0 ** rng.integers(-8, 1)).astype(np.float32)
    quality = measure(x, rate)
    assert all(np.isfinite(v) for v in quality.to_json().values())
    assert 0 < quality.bandwidth_hz <= rate / 2
    assert 0 <= quality.clipped_share <= 1
    assert isinstance(quality, Quality)


def test_gain_changes_the_levels_and_nothing_else() -> None:
    one, half = measure(noise(), RATE), measure(noise() * np.float32(0.5), RATE)
    assert one.level_dbfs - half.level_dbfs == pytest.approx(6.02, abs=0.01)
    assert one.bandwidth_hz == half.bandwidth_hz


def test_real_cuts_are_mostly_sound(watkins: Path) -> None:
    """Cuts at the tape's own rate reach its top; one that was resampled to 22,050 Hz does not."""
    found = {}
    for name in ("54024001", "6102500A", "segment-minke-whale-0696"):
        path = watkins / "audio" / f"{name}.flac"
        found[name] = flags(measure(io.read(path), io.probe(path).sample_rate))
    assert "narrow_band" in found["segment-minke-whale-0696"]
    assert not found["54024001"]
