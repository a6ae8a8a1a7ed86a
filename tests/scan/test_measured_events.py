"""Events of a journal with their boxes: measured once, kept, and joined."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scanned import scanned

from finback.audio.io import write
from finback.scan.detections import detections, joined
from finback.scan.event_settings import ContextRule, EventSettings
from finback.scan.found_events import FoundEvent
from finback.scan.journal import Journal
from finback.scan.spans import ScannedFile


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
    monkeypatch.setattr("finback.scan.box_work.BUNDLE_EVENTS", 1)
    monkeypatch.setattr("finback.scan.box_work.FEWEST_BUNDLES", 1)
    two = detections(site(), EventSettings(), Same(0.9), workers=2).events
    for path in (tmp_path / "j" / "boxes").iterdir():
        path.unlink()
    assert detections(site(), EventSettings(), Same(0.9), workers=1).events == two


def test_a_damaged_file_of_boxes_is_not_used(site: Callable[[], Journal], tmp_path: Path) -> None:
    first = detections(site(), EventSettings(), Same(0.9)).events
    for path in (tmp_path / "j" / "boxes").iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    assert detections(site(), EventSettings(), Same(0.9)).events == first


def test_joined_events_have_the_whole_reach() -> None:
    file = ScannedFile("a", 0, 0, "", 1000, 10_000, 1)
    one = FoundEvent(file, None, "x", 1000, 2000, 0.9, 0.8, (500, 2200), (0, 9000), ((2500, 3000),))
    two = FoundEvent(file, None, "x", 2500, 3000, 0.7, 0.5, (2200, 3400), (0, 9000), ((1000, 2000),))
    (both,) = joined([one, two], 0.6)
    assert (both.start, both.stop, both.score, both.reach, both.others) == (1000, 3000, 0.9, (500, 3400), ())
    assert both.mean_score == pytest.approx(0.7)
    assert joined([one, two], 0.4) == [one, two]
