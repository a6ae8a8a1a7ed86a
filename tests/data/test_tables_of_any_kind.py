"""Laws over all tables: read or refused by name, every row a clip or a problem, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sounds import sound

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder
from finback.data.index import index
from finback.data.label_files import choose
from finback.data.sources.base import IndexRequest, Labelled, load_source
from finback.data.tables import read_table

TEMPLATES = [
    "file,species,start_s,end_s,channel,group,split,synthetic\na.wav,Fin,0.1,0.4,0,t1,train,\nb.wav,Blue,,,,,,\n",
    "file;species;start;end\na.wav;Fin;0,1;0,4\na.wav;Blue;0,5;0,9\n",
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tSpecies\n"
    "1\tWaveform 1\t1\t0.1\t0.4\ta.wav\t0.1\tFin\n1\tSpectrogram 1\t1\t0.1\t0.4\ta.wav\t0.1\tFin\n",
    "0.1\t0.4\tFin\n\\\t10\t90\n0.5\t0.5\tpoint\n",
    "Start (s),End (s),Scientific name,Common name,Confidence,File\n0,0.5,B. physalus,Fin,0.9,/d/a.wav\n",
    'file,species,notes\na.wav,Fin,"one\ntwo ""x""\n"\nb.wav,"Blue, whale",\n',
    "filename\tonset_ms\toffset_ms\tlabel\r\na.wav\t100\t400\tFin\r\n",
    "",
]
PIECES = [
    *('"', "\t", ",", ";", "|", "\n", "\r", "\0", "'", "#", "=", " ", "\u00a0", "\u2212", "\uff11", "\ufeff"),
    *("1e308", "-1", "inf", "nan", "12,500", "1,234.5", "0:30", "00:00:01", "TRUE", "9" * 400, "x" * 3000),
    *("a.wav", "../a.wav", "C:\\a.wav", "file:///a.wav", "%00", "start", "file", "species", "Begin Time (s)"),
    *("sep=;\n", "# note\n", "file,species\n", "\\\t1\t2\n", "e\u0301", "NA", "samples"),
]
CHANGE = st.tuples(st.sampled_from("icdr"), st.integers(0, 400), st.sampled_from(PIECES))


def changed(text: str, changes: list[tuple[str, int, str]]) -> str:
    """The text after insertions, cuts, doublings and replacements."""
    for how, where, piece in changes:
        at = where % (len(text) + 1)
        if how == "i":
            text = text[:at] + piece + text[at:]
        elif how == "r":
            text = text[:at] + piece + text[at + len(piece) :]
        elif how == "c":
            text = text[:at] + text[at + 9 :]
        else:
            text = text[:at] + text[at // 2 : at] + text[at:]
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> AudioFolder:
    """Two recordings of 1 s."""
    root = tmp_path_factory.mktemp("audio")
    sound(root / "a.wav", 1.0)
    sound(root / "b.wav", 1.0, channels=2)
    return AudioFolder.scan(root)


def read(path: Path, folder: AudioFolder) -> Labelled | InputError:
    request = IndexRequest(audio=folder.root, labels=path)
    try:
        return load_source(choose(request, folder)[0]).rows(request, folder)
    except InputError as error:  # a ManifestError is one too
        return error


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    template=st.sampled_from(TEMPLATES),
    changes=st.lists(CHANGE, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
)
def test_every_table_is_read_or_refused_and_no_row_vanishes(
    folder: AudioFolder, tmp_path: Path, template: str, changes: list[tuple[str, int, str]], encoding: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(changed(template, changes).encode(encoding, "replace"))
    labelled = read(path, folder)
    if isinstance(labelled, InputError):
        assert path.name in str(labelled)
        assert labelled.repair
        assert len(str(labelled)) < 3000
        return
    assert all(problem.repair and problem.kind for problem in labelled.problems)
    used = {row.row for row in labelled.rows}
    said = {problem.row for problem in labelled.problems}
    name = choose(IndexRequest(audio=folder.root, labels=path), folder)[0]
    if name == "folder":
        assert {row.number for row in read_table(path).rows} <= used | said
    elif name == "raven":  # the first of two views may be left out, never both
        rows = read_table(path).rows
        assert 2 * len(used | said) >= len(rows)
    for row in labelled.rows:
        assert row.species
        assert all(t is None or abs(t) < 1e17 for t in (row.start_s, row.end_s))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(template=st.sampled_from(TEMPLATES), changes=st.lists(CHANGE, max_size=4))
def test_an_index_of_any_table_is_clips_or_a_named_error(
    folder: AudioFolder, tmp_path: Path, template: str, changes: list[tuple[str, int, str]]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(changed(template, changes), encoding="utf-8", newline="")
    try:
        manifest = index(IndexRequest(audio=folder.root, labels=path))
    except InputError:
        return
    for clip in manifest.clips:
        assert 0 <= clip.start < clip.stop <= clip.recording.n_samples
    manifest.save(tmp_path / "out" / "manifest.csv")
    assert type(manifest).load(tmp_path / "out" / "manifest.csv") == manifest
