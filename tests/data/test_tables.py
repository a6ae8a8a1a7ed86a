"""Label tables as spreadsheets leave them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.core.errors import InputError, ManifestError
from finback.data.tables import read_table

WANTED = [("a.wav", "Beluga, White Whale"), ("b.wav", "Épaulard")]


def written(tmp_path: Path, data: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / "labels.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
    return path


def cells(path: Path) -> list[tuple[str, ...]]:
    return [row.cells for row in read_table(path).rows]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_newline_and_delimiter(
    tmp_path: Path, encoding: str, newline: str, delimiter: str
) -> None:
    rows = [("file", "species"), ("a.wav", '"Beluga, White Whale"'), ("b.wav", "Épaulard")]
    text = "".join(delimiter.join(row) + newline for row in rows)
    table = read_table(written(tmp_path, text, encoding))
    assert table.header == ("file", "species")
    assert [row.cells for row in table.rows] == WANTED
    assert [row.number for row in table.rows] == [2, 3]
    assert table.delimiter == delimiter
    assert [p.kind for p in table.problems] == (
        ["encoding"] if encoding not in ("utf-8", "utf-8-sig") else []
    )


# Anything people type, but for line ends and zeros, which have tests of their own, and leading #.
TYPED = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cf")), min_size=1, max_size=12
)
CELL = TYPED.filter(lambda text: not text.startswith("#") and text == text.strip())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_a_csv_writer_writes_is_read(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str, encoding: str, newline: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerows([("file", "species", "group"), *rows])
    table = read_table(written(tmp_path, text.getvalue(), encoding))
    assert table.header == ("file", "species", "group")
    assert [row.cells for row in table.rows] == rows
    assert [row.number for row in table.rows] == list(range(2, len(rows) + 2))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    try:
        table = read_table(written(tmp_path, data))
    except InputError:
        return  # a ManifestError is one too; anything else fails the test
    assert all(len(row.cells) == len(table.header) for row in table.rows)


def test_spaces_of_all_kinds_around_values(tmp_path: Path) -> None:
    path = written(tmp_path, " file , species\u00a0\n\u00a0a.wav ,\u200b Killer Whale\u00a0 \n")
    assert read_table(path).header == ("file", "species")
    assert cells(path) == [("a.wav", "Killer Whale")]


def test_row_numbers_are_the_spreadsheets(tmp_path: Path) -> None:
    text = 'file,species,note\na.wav,Fin Whale,"two\nlines"\n\n,,\nb.wav,Fin Whale,\n'
    table = read_table(written(tmp_path, text))
    assert [(row.number, row.cells[0]) for row in table.rows] == [(2, "a.wav"), (5, "b.wav")]
    assert table.problems == ()


def test_comments_and_excels_separator_line(tmp_path: Path) -> None:
    text = "# by Ann, 2024\nfile;species\n# tape 3\n#1.wav;Minke Whale\na.wav;Minke Whale\n"
    assert cells(written(tmp_path, text)) == [("#1.wav", "Minke Whale"), ("a.wav", "Minke Whale")]
    table = read_table(written(tmp_path, "sep=;\r\nfile;species\r\na.wav;Minke, Whale\r\n"))
    assert [(row.number, row.cells) for row in table.rows] == [(2, ("a.wav", "Minke, Whale"))]


def test_trailing_commas_are_no_columns(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "file,species,\na.wav,Walrus,\nb.wav,Walrus,,\n"))
    assert table.header == ("file", "species")
    assert table.problems == ()
    assert len(table.rows) == 2


def test_a_row_too_wide_is_dropped_and_the_quotes_named(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "file,species,\na.wav,Beluga, White Whale\nb.wav,Walrus\n"))
    assert [row.cells for row in table.rows] == [("b.wav", "Walrus")]
    (problem,) = table.problems
    assert (problem.kind, problem.row) == ("columns", 2)
    assert '"Beluga, White Whale"' in problem.repair


def test_a_row_too_narrow_is_filled(tmp_path: Path) -> None:
    assert cells(written(tmp_path, "file,species,group\na.wav,Walrus\n")) == [("a.wav", "Walrus", "")]


def test_a_quote_never_closed_is_reported_with_its_row(tmp_path: Path) -> None:
    table = read_table(
        written(tmp_path, 'file,species\na.wav,Walrus\nb.wav,"Beluga\nc.wav,Walrus\nd.wav,Walrus\n')
    )
    assert [row.cells[0] for row in table.rows] == ["a.wav"]
    assert [(p.kind, p.row) for p in table.problems] == [("open_quote", 3)]


def test_a_lone_quote_in_a_tab_table_is_a_letter(tmp_path: Path) -> None:
    path = written(tmp_path, 'file\tspecies\na.wav\t"A call\nb.wav\tWalrus\n')
    assert cells(path) == [("a.wav", '"A call'), ("b.wav", "Walrus")]


def test_a_few_zero_bytes_are_left_out_and_reported(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, b"file,species\na.wav,Wal\0rus\nb.wav,Walrus\n"))
    assert [row.cells for row in table.rows] == [("a.wav", "Walrus"), ("b.wav", "Walrus")]
    assert [(p.kind, p.row) for p in table.problems] == [("nul_byte", 2)]


def test_columns_are_found_without_case_spaces_or_underscores(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "File,SPECIES,Start S\na.wav,Walrus,1\n"))
    assert (table.column("file", "-"), table.column("species", "-"), table.find("start_s")) == (0, 1, 2)
    assert table.find("group") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "filename,label\na.wav,Walrus\n",
            ["no column 'file'", "filename, label", "--file-column 'filename'"],
        ),
        ("fil,species\na.wav,Walrus\n", ["--file-column 'fil'"]),
        ("x,y\na,b\n", ["(it has: x, y)", "--file-column COLUMN"]),
        ("a.wav,Walrus\nb.wav,Walrus\n", ["no header row", "file,species"]),
        ("file,File,species\na.wav,b.wav,Walrus\n", ["stands twice", "row 2"]),
    ],
)
def test_a_column_that_is_not_there(tmp_path: Path, text: str, message: list[str]) -> None:
    table = read_table(written(tmp_path, text))
    with pytest.raises(ManifestError) as error:
        table.column("file", "--file-column")
    assert all(part in str(error.value) for part in message), str(error.value)


def test_a_header_name_that_stands_twice_is_reported(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "file,species,note,note\na.wav,Walrus,1,2\n"))
    assert [(p.kind, p.row) for p in table.problems] == [("header", 1)]
    assert table.column("file", "-") == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n \n", "empty"),
        (b"# only a comment\n", "empty"),
        (b"PK\x03\x04\x14\x00", "workbook; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook; save it as CSV"),
        (b"RIFF\x24\x00\x00\x00WAVE", "a sound file"),
        (bytes(range(1, 32)) * 20, "not a text table"),
        (
            b"\x7fELF\x02\x01\x01" + bytes(200) + b"\x01\x02\x03\x04\x05\x06\x07\x08\x0e" * 9,
            "not a text table",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(written(tmp_path, data))


def test_a_missing_table_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such labels file"):
        read_table(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_a_value_longer_than_any_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"row 2 has a value of over 10,000,000 characters.*never closed"):
        read_table(written(tmp_path, 'file,species\na.wav,"' + "x" * 10_000_001))
