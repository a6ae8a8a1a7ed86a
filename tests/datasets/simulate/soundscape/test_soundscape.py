"""Soundscapes: true SNR, true extents, the same bytes, bounded memory, and errors before any work."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from soundscapes import TWO, clip_of, contents, made, noise_folder, plan, table

from finback.audio import io
from finback.audio.io import open_recording
from finback.core.errors import InputError, SettingsError
from finback.data.formats.load import written_formats
from finback.data.formats.raven import read as read_raven
from finback.data.index import IndexRequest, index
from finback.datasets.simulate.snr import active_power, band_power
from finback.datasets.simulate.soundscape import find_noise
from finback.datasets.simulate.soundscape.plan import mixed


def test_a_call_has_the_snr_of_the_truth_in_its_band_against_the_noise_there() -> None:
    tape, pool = plan(calls_per_hour=600, snr_db=[0, 6, 12])
    with_calls = np.concatenate(list(mixed(tape, pool, 10_000)))[:, 0]
    noise = tape.beds[0].read(0, tape.n_samples) * np.float32(tape.level)
    alone = [one for one in tape.calls if not one.overlaps]
    assert len(alone) >= 3
    for one in alone:
        call = (with_calls - noise)[one.first : one.last]
        low, high = one.call.low_hz, one.call.high_hz
        pad = max(0, 2000 * 2 - len(call)) // 2
        n = band_power(noise[max(0, one.first - pad) : one.last + pad], 2000, low, high)
        measured = 10 * np.log10(active_power(call, 2000, low, high) / n)
        # Rounding to 16 bits is part of the noise, and low bands are measured over more than 2 s.
        assert measured == pytest.approx(one.snr_db, abs=3)
    assert {one.snr_db for one in tape.calls} == {0.0, 6.0, 12.0}


def test_the_same_settings_give_the_same_bytes_and_are_kept(tmp_path: Path) -> None:
    first = made(tmp_path / "a", tapes=2)
    again = made(tmp_path / "b", tapes=2)
    assert contents(first.folder) == contents(again.folder)
    tape = next(first.audio.iterdir())
    before = tape.stat().st_mtime_ns
    assert made(tmp_path / "a", tapes=2) == first
    assert tape.stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"settings \(snr_db: .* now; seed: 0 there, 1 now\)"):
        made(tmp_path / "a", tapes=2, seed=1, snr_db=[3])


def test_the_truth_is_there_in_every_format(tmp_path: Path) -> None:
    found = made(tmp_path / "s", tapes=2, snr_db=[6])
    rows = table(found.truth)
    for name in written_formats():
        assert list((found.folder / "tables" / name).iterdir()), name
    (lot,) = (found.folder / "tables" / "raven").glob("all*")
    events = read_raven(lot).events
    assert [e.label for e in events] == [row["species"] for row in rows]
    for event, row in zip(events, rows, strict=True):
        assert event.start_s == pytest.approx(float(row["start_s"]), abs=1e-3)


def test_an_interrupted_soundscape_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = made(tmp_path / "a", tapes=2)
    want = contents(whole.folder)
    (whole.folder / "truth.csv").unlink()
    next(iter(sorted(whole.audio.iterdir()))).unlink()
    made(tmp_path / "a", tapes=2)
    assert contents(whole.folder) == want


def test_one_more_species_does_not_change_the_others(tmp_path: Path) -> None:
    few, more = made(tmp_path / "a"), made(tmp_path / "b", species=[*TWO, "Sei whale"])
    rows = [{k: v for k, v in r.items() if k != "overlaps"} for r in table(few.truth)]
    others = [{k: v for k, v in r.items() if k != "overlaps"} for r in table(more.truth)]
    assert rows == [r for r in others if r["species"] in TWO]
    assert any(r["species"] == "Sei whale" for r in others)


def test_clips_too_high_for_the_rate_are_said(tmp_path: Path) -> None:
    rate = 48_000
    high = 0.3 * np.sin(2 * np.pi * 12_000 * np.arange(rate) / rate)
    low = 0.3 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    clips = [clip_of(tmp_path / "high.wav", high, rate), clip_of(tmp_path / "low.wav", low, rate)]
    found = made(tmp_path / "a", clips, species=None)
    assert {row["source_file"] for row in table(found.truth)} == {"low.wav"}
    assert any("high.wav" in note and "too high" in note for note in found.notes)
    with pytest.raises(InputError, match="no clip of Beluga can be used"):
        made(tmp_path / "b", clips[:1], species=None)


def test_clips_labelled_as_noise_are_no_calls(tmp_path: Path) -> None:
    t = np.arange(2000) / 2000
    call = clip_of(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * 300 * t), 2000)
    rest = clip_of(tmp_path / "b.wav", 0.3 * np.sin(2 * np.pi * 200 * t), 2000, "No call")
    found = made(tmp_path / "s", [call, rest], species=None)
    assert set(found.calls) == {"Beluga"}
    assert "clips labelled 'No call' are left out: they hold no call" in found.notes
    with pytest.raises(InputError, match="no labelled clips"):
        made(tmp_path / "t", [rest], species=None)


@pytest.mark.parametrize("noise", [False, True])
def test_loud_calls_never_clip(tmp_path: Path, noise: bool) -> None:
    found = find_noise([noise_folder(tmp_path / "n", 2000, (5, 8))]) if noise else None
    made_ = made(tmp_path / "s", None, found, snr_db=[50, 60], calls_per_hour=1000)
    (tape,) = made_.audio.iterdir()
    x = io.read(tape)
    assert 0.05 < np.abs(x).max() <= 0.995
    assert {row["snr_db"] for row in table(made_.truth)} == {"50.00", "60.00"}


def test_a_long_soundscape_needs_little_memory(tmp_path: Path) -> None:
    made(tmp_path / "warm", calls_per_hour=60)
    tracemalloc.start()
    try:
        made(tmp_path / "s", minutes=120, calls_per_hour=30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6, "14 million samples are 58 MB as float32, and the mix needs several copies"


def test_names_times_and_channels(tmp_path: Path) -> None:
    found = made(
        tmp_path / "s", tapes=2, every_minutes=30, channels=3, bits=24, suffix=".flac",
        start="2024-06-30T23:45:00Z",
    )  # fmt: skip
    names = sorted(p.name for p in found.audio.iterdir())
    assert names == ["SIM_20240630_234500.flac", "SIM_20240701_001500.flac"]
    info = io.probe(found.audio / names[0])
    assert (info.n_channels, info.subtype, info.n_samples) == (3, "PCM_24", 120_000)
    recording = open_recording(found.audio / names[1])
    assert str(recording.start_time) == "2024-07-01 00:15:00+00:00"
    rows = table(found.truth)
    assert {row["channel"] for row in rows} == {"0", "1", "2"}
    row = next(r for r in rows if r["file"] == names[1])
    minute, second = divmod(float(row["start_s"]), 60)
    assert row["start_time"].startswith(f"2024-07-01T00:{15 + int(minute):02d}:{int(second):02d}")


def test_a_tape_without_calls_is_known_as_annotated_in_full(tmp_path: Path) -> None:
    found = made(tmp_path / "s", tapes=2, calls_per_hour=0)
    assert not table(found.truth)
    files = table(found.folder / "files.csv")
    assert [(r["duration_s"], r["exhaustive"], r["calls"]) for r in files] == [("60.0", "yes", "0")] * 2
    assert found.windows == {"background": 2 * 20}


def test_bouts_bring_calls_together() -> None:
    alone, _ = plan(minutes=60, calls_per_hour=40, species=TWO[:1])
    bouts, _ = plan(minutes=60, calls_per_hour=40, species=TWO[:1], calls_per_bout=8, bout_gap_s=4)
    gaps = [np.median(np.diff([one.first for one in tape.calls])) / 2000 for tape in (alone, bouts)]
    assert gaps[1] < 10 < gaps[0]


def test_training_windows_hold_one_species_or_none(tmp_path: Path) -> None:
    found = made(tmp_path / "s", minutes=5, window_s=2, calls_per_hour=120)
    calls, rows = table(found.truth), table(found.labels)
    for row in rows:
        inside = {
            c["species"]
            for c in calls
            if float(c["end_s"]) > float(row["start_s"]) and float(c["start_s"]) < float(row["end_s"])
        }
        assert inside == ({row["species"]} - {"background"})
        assert float(row["end_s"]) - float(row["start_s"]) >= 2 - 1e-9
    assert found.windows["background"] == sum(found.windows.values()) // 2
    manifest = index(IndexRequest(audio=found.audio, labels=found.labels))
    assert manifest.species_counts() == found.windows
    assert not manifest.problems


def test_tapes_are_one_group_unless_they_share_nothing(tmp_path: Path) -> None:
    t = np.arange(2000) / 2000
    clips = [
        clip_of(tmp_path / f"c{i}.wav", 0.3 * np.sin(2 * np.pi * (100 + 20 * i) * t), 2000, group=f"t{i}")
        for i in range(12)
    ]
    noise = find_noise([noise_folder(tmp_path / "n", 2000, (5, 8, 6, 7))])
    shared = made(tmp_path / "a", clips, noise, species=None, tapes=3)
    apart = made(tmp_path / "b", clips, noise, species=None, tapes=3, apart=True)
    assert len({row["group"] for row in table(shared.labels)}) == 1
    groups: dict[str, set[str]] = {}
    for row in table(apart.truth):
        groups.setdefault(row["source_group"], set()).add(row["file"])
    assert all(len(files) == 1 for files in groups.values())
    assert len({row["group"] for row in table(apart.labels)}) == len(list(apart.audio.iterdir()))
    with pytest.raises(InputError, match="4 noise files for 5 tapes"):
        made(tmp_path / "c", clips, noise, species=None, tapes=5, apart=True)


def test_errors_come_before_any_work(tmp_path: Path) -> None:
    for settings, text in (
        ({"species": ["Kraken"]}, "no simulated call of 'Kraken'"),
        ({"species": ["Sperm whale"]}, "needs a sample rate of 40000"),
        ({"calls_per_hour_of": {"Beluga": 3}}, "'Beluga', which is not in the soundscape"),
        ({"minutes": 50_000, "sample_rate": 48_000}, "ends at 4 GiB"),
    ):
        with pytest.raises(InputError, match=text):
            made(tmp_path / "out", **settings)
    for settings, text in (
        ({"suffix": ".flac", "bits": 32}, "FLAC"),
        ({"every_minutes": 0.5}, "every_minutes"),
        ({"snr_db": [12, 0], "snr_between": True}, "lower one first"),
        ({"calls_per_hour": -1}, "calls_per_hour"),
    ):
        with pytest.raises(SettingsError, match=text):
            made(tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        made(tmp_path / "full")
