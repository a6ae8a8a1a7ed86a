"""The tables of many recordings: their names, their order, the times of a sequence in Raven."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finback.core.errors import SettingsError
from finback.core.storage.csv_files import parse_csv
from finback.core.types import Event
from finback.data.formats.load import load_format
from finback.data.formats.write import InOrder, order, table_names, write_events


@dataclass(frozen=True)
class Heard:
    path: str
    sample_rate: int = 2_000
    n_samples: int = 7_000


def raven_rows(path: Path) -> list[dict[str, str]]:
    return parse_csv(path.read_text(encoding="utf-8"), "\t")[1]


def test_times_of_the_lot_go_on_from_recording_to_recording(tmp_path: Path) -> None:
    sounds = [Heard("b.wav"), Heard("a.wav")]
    events = [Event("b.wav", 0.5, 1.5, "Fin whale", 15, 30, channel=1), Event("a.wav", 1, 2, "Fin whale")]
    paths = write_events("raven", tmp_path, events, sounds)
    assert [path.name for path in paths] == ["a.selections.txt", "b.selections.txt", "all.selections.txt"]
    first, second = raven_rows(tmp_path / "all.selections.txt")
    times = [second[name] for name in ("Begin Time (s)", "End Time (s)", "File Offset (s)")]
    assert times == ["4.0", "5.0", "0.5"]
    assert (second["Channel"], second["Low Freq (Hz)"], second["High Freq (Hz)"]) == ("2", "15.0", "30.0")
    assert (first["Channel"], first["Low Freq (Hz)"], first["High Freq (Hz)"]) == ("1", "0.0", "1000.0")
    assert first["Not Stated"] == "Channel; Low Freq (Hz); High Freq (Hz)"
    (alone,) = raven_rows(tmp_path / "b.selections.txt")
    assert (alone["Begin Time (s)"], alone["File Offset (s)"]) == ("0.5", "0.5")


@pytest.mark.parametrize("sounds", [[], [Heard("a.wav")]])
def test_times_count_within_each_recording_where_there_is_no_sequence(
    tmp_path: Path, sounds: list[Heard]
) -> None:
    events = [Event("a.wav", 1, 2, "x"), Event("b.wav", 1, 2, "x")]
    write_events("raven", tmp_path, events, sounds)
    assert [row["Begin Time (s)"] for row in raven_rows(tmp_path / "all.selections.txt")] == ["1.0", "1.0"]


def test_a_recording_without_events_has_a_table_without_rows(tmp_path: Path) -> None:
    write_events("raven", tmp_path, [], [Heard("a.wav")])
    assert raven_rows(tmp_path / "a.selections.txt") == []


def test_the_order_of_the_events_makes_no_difference(tmp_path: Path) -> None:
    events = [Event("a.wav", 1, 2, label, score=score) for label in "xy" for score in (0.5, None)]
    for out, given in (("one", events), ("two", events[::-1])):
        write_events("raven", tmp_path / out, given)
        write_events("csv", tmp_path / out, given)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_recordings_of_one_name_have_tables_of_their_own() -> None:
    files = ["/x/site1/a.wav", "/x/site2/a.wav", "/x/site2/A.flac", "/x/site2/b.wav", "/x/all.wav"]
    assert table_names(files, ["all"]) == {
        "/x/site1/a.wav": "site1_a",
        "/x/site2/a.wav": "site2_a",
        "/x/site2/A.flac": "A.flac",
        "/x/site2/b.wav": "b",
        "/x/all.wav": "all.wav",
    }
    deep = table_names(["/x/2023/s/a.wav", "/x/2024/s/a.wav", "/x/2024/s/a.flac"])
    assert sorted(deep.values()) == ["2023_s_a", "2024_s_a", "a.flac"]
    same = table_names(["s3://one/a.wav", "s3://one//a.wav", "", "con.wav"])
    assert len(set(same.values())) == 4


def test_names_of_tables_are_valid_on_every_system(tmp_path: Path) -> None:
    events = [
        Event(file, 0, 1, "x") for file in ("12:30 fin?.wav", "con.wav", "x" * 300 + ".wav", "..", "é.wav")
    ]
    paths = write_events("raven", tmp_path, events)
    assert len({path.name.casefold() for path in paths}) == 6
    assert all(path.parent == tmp_path and len(path.name.encode()) <= 255 for path in paths)


def test_an_unknown_format_is_refused_with_a_list() -> None:
    with pytest.raises(SettingsError, match="unknown format 'xls'; there are: raven, "):
        load_format("xls")


def test_recordings_of_several_rates_follow_each_other(tmp_path: Path) -> None:
    sounds = [Heard("a.wav", 44_100, 100), Heard("b.wav", 48_000, 100), Heard("c.wav")]
    write_events("raven", tmp_path, [Event("c.wav", 0.25, 0.5, "x")], sounds)
    (row,) = raven_rows(tmp_path / "all.selections.txt")
    assert float(row["Begin Time (s)"]) == pytest.approx(100 / 44_100 + 100 / 48_000 + 0.25, abs=1e-9)
    assert row["File Offset (s)"] == "0.25"


def test_kaleidoscope_keeps_detections_apart_from_what_a_person_says(tmp_path: Path) -> None:
    events = [Event("a.wav", 1, 2, "Fin whale", score=0.9), Event("a.wav", 3, 4, "Blue whale")]
    write_events("kaleidoscope", tmp_path, events)
    _, rows = parse_csv((tmp_path / "all.csv").read_text(encoding="utf-8"))
    assert [(row["TOP1MATCH*"], row["MANUAL ID"]) for row in rows] == [("Fin whale", ""), ("", "Blue whale")]


def test_raven_gets_no_columns_of_a_band_that_is_nowhere_known(tmp_path: Path) -> None:
    write_events("raven", tmp_path, [Event("a.wav", 1, 2, "x")])
    assert "Low Freq (Hz)" not in raven_rows(tmp_path / "a.selections.txt")[0]
    write_events("raven", tmp_path, [])
    assert "Low Freq (Hz)" in (tmp_path / "all.selections.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["raven", "audacity", "kaleidoscope", "csv"])
def test_no_spreadsheet_runs_a_cell(tmp_path: Path, format: str) -> None:
    labels = ("=1+1", "@SUM(A1)", "+1-1|cmd", "\t=1", "-a", "\uff1d1")
    paths = write_events(format, tmp_path, [Event("=x.wav", 1, 2, label) for label in labels])
    for path in paths:
        for cell in re.split(r'[\t\n,"]+', path.read_text(encoding="utf-8")):
            assert not re.match(r"\s*[=@+\-\uff1d](?![0-9.]+$)", cell), (path.name, cell)


class Made(Sequence[Event]):
    """Events that are made when they are looked at, of as many recordings as a hundredth of them."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: Any) -> Any:
        if not 0 <= i < self.n:
            raise IndexError(i)
        start = float(self.n - i)
        return Event(f"{i % (self.n // 100):04}.wav", start, start + 1, "Fin whale", score=start / self.n)


def test_events_that_are_made_one_by_one_are_written_in_order_and_are_never_all_there(tmp_path: Path) -> None:
    assert list(InOrder(Made(300))) == sorted(Made(300), key=order)
    write_events("raven", tmp_path / "made", Made(300))
    write_events("raven", tmp_path / "list", list(Made(300)))
    for path in (tmp_path / "list").iterdir():
        assert path.read_bytes() == (tmp_path / "made" / path.name).read_bytes()
    tracemalloc.start()
    try:
        write_events("csv", tmp_path / "csv", Made(5000))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
