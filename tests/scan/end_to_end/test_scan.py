"""Scans of small simulated recordings: what is heard, what is done again, what is said."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import open_recording, read, write
from finback.core.errors import InputError, RunError, SettingsError, WriteError
from finback.core.types import Clip
from finback.models.predictor import Predictor
from finback.scan.claims import Claims
from finback.scan.dry_run import dry_run
from finback.scan.files import find
from finback.scan.plan import spans_of, units
from finback.scan.scan import Scan, scan

TABLES = ("effort.csv", "errors.csv")


def tables(result: Scan) -> list[bytes]:
    return [(result.out / name).read_bytes() for name in TABLES]


def n_parts(result: Scan) -> int:
    return len(list((result.out / "parts").rglob("*.parquet")))


def test_a_scan_gives_the_scores_of_the_predictor(run: Callable[..., Scan], model: Path, site: Path) -> None:
    result = run(hop_s=0.5, span_minutes=0.05)
    predictor = Predictor.load(model, "cpu")
    sounds = list(result.journal.sounds())
    assert len(sounds) == 7
    for one in sounds:
        recording = open_recording(one.file.path)
        clip = Clip(recording, 0, recording.n_samples)
        parts = list(predictor.score_windows(clip, hop_s=0.5))
        expected = np.concatenate([p.logits for p in parts]).astype(np.float16).astype(np.float32)
        assert np.array_equal(one.logits, expected), one.file.path
        assert np.array_equal(one.start, np.concatenate([p.start for p in parts]))


def test_what_cannot_be_heard_is_said_and_the_rest_goes_on(run: Callable[..., Scan], site: Path) -> None:
    result = run()
    reasons = {Path(p.file.path).name: p.reason for p in result.journal.errors()}
    assert set(reasons) == {"empty.wav", "text.wav", "low.wav"}
    assert "0 bytes" in reasons["empty.wav"]
    assert "--missing-band" in reasons["low.wav"]
    assert result.outcome.code == 1
    assert (result.outcome.n_unheard, result.outcome.n_skipped, result.outcome.n_files) == (2, 1, 7)
    seconds = sum(len(read(s.file.path)) / s.file.sample_rate for s in result.journal.sounds())
    assert result.outcome.heard_h * 3600 == pytest.approx(seconds)
    lines = " ".join(result.outcome.lines(result.out))
    assert "analysed in 7 of 10 files" in lines
    assert "2 files could not be read" in lines
    assert "1 file left out" in lines


def test_bundles_do_not_matter(run: Callable[..., Scan]) -> None:
    whole, small = run("a"), run("b", span_minutes=0.02)
    assert n_parts(small) > n_parts(whole)
    assert tables(whole) == tables(small)
    for one, other in zip(whole.journal.sounds(), small.journal.sounds(), strict=True):
        assert np.array_equal(one.logits, other.logits)


def test_a_full_disk_costs_time_only(run: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("whole", span_minutes=0.05)
    free = 4

    def sync(descriptor: int) -> None:
        nonlocal free
        free -= 1
        if free < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", sync)
        with pytest.raises(WriteError, match="free some space"):
            run("full", span_minutes=0.05)
    after = run("full", span_minutes=0.05)
    assert n_parts(after) == n_parts(whole) > 4
    for name in (*TABLES, "events.csv", "presence-files.csv", "effort-hours.csv"):
        assert (after.out / name).read_bytes() == (whole.out / name).read_bytes(), name


def test_channels(run: Callable[..., Scan], site: Path) -> None:
    each = run("each", paths=site / "pair.wav", channels="each")
    assert [s.channel for s in each.journal.sounds()] == [0, 1]
    one = run("one", paths=[site / "pair.wav", site / "click.wav"], channels=1)
    assert [s.channel for s in one.journal.sounds()] == [1]
    assert ["no channel 1" in p.reason for p in one.journal.errors()] == [True]
    both = list(each.journal.sounds())
    (second,) = one.journal.sounds()
    assert np.array_equal(second.logits, both[1].logits)


def test_embeddings_are_kept_when_asked(run: Callable[..., Scan], site: Path) -> None:
    kept = run(paths=site / "pair.wav", keep_embeddings=True)
    (one,) = kept.journal.sounds()
    assert one.embeddings is not None
    assert len(one.embeddings) == len(one.logits)


def test_nothing_can_be_heard(run: Callable[..., Scan], site: Path) -> None:
    result = run(paths=[site / "empty.wav", site / "gone.wav"])
    assert result.outcome.code == 2
    assert len(result.journal.errors()) == 2
    with pytest.raises(InputError, match="no such file"):
        run("other", paths=site / "gone.wav")
    assert not (site.parent / "other").exists()


def test_a_folder_with_something_else_is_refused(run: Callable[..., Scan], model: Path, site: Path) -> None:
    with pytest.raises(InputError, match=r"another run\.json"):
        scan(model, site, model, workers=1)


def test_a_wrong_setting_is_named(run: Callable[..., Scan]) -> None:
    for wrong in ({"hop_s": 99.0}, {"hop_s": -1.0}, {"hopp": 1}, {"workers": 0}, {"channels": "left"}):
        with pytest.raises(SettingsError):
            run(**wrong)


def test_the_header_says_what_gave_the_numbers(run: Callable[..., Scan], model: Path, site: Path) -> None:
    result = run(paths=site / "pair.wav")
    values = json.loads((result.out / "scan.json").read_text())
    assert values["labels"] == list(Predictor.load(model, "cpu").labels.names)
    assert values["settings"]["channels"] == "mean"
    assert find([str(site / "pair.wav")]).paths == tuple(s.file.path for s in result.journal.sounds())


def test_only_the_damaged_windows_of_a_span_are_lost(run: Callable[..., Scan], site: Path) -> None:
    x = 0.1 * np.random.default_rng(1).standard_normal(30 * 8000).clip(-5, 5)
    path = site / "damaged.wav"
    write(path, x, 8000, "FLOAT")
    whole = bytearray(path.read_bytes())
    for sample in (100_000, 100_700):
        at = len(whole) - 4 * (len(x) - sample)
        whole[at : at + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(whole)
    one, small = run("one", paths=path), run("small", paths=path, span_minutes=0.05)
    assert tables(one) == tables(small)
    (problem,) = one.journal.errors()
    assert "NaN" in problem.reason
    assert problem.start < 100_000 < problem.stop <= problem.start + 3 * 8000
    (heard,) = one.journal.sounds()
    lost = (heard.start < 100_701) & (heard.stop > 100_000)
    assert not lost.any()
    assert one.outcome.code == 1
    again = run("one", paths=path)
    assert tables(again) == tables(one)


def test_a_dry_run_says_what_a_scan_needs(
    model: Path, site: Path, tmp_path: Path, run: Callable[..., Scan]
) -> None:
    plan = dry_run(model, [str(site)], tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()
    assert (plan.files, plan.files_not_heard, plan.files_skipped) == (10, 2, 1)
    result = run()
    assert plan.hours == plan.hours_left == pytest.approx(result.outcome.heard_h, rel=1e-6)
    assert plan.windows == sum(len(s.start) for s in result.journal.sounds())
    assert plan.realtime is not None
    assert plan.needed_s == pytest.approx(plan.hours * 3600 / plan.realtime / min(2, plan.units))
    n_bytes = sum(path.stat().st_size for path in (result.out / "parts").rglob("*.parquet"))
    assert 0.3 * n_bytes < 1e6 * plan.journal_mb < 3 * n_bytes
    again = dry_run(model, [str(site)], tmp_path / "out")
    assert (again.hours_left, again.units, again.needed_s) == (0, 0, None)
    assert dict(again.rows())["journal"] == "less than 0.1 MB"
    with pytest.raises(RunError, match="hop_s"):
        dry_run(model, [str(site)], tmp_path / "out", hop_s=0.25)


def test_units_of_others_are_left_when_nobody_waits(run: Callable[..., Scan], tmp_path: Path) -> None:
    first = run(span_minutes=0.05)
    before = tables(first)
    shutil.rmtree(first.out / "parts")
    with Claims(first.out) as other:
        plan = [state for state in first.journal.files() if not state.reason]
        spans = (s for state in plan for s in spans_of(state.file, first.journal.header, 0.05))
        key = next(iter(units(spans, 0.05))).key
        assert other.take(key)
        said: list[str] = []
        part = run(span_minutes=0.05, wait=False, log=said.append)
        assert part.outcome.code == 1
        assert "1 units are left to other processes" in said
        assert not part.outcome.is_whole
    assert tables(run(span_minutes=0.05)) == before
