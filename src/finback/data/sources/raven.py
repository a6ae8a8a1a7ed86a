"""Raven selection tables (tab-separated .txt) for recordings: every selection becomes a clip.

`labels` is one table or a folder of tables, with the column names of Raven Pro. `Begin Time (s)` and
`End Time (s)` are needed, or `File Offset (s)` and `Delta Time (s)`. `Begin Path`, `Begin File`,
`File Offset (s)`, `Channel` (from 1), `Selection` and `View` are used if they are present. A table that names
no file belongs to the recording with the same name (`dive3.Table.1.selections.txt` -> `dive3`).

**Times.** When several files are opened in Raven as one sequence, `Begin Time (s)` counts from the start of
the first file. `File Offset (s)` is the time within the file in which the selection begins. If this column is
present, it gives the start of the clip, and begin and end time give its length. Otherwise the times are read
as times within each file, and a note says so when a table names several files. A selection that goes on in
the next file is cut at the end of its first file.

**Species** come from `--species-column`, else from the first column of `ANNOTATIONS` that the table has.
Raven writes a selection once for each view (waveform, spectrogram); finback reads it once. Rows with the same
number but other files or times (tables that were joined) are selections of their own.
"""

from __future__ import annotations

from pathlib import Path

from finback.core.errors import FinbackError, InputError
from finback.data.file_matching import AudioFolder
from finback.data.formats.raven_selections import BEGIN, END, is_raven
from finback.data.manifest import SourceInfo
from finback.data.sources.base import IndexRequest, Labelled, Source
from finback.data.sources.raven_labels import read_selections, species_column
from finback.data.sources.several import read_all, tables_in
from finback.data.tables import read_table


class Raven(Source):
    info = SourceInfo(
        name="raven",
        licence="unknown",
        citation="K. Lisa Yang Center for Conservation Bioacoustics, Cornell Lab of Ornithology: Raven Pro, "
        "Interactive Sound Analysis Software (selection tables).",
        url_hint="ravensoundsoftware.com",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            raise InputError("no selection tables", "give a table, or a folder of tables, as --labels")
        if request.labels.is_dir():
            return read_all(request.labels, request, folder)
        if not request.labels.exists():
            raise InputError(f"{request.labels}: no such labels file or folder", "check the path of --labels")
        table = read_table(request.labels, "selection table")
        if not is_raven(table):
            for name in (BEGIN, END):
                table.column(name, "Raven's column chooser,")
        return read_selections(table, request, species_column(table, request), many=False)


def is_selection_table(labels: Path) -> bool:
    """Whether the labels are a selection table of Raven, or a folder with such a table."""
    if labels.is_dir():
        return any(is_selection_table(path) for path in tables_in(labels))
    if not labels.is_file():
        return False
    try:
        return is_raven(read_table(labels))
    except FinbackError:
        return False
