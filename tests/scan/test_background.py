"""A background class end to end: a soundscape gives the labels, the scan never reports the class."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.datasets.simulate.soundscape import Soundscape, SoundscapeSettings, simulate_soundscape
from finback.scan.event_settings import EventSettings
from finback.scan.events import find_events
from finback.scan.scan import scan
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

SPECIES = ("Killer whale", "North Atlantic right whale")


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Soundscape:
    settings = {
        "minutes": 1, "tapes": 4, "sample_rate": 40_000, "species": SPECIES, "calls_per_hour": 300,
        "window_s": 1.0, "apart": True, "snr_db": [12, 18],
    }  # fmt: skip
    return simulate_soundscape(
        tmp_path_factory.mktemp("sea") / "sea", build(SoundscapeSettings, settings), None, None
    )


def test_a_soundscape_trains_a_background_class_that_the_scan_never_reports(
    sea: Soundscape, tiny: str, tmp_path: Path
) -> None:
    settings = resolve(tiny, ["training.refit=false"], "cnn2d", split={"fractions": (0.75, 0.25, 0.0)})
    data = prepare_request(IndexRequest(audio=sea.audio, labels=sea.labels), settings.rare)
    assert data.n_groups == 4, "simulated animals and noise differ, so every tape is a group"
    run = train(Plan("cnn2d", settings, 0, "cpu"), data, tmp_path / "run")
    assert set(RunFolder.open(run.path).info.labels) == {*SPECIES, "background"}
    done = scan(run.path, sea.audio, tmp_path / "scan", workers=1)
    sounds = list(done.journal.sounds())
    assert len(sounds) == 4
    k = sounds[0].labels.index("background")
    assert any((sound.logits.argmax(axis=1) == k).any() for sound in sounds), "it is heard"
    for method in ("boxes", "hysteresis", "windows"):
        chosen = build(EventSettings, {"method": method, "lowest": 0.01})
        found = {e.label for sound in sounds for e in find_events(sound, chosen)}
        assert found <= set(SPECIES)
