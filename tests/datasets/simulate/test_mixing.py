"""Calls laid on a tape: place, level, pieces of long calls, block by block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.datasets.simulate.mixing import PlacedCall, SimulatedCall, mix_calls, place_call
from finback.datasets.simulate.snr import snr_db
from finback.datasets.simulate.tape import Resonance, TapeModel

TAPE = TapeModel(sample_rate=2000, low_cut_hz=5, high_cut_hz=900, level_dbfs=-40)
FIN = SimulatedCall("Fin whale", np.random.SeedSequence(1), 10_000)


def test_a_call_gets_the_snr_that_was_asked_for() -> None:
    call = FIN.received(TAPE)
    noise = np.concatenate(list(TAPE.noise(np.random.SeedSequence(2), 0, 600 * 2000)))
    for wanted in (-10.0, 0.0, 15.0):
        event = place_call(FIN, TAPE, call, 100, wanted, headroom=1.0)
        assert (event.start, event.stop, event.snr_db) == (100, 100 + len(call), wanted)
        assert snr_db(event.gain * call, noise, 2000) == pytest.approx(wanted, abs=0.5)


def test_a_call_that_does_not_fit_is_softer_and_its_event_has_the_lower_snr() -> None:
    call = FIN.received(TAPE)
    wide = place_call(FIN, TAPE, call, 5, 20.0, headroom=1.0)
    tight = place_call(FIN, TAPE, call, 5, 20.0, headroom=wide.peak / 2)
    assert np.abs(wide.gain * call).max() == pytest.approx(wide.peak)
    assert tight.peak == pytest.approx(wide.peak / 2)
    assert tight.gain == pytest.approx(wide.gain / 2)
    assert tight.snr_db == pytest.approx(20 - 6.02, abs=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_a_piece_of_a_long_call_is_never_silence(seed: int) -> None:
    simulated = SimulatedCall("Minke whale", np.random.SeedSequence(seed), 1000)
    piece = simulated.received(TAPE)
    assert len(piece) == 1000
    assert np.abs(piece).max() > 0.1
    assert np.array_equal(piece, simulated.received(TAPE))


def test_a_piece_is_cut_from_the_call_without_a_click() -> None:
    """Filtering the piece with its surroundings gives what cutting the filtered call gives."""
    humming = replace(TAPE, resonances=(Resonance(18, 20, 0.4),))  # rings on for long
    piece = SimulatedCall("Blue whale", np.random.SeedSequence(4), 3000).received(humming)
    whole = SimulatedCall("Blue whale", np.random.SeedSequence(4), 10**6).received(humming)
    match = np.correlate(whole.astype(np.float64), piece.astype(np.float64), "valid")
    at = int(np.argmax(match))
    assert np.abs(whole[at : at + 3000] - piece).max() < 0.05 * np.abs(piece).max()


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.lists(st.integers(0, 2500), max_size=5))
@settings(max_examples=25, deadline=None)
def test_mixing_in_blocks_is_mixing_at_once(lengths: list[int], starts: list[int]) -> None:
    total = sum(lengths)
    simulated = SimulatedCall("Fin whale", FIN.seed, 1500)
    calls = simulated.received(TAPE)
    events = [PlacedCall(simulated, s, s + len(calls), 0.5, 0.5, 16, 26, 0.0) for s in sorted(starts)]
    expected = np.zeros(total + 10_000, np.float32)
    for event in events:
        expected[event.start : event.stop] += np.float32(0.5) * calls
    blocks = [np.zeros(n, np.float32) for n in lengths]
    mixed = np.concatenate(list(mix_calls(blocks, events, TAPE)))
    assert np.allclose(mixed, expected[:total], atol=1e-6)


def test_a_row_of_truth() -> None:
    event = PlacedCall(FIN, 500, 2500, 0.5, 0.5, 16.123, 26.0, 9.999)
    assert event.row("a.wav", 2000) == (
        "a.wav",
        "0.250000",
        "1.250000",
        "Fin whale",
        "16.12",
        "26.00",
        "10.00",
    )
