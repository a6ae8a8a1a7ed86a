"""Landmarks: they stay when a sound is changed, and lead to the clip and the place it came from."""

from __future__ import annotations

import numpy as np
import pytest

from finback.data.audit.landmarks import HOP, MIN_AGREEING, SHIFTS, Index, Landmarks, landmarks


def noise(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def marks(*waves: np.ndarray) -> list[list[Landmarks]]:
    return [[landmarks(w, 0.9, shift) for shift in SHIFTS] for w in waves]


def as_set(m: Landmarks) -> set[tuple[int, int]]:
    return set(zip(m.hashes.tolist(), m.frames.tolist(), strict=True))


def test_gain_changes_no_landmark() -> None:
    x = noise(16_000, 0)
    assert as_set(landmarks(x, 0.9)) == as_set(landmarks(x * np.float32(0.01), 0.9))


def test_a_cut_by_whole_frames_only_shifts_them() -> None:
    x = noise(16_000, 0)
    whole, cut = as_set(landmarks(x, 0.9)), as_set(landmarks(x[20 * HOP :], 0.9))
    moved = {(h, t + 20) for h, t in cut}
    assert len(moved & whole) > 0.8 * len(cut)


def test_a_narrower_band_keeps_those_below() -> None:
    x = noise(16_000, 0)
    half, full = as_set(landmarks(x, 0.45)), as_set(landmarks(x, 0.9))
    assert len(half & full) > 0.5 * len(half)


@pytest.mark.parametrize("start", [0, 3000, 40 * HOP + HOP // 2])
def test_a_query_finds_its_clip_and_its_place(start: int) -> None:
    waves = sorted([noise(n, n) for n in range(15_000, 24_000, 1000)], key=len)
    query = waves[5][start : start + 6000]
    made = marks(query, *waves)
    index = Index([m[0] for m in made])
    (found, *_) = index.candidates(0, made[0])
    assert found.other == 6
    assert abs(found.lag - start) <= HOP
    assert found.agreeing > 3 * MIN_AGREEING


def test_framing_a_query_twice_helps_copies_that_begin_between_frames() -> None:
    x = noise(16_000, 0)
    made = marks(x[40 * HOP + HOP // 2 :][:6000], x)
    index = Index([m[0] for m in made])
    twice = index.candidates(0, made[0])[0].agreeing
    once = index.candidates(0, [made[0][0], made[0][0]])[0].agreeing
    assert twice > 1.5 * once


def test_silence_and_clips_too_short_have_no_landmarks() -> None:
    assert len(landmarks(np.zeros(8000, np.float32), 0.9).hashes) == 0
    assert len(landmarks(noise(20, 0), 0.9).hashes) < 100
    assert Index([]).candidates(0, [Landmarks(np.zeros(0, np.int32), np.zeros(0, np.int32))] * 2) == []
