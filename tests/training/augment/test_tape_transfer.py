"""Tape transfer: clips get the spectral difference of two tapes, and nothing of the animal."""

from __future__ import annotations

import numpy as np
import pytest

from finback.training.augment import tape_transfer

N_MELS, N_FRAMES = 6, 8


def recorded(tape: np.ndarray, call: np.ndarray, level: float = 0.0) -> np.ndarray:
    """A log-mel (1, M, F): the curve (M,) of a tape plus a call (F,) and a level, in dB."""
    return (tape[:, None] + call[None, :] + level)[None]


@pytest.fixture
def curves() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 6, (3, N_MELS))


@pytest.fixture
def known(curves: np.ndarray) -> tape_transfer.GroupProfiles:
    """Species 0 on tapes 0 and 1, species 1 on tape 2 alone; each at another level."""
    call = np.zeros(N_FRAMES)
    x = np.concatenate([recorded(curve, call, 10.0 * i) for i, curve in enumerate(curves)])
    return tape_transfer.GroupProfiles.of(x, np.array([0, 1, 2]), np.array([0, 0, 1]))


def test_only_tapes_of_one_species_are_compared(known: tape_transfer.GroupProfiles) -> None:
    assert known.pairs.tolist() == [[0, 1], [1, 0]]
    lonely = tape_transfer.GroupProfiles(known.spectra[1:], known.floors[1:], known.species[1:])
    still = tape_transfer.draw(np.random.default_rng(0), lonely, 3)
    assert not still.difference.any()
    assert np.isneginf(still.floor).all()


def test_a_clip_transferred_to_another_tape_has_its_spectrum(
    known: tape_transfer.GroupProfiles, curves: np.ndarray
) -> None:
    call = np.r_[np.zeros(N_FRAMES // 2), np.full(N_FRAMES // 2, 40.0)]  # loud enough to hide any floor
    there, wanted = (recorded(curves[i], call) for i in (0, 1))
    move = tape_transfer.Move(known.spectra[[1]] - known.spectra[[0]], np.full((1, N_MELS), -np.inf))
    moved = tape_transfer.apply(there, move)
    apart = (moved - wanted)[0]
    assert apart == pytest.approx(np.full_like(apart, apart[0, 0]), abs=1e-4)  # but for the level
    assert np.ptp((there - wanted)[0]) > 1


def test_the_noise_floor_of_the_other_tape_is_added_as_power() -> None:
    quiet = np.zeros((1, N_MELS, N_FRAMES))
    move = tape_transfer.Move(np.zeros((1, N_MELS)), np.r_[0.0, 20.0, np.full(N_MELS - 2, -np.inf)][None])
    found = tape_transfer.apply(quiet, move)
    assert found[0, 0] == pytest.approx(10 * np.log10(2))
    assert found[0, 1] == pytest.approx(10 * np.log10(1 + 100))
    assert found[0, 2:] == pytest.approx(0.0)
    assert tape_transfer.apply(quiet, move, top_db=5.0)[0, 2:] == pytest.approx(10 * np.log10(101) - 5)


def test_the_floor_is_that_of_the_quietest_quarter(curves: np.ndarray) -> None:
    call = np.r_[np.full(N_FRAMES - 2, 30.0), -30.0, -30.0]  # two of eight frames
    x = recorded(curves[0], call)
    found = tape_transfer.GroupProfiles.of(x, np.array([0]), np.array([0]))
    assert found.floors[0] == pytest.approx(curves[0] - 30 - x.mean())


def test_the_same_draw_again_and_a_share_that_is_not_transferred(known: tape_transfer.GroupProfiles) -> None:
    one, again = (tape_transfer.draw(np.random.default_rng(5), known, 400, share=0.25) for _ in range(2))
    assert np.array_equal(one.difference, again.difference)
    moved = np.isfinite(one.floor).all(axis=1)
    assert 0.15 < moved.mean() < 0.35
    assert np.array_equal(moved, one.difference.any(axis=1))


def test_species_are_drawn_equally_often_however_many_tapes_they_have() -> None:
    profiles = np.arange(7.0)[:, None] ** 3 * np.ones((7, N_MELS))  # every difference is another
    known = tape_transfer.GroupProfiles(profiles, np.zeros((7, N_MELS)), np.array([0, 0, 1, 1, 1, 1, 1]))
    drawn = tape_transfer.draw(np.random.default_rng(1), known, 4000).difference[:, 0]
    assert np.mean(np.abs(drawn) == 1.0) == pytest.approx(0.5, abs=0.04)  # the two tapes of species 0
