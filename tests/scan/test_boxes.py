"""Boxes lie on the call, whatever else is in the sound, and are measured once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.ndimage import uniform_filter
from scipy.signal.windows import hann

from finback.audio.io import blocks, write
from finback.core.errors import AudioError
from finback.scan import box_sound
from finback.scan.box_sound import RollingSpectrogram, grid_of
from finback.scan.box_store import BoxStore
from finback.scan.box_work import Job, bundles, measured
from finback.scan.boxes import Request, measure, measure_in_order
from finback.scan.found_events import Box, FoundEvent
from finback.scan.spans import ScannedFile

RATE = 4000


def noise(seconds: float, rate: int = RATE, sigma: float = 0.01) -> np.ndarray:
    return np.random.default_rng(1).normal(0, sigma, round(seconds * rate))


def upsweep(start_s: float, length_s: float, low: float, high: float, level: float, n: int) -> np.ndarray:
    x, t = np.zeros(n), np.arange(round(length_s * RATE)) / RATE
    phase = 2 * np.pi * (low * t + (high - low) * t**2 / (2 * length_s))
    first = round(start_s * RATE)
    x[first : first + len(t)] = level * np.sin(phase)
    return x


def request(start_s: float, stop_s: float, n: int, **changes: object) -> Request:
    start, stop = round(start_s * RATE), round(stop_s * RATE)
    reach = (max(0, start - RATE), min(n, stop + RATE))
    return replace(Request(RATE, None, start, stop, reach, (), (0, n), 1000.0), **changes)  # type: ignore[arg-type]


def test_the_box_of_an_upsweep_in_noise(tmp_path: Path) -> None:
    x = noise(30)
    write(tmp_path / "a.wav", x + upsweep(12.3, 1.0, 100, 300, 0.02, len(x)), RATE)
    box = measure(str(tmp_path / "a.wav"), request(12, 14, len(x)))
    assert box.low_hz == pytest.approx(100, abs=30)
    assert box.high_hz == pytest.approx(300, abs=30)
    assert box.start / RATE == pytest.approx(12.3, abs=0.1)
    assert box.stop / RATE == pytest.approx(13.3, abs=0.1)


def test_the_snr_is_the_one_that_the_call_was_placed_by(tmp_path: Path) -> None:
    x = noise(30)
    tone = upsweep(12.3, 1.0, 400, 600, 1.0, len(x))
    for wanted in (6.0, 12.0, 20.0):
        in_band = 0.01**2 * 200 / (RATE / 2)
        level = np.sqrt(2 * in_band * 10 ** (wanted / 10))
        write(tmp_path / "a.wav", x + level * tone, RATE)
        box = measure(str(tmp_path / "a.wav"), request(12, 14, len(x)))
        assert box.snr_db == pytest.approx(wanted, abs=2.0)


def test_pulses_and_tones_that_are_always_there_are_no_part_of_a_call(tmp_path: Path) -> None:
    x = noise(40) + 0.05 * np.sin(2 * np.pi * 800 * np.arange(40 * RATE) / RATE)
    for i in range(10):
        x += upsweep(1 + 4 * i, 1.0, 20, 18, 0.1, len(x))
    write(tmp_path / "a.wav", x + upsweep(17.2, 1.0, 150, 300, 0.03, len(x)), RATE)
    box = measure(str(tmp_path / "a.wav"), request(16.5, 18.5, len(x)))
    assert box.low_hz == pytest.approx(150, abs=40)
    assert box.high_hz == pytest.approx(300, abs=40)


def test_a_song_of_many_calls_is_not_its_own_background(tmp_path: Path) -> None:
    x = noise(40)
    places = [2.0 * i for i in range(1, 19)]
    for at in places:
        x += upsweep(at, 1.0, 150, 300, 0.03, len(x))
    write(tmp_path / "a.wav", x, RATE)
    others = tuple((round(at * RATE), round((at + 1) * RATE)) for at in places if at != 20)
    one = request(19.9, 21.1, len(x), others=others, reach=(round(19.8 * RATE), round(21.2 * RATE)))
    box = measure(str(tmp_path / "a.wav"), one)
    assert box.low_hz == pytest.approx(150, abs=40)
    assert box.high_hz == pytest.approx(300, abs=40)


@pytest.mark.parametrize("sound", ["silence", "noise", "short", "full"])
def test_odd_sounds(sound: str, tmp_path: Path) -> None:
    x = {
        "silence": np.zeros(5 * RATE),
        "noise": noise(5),
        "short": noise(0.01),
        "full": np.sin(np.arange(5 * RATE) / 3),
    }[sound]
    write(tmp_path / "a.wav", x, RATE, "FLOAT")
    stop = min(4.0, len(x) / RATE)
    box = measure(str(tmp_path / "a.wav"), request(stop / 2, stop, len(x)))
    assert 0 <= box.start < box.stop <= len(x)
    if sound in ("silence", "short"):
        assert box.low_hz is None
    if box.low_hz is not None and box.high_hz is not None:
        assert 0 <= box.low_hz < box.high_hz <= RATE / 2


def calls(n: int, seconds: float = 200) -> tuple[np.ndarray, list[Request]]:
    """Noise with calls at uneven times, and requests for them in the order of time."""
    x = noise(seconds)
    places = sorted(np.random.default_rng(2).uniform(2, seconds - 4, n))
    for at in places:
        x += upsweep(at, 0.7, 150, 300, 0.03, len(x))
    return x, [request(at - 0.2, at + 1, len(x)) for at in places]


def test_a_box_depends_on_its_event_only(tmp_path: Path) -> None:
    x, requests = calls(25)
    write(tmp_path / "a.flac", x, RATE)
    path = str(tmp_path / "a.flac")
    together = list(measure_in_order(path, requests))
    assert together == [measure(path, each) for each in requests]
    assert together[::-1] == list(measure_in_order(path, requests[::-1]))
    assert together[3::7] == list(measure_in_order(path, requests[3::7]))
    assert len({box.start for box in together if isinstance(box, Box)}) > 20


def test_sound_that_many_events_need_is_analysed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, requests = calls(60)
    write(tmp_path / "a.wav", x, RATE)
    decoded, columns = [0], [0]

    def counted(*arguments: object) -> Iterator[np.ndarray]:
        for block in blocks(*arguments):  # type: ignore[arg-type]
            decoded[0] += len(block)
            yield block

    def transformed(frames: np.ndarray, axis: int) -> np.ndarray:
        columns[0] += len(frames)
        return np.fft.rfft(frames, axis=axis)

    monkeypatch.setattr(box_sound, "blocks", counted)
    monkeypatch.setattr(box_sound.fft, "rfft", transformed)
    list(measure_in_order(str(tmp_path / "a.wav"), requests))
    grid = requests[0].grid
    assert decoded[0] <= len(x)
    assert columns[0] <= 1.03 * grid.n
    decoded[0] = 0
    measure(str(tmp_path / "a.wav"), requests[30])
    assert decoded[0] < 60 * RATE


def test_columns_are_the_power_of_the_sound_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    x = noise(120)
    write(tmp_path / "a.wav", x, RATE, "FLOAT")
    grid = grid_of(RATE, 1000.0, (1234, len(x) - 55))
    sound = RollingSpectrogram(str(tmp_path / "a.wav"), None, grid)
    for first in (0, 300, grid.n - 200):
        pieces = sound.pieces(first, first + 200)
        assert len(sound._pieces) <= 4
        power = np.concatenate([piece.power for piece in pieces])
        smooth = np.concatenate([piece.smooth for piece in pieces])
        at = first + 100 - pieces[0].first
        wanted = []
        for column in range(first + 99, first + 102):
            start = grid.stretch[0] + column * grid.hop
            window = x[start : start + grid.size] * hann(grid.size, sym=False)
            wanted.append(np.abs(np.fft.rfft(window)[1 : grid.n_bins + 1]) ** 2)
        np.testing.assert_allclose(power[at - 1 : at + 2], wanted, rtol=1e-3, atol=1e-8)
        expected = uniform_filter(np.array(wanted), 3, mode="nearest")[1]
        np.testing.assert_allclose(smooth[at], expected, rtol=1e-3, atol=1e-8)
    assert pieces[-1].first + len(pieces[-1].power) == grid.n


def test_damage_far_from_an_event_takes_no_box(tmp_path: Path) -> None:
    x, requests = calls(25)
    bad = (80, 83)
    x[bad[0] * RATE : bad[1] * RATE] = np.nan
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    path = str(tmp_path / "a.wav")
    together = list(measure_in_order(path, requests))
    for one, box in zip(requests, together, strict=True):
        (alone,) = measure_in_order(path, [one])
        assert str(alone) == str(box)
        is_far = one.reach[1] / RATE + 26 < bad[0] or one.reach[0] / RATE - 26 > bad[1]
        assert isinstance(box, Box) or not is_far
    assert {type(box) for box in together} == {Box, AudioError}


def test_bundles_hold_some_minutes_of_sound_in_order() -> None:
    file = ScannedFile("/nowhere/a.wav", 0, 0, "", 48_000, 48_000 * 7200, 1)
    stretch = (0, file.n_samples)
    seconds = np.random.default_rng(0).permutation(np.arange(10, 7190, 5))
    jobs = []
    for at in seconds.tolist():
        a, b = 48_000 * at, 48_000 * (at + 2)
        jobs.append(Job(file, Request(48_000, None, a, b, (a, b), (), stretch, 11_000.0)))
    work = bundles(jobs)
    starts = [job.request.start for bundle in work for _, job in bundle]
    assert starts == sorted(starts)
    assert sorted(i for bundle in work for i, _ in bundle) == list(range(len(jobs)))
    assert 12 <= len(work) <= 14
    assert max(bundle[-1][1].request.stop - bundle[0][1].request.start for bundle in work) < 48_000 * 620
    assert [len(bundle) for bundle in bundles(jobs[:5])] == [5]


def test_a_long_event_is_read_in_blocks(tmp_path: Path) -> None:
    x = noise(400)
    for i in range(300):
        x += upsweep(20 + i, 0.9, 150, 300, 0.03, len(x))
    write(tmp_path / "a.wav", x, RATE)
    box = measure(str(tmp_path / "a.wav"), request(20, 320, len(x)))
    assert box.start / RATE == pytest.approx(20, abs=1)
    assert box.stop / RATE == pytest.approx(320, abs=1)
    assert box.high_hz == pytest.approx(300, abs=40)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "boxes").write_text("a file in its place")
    write(tmp_path / "a.wav", noise(10), RATE)
    status = os.stat(tmp_path / "a.wav")
    file = ScannedFile(str(tmp_path / "a.wav"), status.st_size, status.st_mtime_ns, "", RATE, 10 * RATE, 1)
    event = FoundEvent(file, None, "x", 9000, 12_000, 0.9, 0.9, (8000, 13_000), (0, 40_000))
    found = BoxStore(tmp_path).measured([event], 1000.0)
    assert found.events[0].box is not None
    assert "measured again" in found.notes[0]


def test_a_missing_file_is_asked_for_once() -> None:
    file = ScannedFile("/nowhere/a.wav", 0, 0, "", RATE, 10 * RATE, 1)
    job = Job(file, Request(RATE, None, 0, 10, (0, 10), (), (0, 10), 1000.0))
    reason = "/nowhere/a.wav: No such file or directory"
    assert list(measured(bundles([job, job]))) == [[(0, reason), (1, reason)]]
