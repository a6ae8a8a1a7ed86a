"""Rows of a table: quoted line breaks, stray quotes, joined headers, bounds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.core.errors import InputError, ManifestError
from finback.core.text import cell
from finback.data.tables import Table, read_table


def read(tmp_path: Path, data: str | bytes) -> Table:
    path = tmp_path / "labels.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_table(path)


def cells(table: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("after", ["", " "])
def test_a_quoted_value_may_have_any_number_of_lines(tmp_path: Path, newline: str, after: str) -> None:
    note = newline.join(["faint", 'ship ""Ann"", 00:12', "", "second animal?", "ask"])
    text = newline.join(["file,species,notes", f'a.wav,Fin whale,"{note}"{after}', "b.wav,Blue whale,ok", ""])
    table = read(tmp_path, text)
    assert table.problems == ()
    assert [(row.number, row.cells[1]) for row in table.rows] == [(2, "Fin whale"), (3, "Blue whale")]
    assert table.rows[0].cells[2] == note.replace('""', '"')


@pytest.mark.parametrize(
    ("text", "kept", "lines"),
    [
        ('b.wav,"Beluga\nc.wav,Walrus\nd.wav,Walrus\n', [], 3),  # never closed
        ('b.wav,"Beluga\nc.wav,"Walrus\nd.wav,Walrus\n', ["d.wav"], 2),  # closed by the next stray quote
        ('b.wav,Beluga\nc.wav,"Wal\nd.wav,Fin" whale\ne.wav,Walrus\n', ["b.wav", "e.wav"], 2),
    ],
)
def test_a_stray_quote_refuses_its_row_and_says_how_far_it_goes(
    tmp_path: Path, text: str, kept: list[str], lines: int
) -> None:
    table = read(tmp_path, f"file,species\na.wav,Walrus\n{text}")
    assert [row[0] for row in cells(table)] == ["a.wav", *kept]
    (problem,) = table.problems
    assert problem.kind == "open_quote"
    assert f"so {lines} lines are one value" in problem.message


def test_two_lone_quotes_in_a_tab_table_are_letters(tmp_path: Path) -> None:
    table = read(tmp_path, 'file\tspecies\na.wav\t"A call\nb.wav\t"B call\nc.wav\tWalrus\n')
    assert cells(table) == [("a.wav", '"A call'), ("b.wav", '"B call'), ("c.wav", "Walrus")]


def test_a_cell_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    table = read(tmp_path, "file,species,note\na.wav,Walrus," + "x" * 9_999_999 + "\nb.wav,Walrus,\n")
    assert [len(row[2]) for row in cells(table)] == [9_999_999, 0]
    assert table.problems == ()


def test_joined_tables_keep_all_rows_and_say_so(tmp_path: Path) -> None:
    head = "file,species\n"
    table = read(tmp_path, f"{head}a.wav,Walrus\n{head}b.wav,Walrus\n{head}c.wav,Walrus\n")
    assert [row[0] for row in cells(table)] == ["a.wav", "b.wav", "c.wav"]
    (note,) = table.problems
    assert (note.kind, note.row, note.is_note) == ("repeated_header", 3, True)
    assert "row 3 and 1 more rows" in note.message


def test_rows_below_another_header_are_refused(tmp_path: Path) -> None:
    table = read(tmp_path, "file,species,group\na.wav,Walrus,t1\nspecies,file,when\nWalrus,b.wav,now\n")
    assert cells(table) == [("a.wav", "Walrus", "t1")]
    (problem,) = table.problems
    assert (problem.kind, problem.row, problem.is_note) == ("other_header", 3, False)


def test_a_table_whose_rows_are_quoted_whole(tmp_path: Path) -> None:
    table = read(tmp_path, '"file,species"\n"a.wav,Walrus"\n"b.wav,""Beluga, White"""\n')
    assert cells(table) == [("a.wav", "Walrus"), ("b.wav", "Beluga, White")]
    assert [(p.kind, p.row) for p in table.problems] == [("header", 1)]


@pytest.mark.parametrize("hint", ["sep=;", '"sep=;"', "sep=;;;", "sep=;\t"])
def test_excels_hint_is_obeyed(tmp_path: Path, hint: str) -> None:
    table = read(tmp_path, f"{hint}\r\nfile,x;species,y\r\na,b.wav;Walrus,z\r\n")
    assert table.delimiter == ";"
    assert cells(table) == [("a,b.wav", "Walrus,z")]


def test_a_formula_that_was_written_as_text_is_read_back(tmp_path: Path) -> None:
    table = read(tmp_path, f"file,species\na.wav,{cell('=Fin')}\nb.wav,'quoted'\n")
    assert cells(table) == [("a.wav", "=Fin"), ("b.wav", "'quoted'")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,species\na.wav," + "," * 10_000, "columns"),
        ("," * 2_000_000, "columns"),
        ("file" + ",c" * 9_999 + "\n" + "a\n" * 6_000, "too many"),
    ],
)
def test_tables_of_absurd_width_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE html>\n<html><body>", "a web page"),
        (b"  <table border=1><tr><td>file</td>", "a web page"),
        (b'<?xml version="1.0"?><x/>', "an XML file"),
        (b"<ST>\r\n<EVENT>\r\n", "an XML file"),
        (b'{\n "file": "a.wav"}', "a JSON file"),
        (b'[{"file": "a.wav"}]', "a JSON file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
        (b"version https://git-lfs.github.com/spec/v1\noid x\n", "a Git LFS pointer"),
    ],
)
def test_files_that_are_called_csv(tmp_path: Path, data: bytes, kind: str) -> None:
    with pytest.raises(InputError, match=f"is not a text table but {kind}.*save it as CSV"):
        read(tmp_path, data)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_table(tmp_path / "labels.csv")


def test_a_table_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with open(path, "wb") as file:
        file.truncate(300 * 1024 * 1024)  # a hole: no bytes on the disk
    with pytest.raises(InputError, match=r"too large for a table \(300 MB"):
        read_table(path)


TYPED = st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("\n\r\t;'="), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TYPED, TYPED), max_size=5), delimiter=st.sampled_from(",;|\t"))
def test_well_formed_cells_of_any_text_are_read(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str
) -> None:
    """Whatever a careful writer quotes comes back, but for white space around it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("file", "species", "last"), *[(cell(a), cell(b), ".") for a, b in rows]])
    table = read(tmp_path, text.getvalue())
    trimmed = "".join(c for c in "\ufeff\u200b\u200c\u200d\u2060")
    assert [tuple(c.strip(trimmed).split() for c in row[:2]) for row in cells(table)] == [
        tuple(c.strip(trimmed).split() for c in row) for row in rows
    ]


FRAGMENTS = [
    "file",
    "species",
    ",",
    ";",
    "\t",
    '"',
    "'",
    "\n",
    "\r",
    "a.wav",
    "#",
    "\0",
    "=",
    " ",
    "é",
    "sep=;",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(FRAGMENTS), max_size=60), encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_anything_made_of_the_signs_of_a_table_is_read_or_refused(
    tmp_path: Path, parts: list[str], encoding: str
) -> None:
    try:
        table = read(tmp_path, "".join(parts).encode(encoding))
    except InputError:
        return  # a ManifestError is one too; anything else fails the test
    assert all(len(row.cells) == len(table.header) for row in table.rows)
    assert all(problem.repair for problem in table.problems)
