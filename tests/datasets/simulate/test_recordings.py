"""Simulated recordings: calls where the truth table says, at its SNR, and nowhere else."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from soundscapes import contents, table

from finback.audio import io
from finback.audio import timestamps as clock
from finback.datasets.simulate.simulate import RecordingSettings, simulate_recording
from finback.datasets.simulate.snr import active_power, band_power

FOUR = ("Fin whale", "Harp seal", "Killer whale", "North Atlantic right whale")
# Their calls are over in a few seconds, so most stand alone in a recording.
SHORT = (*FOUR, "Bottlenose dolphin", "Bowhead whale", "Humpback whale", "Sei whale", "Sperm whale", "Walrus")


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[dict[str, str]], np.ndarray, np.ndarray, int]:
    """Truth, calls alone and noise alone (n,): the same tape, once with calls and once without."""
    out = tmp_path_factory.mktemp("recordings")
    settings = RecordingSettings(
        minutes=3, calls_per_minute=8, sample_rate=40_000, snr_db=(0, 25), species=SHORT
    )
    truth = table(simulate_recording(out / "with", settings))
    simulate_recording(out / "without", settings.model_copy(update={"calls_per_minute": 0.0}))
    name = "SIM_20260101_000000.wav"
    both, noise = io.read(out / "with" / name), io.read(out / "without" / name)
    return truth, both - noise, noise, 40_000


def test_the_snr_measured_in_a_recording_is_that_of_its_truth_table(
    pair: tuple[list[dict[str, str]], np.ndarray, np.ndarray, int],
) -> None:
    truth, calls, noise, rate = pair
    assert len(truth) == 24
    spans = [(round(float(r["start_s"]) * rate), round(float(r["end_s"]) * rate)) for r in truth]
    alone, errors, noise = 0, [], noise[: 1 << 22]
    for row, (start, stop) in zip(truth, spans, strict=True):
        if sum(s < stop and start < e for s, e in spans) > 1:
            continue  # another call sounds at the same time
        alone += 1
        band = float(row["low_hz"]), float(row["high_hz"])
        ratio = active_power(calls[start:stop], rate, *band) / band_power(noise, rate, *band)
        errors.append(10 * np.log10(ratio) - float(row["snr_db"]))
    assert alone >= 8
    assert np.abs(errors).max() < 0.5, errors


def test_there_is_no_call_outside_the_truth_table(
    pair: tuple[list[dict[str, str]], np.ndarray, np.ndarray, int],
) -> None:
    truth, calls, _, rate = pair
    starts = [float(r["start_s"]) for r in truth]
    assert starts == sorted(starts)
    outside = np.ones(len(calls), dtype=bool)
    for row in truth:
        outside[round(float(row["start_s"]) * rate) : round(float(row["end_s"]) * rate)] = False
    assert outside.any()
    assert np.abs(calls[outside]).max() == 0
    assert np.abs(calls).max() > 0


def test_a_recording_says_when_it_began_and_is_as_long_as_asked(tmp_path: Path) -> None:
    start = datetime(2024, 6, 30, 23, 59, 58, tzinfo=UTC)
    settings = RecordingSettings(minutes=0.2, start=start, sample_rate=2000, suffix=".flac")
    truth = simulate_recording(tmp_path / "a", settings)
    path = tmp_path / "a" / "SIM_20240630_235958.flac"
    assert clock.start_time(path) == start
    info = io.probe(path)
    assert (info.sample_rate, info.n_samples) == (2000, 24_000)
    assert {r["file"] for r in table(truth)} <= {path.name}
    before = contents(tmp_path)
    assert simulate_recording(tmp_path / "a", settings) == truth
    assert contents(tmp_path) == before
    simulate_recording(tmp_path / "b", settings)
    assert contents(tmp_path / "b") == contents(tmp_path / "a")


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 10):
        settings = RecordingSettings(minutes=minutes, species=("Fin whale",), sample_rate=8000)
        tracemalloc.start()
        simulate_recording(tmp_path / str(minutes), settings)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 8000 * 60 * 10 * 4 / 2, "less than half of the samples, let alone all"
