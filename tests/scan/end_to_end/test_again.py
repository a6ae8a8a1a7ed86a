"""The same scan again: what is new is analysed, what is there stays, what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sounds import sound

from finback.audio.io import write
from finback.core.errors import RunError
from finback.scan.engines.worker import Worker
from finback.scan.plan import Unit
from finback.scan.scan import Scan, scan

TABLES = ("effort.csv", "errors.csv")


def tables(result: Scan) -> list[bytes]:
    return [(result.out / name).read_bytes() for name in TABLES]


def n_parts(result: Scan) -> int:
    return len(list((result.out / "parts").rglob("*.parquet")))


def test_the_same_scan_again_analyses_nothing(
    run: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    before, files = tables(first), sorted(p.name for p in first.out.rglob("*.parquet"))
    monkeypatch.setattr(Worker, "analyse", None)
    again = run()
    assert tables(again) == before
    assert sorted(p.name for p in again.out.rglob("*.parquet")) == files
    assert not (again.out / "claims").exists()


def test_new_files_are_picked_up(run: Callable[..., Scan], site: Path) -> None:
    run()
    sound(site / "new.wav", 2, 8000)
    sound(site / "empty.wav", 2, 8000)
    again, fresh = run(), run("fresh")
    assert tables(again) == tables(fresh)
    assert again.outcome.n_unheard == 1


def test_a_file_that_grew_keeps_what_was_heard(
    run: Callable[..., Scan], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = 0.1 * np.random.default_rng(0).standard_normal(20 * 8000).clip(-5, 5)
    write(site / "grows.wav", x[: 13 * 8000 + 77], 8000)
    run(hop_s=0.5)
    write(site / "grows.wav", x, 8000)
    analysed: list[int] = []
    inner = Worker.analyse

    def noted(self: Worker, unit: Unit) -> object:
        analysed.extend(s.last - s.first for s in unit.spans)
        return inner(self, unit)

    monkeypatch.setattr(Worker, "analyse", noted)
    said: list[str] = []
    again = run(hop_s=0.5, log=said.append)
    assert "1 files grew since the last scan; what was analysed of them stays" in said
    assert 0 < sum(analysed) < 18
    fresh = run("fresh", hop_s=0.5)
    assert tables(again) == tables(fresh)
    for one, other in zip(again.journal.sounds(), fresh.journal.sounds(), strict=True):
        assert np.array_equal(one.logits, other.logits)
        assert np.array_equal(one.faults, other.faults)


def test_a_file_that_changed_and_one_that_is_gone(run: Callable[..., Scan], site: Path) -> None:
    run()
    sound(site / "20230501_120000.wav", 3.0, 8000, seed=99)
    (site / "20230502_120000.wav").unlink()
    said: list[str] = []
    again = run(log=said.append)
    assert any("1 files changed since the last scan" in text for text in said)
    assert any("1 files of earlier scans are not among the inputs" in text for text in said)
    assert "20230502" in (again.out / "effort.csv").read_text()
    changed = next(s for s in again.journal.sounds() if "20230501" in s.file.path)
    assert changed.file.n_samples == 24_000


def test_other_settings_are_refused(run: Callable[..., Scan], tmp_path: Path) -> None:
    first = run(hop_s=0.5)
    before = tables(first)
    with pytest.raises(RunError, match=r"hop_s: 0\.5 there, 0\.25 now.*out-2"):
        run(hop_s=0.25)
    with pytest.raises(RunError, match="channels: mean there, each now"):
        run(hop_s=0.5, channels="each")
    assert tables(first) == before
    run(hop_s=0.5, time_zone="UTC-5", span_minutes=1.0)


def test_another_model_is_refused(run: Callable[..., Scan], sharp: Path, site: Path, tmp_path: Path) -> None:
    run()
    with pytest.raises(RunError, match="fingerprint"):
        scan(sharp, site, tmp_path / "out", workers=1)


def test_start_times_follow_the_options_of_the_last_scan(run: Callable[..., Scan]) -> None:
    def hours(result: Scan) -> set[int]:
        return {s.file.start_time.hour for s in result.journal.sounds() if s.file.start_time}

    assert hours(run()) == {12}
    assert hours(run(time_zone="UTC-5")) == {17}
    assert hours(run()) == {12}


def test_a_damaged_part_is_named_and_mended(run: Callable[..., Scan]) -> None:
    first = run(span_minutes=0.05)
    before = tables(first)
    part = sorted((first.out / "parts").rglob("*.parquet"))[2]
    part.write_bytes(part.read_bytes()[:-20])
    said: list[str] = []
    again = run(span_minutes=0.05, log=said.append)
    assert [str(part) in text for text in said] == [True]
    assert tables(again) == before
    assert not run(span_minutes=0.05).journal.remarks
