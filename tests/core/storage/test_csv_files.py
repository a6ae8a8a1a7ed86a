"""The one writer of CSV tables: what is written comes back, and no spreadsheet runs it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import finback
from finback.core.errors import RunError
from finback.core.storage.csv_files import MOST_CHARACTERS, csv_text, parse_csv, read_csv, write_csv

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
TRICKY = st.text(st.sampled_from("=+-@'\"\t\r\n;, 1\ufeff\u00a0\uff1d"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    header=st.lists((TEXT | TRICKY).map(lambda name: "x" + name), min_size=2, max_size=4, unique=True),
    data=st.data(),
)
def test_what_is_written_comes_back(header: list[str], data: st.DataObject) -> None:
    row = st.lists(TEXT | TRICKY, min_size=len(header), max_size=len(header))
    rows = data.draw(st.lists(row, max_size=5))
    names, back = parse_csv(csv_text(header, rows))
    assert names == header
    assert [list(found.values()) for found in back] == rows


@given(st.floats(allow_nan=False))
def test_numbers_come_back_equal(value: float) -> None:
    (row,) = parse_csv(csv_text(["x", "y", "z"], [[value, np.float64(value), 3]]))[1]
    assert (float(row["x"]), float(row["y"]), int(row["z"])) == (value, value, 3)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "a.csv", ["file", "n"], [[text, -1.5]])
    written = (tmp_path / "a.csv").read_bytes().decode().splitlines()[1].strip('"')
    assert written.startswith("'")
    assert "-1.5" in (tmp_path / "a.csv").read_text(encoding="utf-8")  # a number stays a number
    assert read_csv(tmp_path / "a.csv") == [{"file": text, "n": "-1.5"}]


@pytest.mark.parametrize(
    "data", [b"file,n\na,1,2\n", b"file,n\na\n", b"\xff\xfe", b'file,n\n"a', b"n\n1\n", b"", b"file,n\n\0\n"]
)
def test_a_damaged_table_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(RunError, match=r"a\.csv: .*damaged"):
        read_csv(tmp_path / "a.csv", ["file"])
    with pytest.raises(RunError, match=r"b\.csv: missing or damaged"):
        read_csv(tmp_path / "b.csv")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_named_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    try:
        rows = read_csv(tmp_path / "a.csv")
    except RunError:
        return
    assert len({len(row) for row in rows}) <= 1


def test_a_cell_is_bounded(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["x", "y"], [["a" * MOST_CHARACTERS, ""]])
    assert len(read_csv(tmp_path / "a.csv")[0]["x"]) == MOST_CHARACTERS
    write_csv(tmp_path / "a.csv", ["x", "y"], [["a" * (MOST_CHARACTERS + 1), ""]])
    with pytest.raises(RunError, match="field larger than field limit"):
        read_csv(tmp_path / "a.csv")


def test_no_other_module_writes_csv() -> None:
    root = Path(finback.__file__).parent
    writers = re.compile(r"csv\.writer\(|DictWriter|DictReader|\.to_csv\(")
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*.py"))
        if any(
            writers.search(line) and '"' not in line.split("csv")[0]
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert set(found) - {"models/predict.py"} == {"core/storage/csv_files.py"}, "write tables with write_csv"
