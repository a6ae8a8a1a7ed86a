"""Boxes lie on the call, whatever else is in the sound, and are measured once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scanned import scanned

from finback.audio.io import write
from finback.scan.box_store import BoxStore, measure_all
from finback.scan.boxes import Request, measure
from finback.scan.detections import detections, joined
from finback.scan.event_settings import ContextRule, EventSettings
from finback.scan.found_events import FoundEvent
from finback.scan.journal import Journal
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


def test_a_long_event_is_read_in_blocks(tmp_path: Path) -> None:
    x = noise(400)
    for i in range(300):
        x += upsweep(20 + i, 0.9, 150, 300, 0.03, len(x))
    write(tmp_path / "a.wav", x, RATE)
    box = measure(str(tmp_path / "a.wav"), request(20, 320, len(x)))
    assert box.start / RATE == pytest.approx(20, abs=1)
    assert box.stop / RATE == pytest.approx(320, abs=1)
    assert box.high_hz == pytest.approx(300, abs=40)


@pytest.fixture
def site(tmp_path: Path) -> Callable[[], Journal]:
    """A journal of a real file: three calls, each in two windows, and one that no window heard well."""
    path = str(tmp_path / "site" / "a.wav")
    rate, n = 1000, 40
    x = np.random.default_rng(0).normal(0, 0.01, (n + 1) * rate)
    logits = np.zeros((n, 2))
    logits[:, 1] = -5
    for at in (5, 15, 25):
        x[at * rate : (at + 1) * rate] += 0.05 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
        logits[[at - 1, at], 1] = 4
    logits[33, 1] = 0.5
    Path(path).parent.mkdir()
    write(path, x, rate)
    status = os.stat(path)
    file = ScannedFile(path, status.st_size, status.st_mtime_ns, "d", rate, len(x), 1)
    scanned(tmp_path / "j", {path: logits}, labels=("noise", "Fin whale"), files={path: file})
    return lambda: Journal.read(tmp_path / "j")


class Same:
    def __init__(self, value: float) -> None:
        self.value = value

    def of(self, path: str) -> list[float]:
        return [self.value, self.value]


def test_boxes_are_kept_for_the_next_time(site: Callable[[], Journal]) -> None:
    first = detections(site(), EventSettings(), Same(0.9))
    assert [e.label for e in first.events] == ["Fin whale"] * 3
    assert first.called == ("Fin whale",)
    for event, at in zip(first.events, (5, 15, 25), strict=True):
        assert event.box is not None
        assert event.box.low_hz == pytest.approx(200, abs=30)
        assert event.extent[0] / 1000 == pytest.approx(at, abs=0.2)
        assert event.extent[1] / 1000 == pytest.approx(at + 1, abs=0.2)
    path = Path(first.events[0].file.path)
    path.rename(path.with_name("moved.wav"))
    again = detections(site(), EventSettings(), Same(0.9))
    assert again.events == first.events
    assert not again.notes
    more = detections(site(), EventSettings(), Same(0.3))
    assert more.events[:3] == first.events
    assert more.events[3].box is None
    assert "1 event has no measured box" in more.notes[0]
    assert "moved.wav" not in more.notes[0]
    path.with_name("moved.wav").rename(path)
    path.write_bytes(path.read_bytes() + b"  ")
    assert "changed since the scan" in detections(site(), EventSettings(), Same(0.3)).notes[0]


def test_a_threshold_changes_no_box(site: Callable[[], Journal], tmp_path: Path) -> None:
    low = detections(site(), EventSettings(), Same(0.1)).events
    for path in (tmp_path / "j" / "boxes").iterdir():
        path.unlink()
    assert detections(site(), EventSettings(), Same(0.9)).events == [e for e in low if e.score >= 0.9]


def test_durations_and_context(site: Callable[[], Journal]) -> None:
    assert len(detections(site(), EventSettings(min_duration_s=1.5), Same(0.9)).events) == 0
    assert len(detections(site(), EventSettings(max_duration_s=1.5), Same(0.9)).events) == 3
    rule = ContextRule(least=4, within_s=60)
    found = detections(site(), EventSettings(context=rule), Same(0.9))
    assert (found.events, found.notes) == ([], ("3 of 3 events left out by the rule of context",))
    assert len(detections(site(), EventSettings(join_gap_s=20), Same(0.9)).events) == 1


def test_events_across_processes_are_the_same(
    site: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("finback.scan.box_store.BUNDLE", 1)
    two = detections(site(), EventSettings(), Same(0.9), workers=2).events
    for path in (tmp_path / "j" / "boxes").iterdir():
        path.unlink()
    assert detections(site(), EventSettings(), Same(0.9), workers=1).events == two


def test_a_damaged_file_of_boxes_is_not_used(site: Callable[[], Journal], tmp_path: Path) -> None:
    first = detections(site(), EventSettings(), Same(0.9)).events
    for path in (tmp_path / "j" / "boxes").iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    assert detections(site(), EventSettings(), Same(0.9)).events == first


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
    job = (file, Request(RATE, None, 0, 10, (0, 10), (), (0, 10), 1000.0))
    assert measure_all([job, job]) == ["/nowhere/a.wav: No such file or directory"] * 2


def test_joined_events_have_the_whole_reach() -> None:
    file = ScannedFile("a", 0, 0, "", 1000, 10_000, 1)
    one = FoundEvent(file, None, "x", 1000, 2000, 0.9, 0.8, (500, 2200), (0, 9000), ((2500, 3000),))
    two = FoundEvent(file, None, "x", 2500, 3000, 0.7, 0.5, (2200, 3400), (0, 9000), ((1000, 2000),))
    (both,) = joined([one, two], 0.6)
    assert (both.start, both.stop, both.score, both.reach, both.others) == (1000, 3000, 0.9, (500, 3400), ())
    assert both.mean_score == pytest.approx(0.7)
    assert joined([one, two], 0.4) == [one, two]
