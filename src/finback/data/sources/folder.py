"""A folder of recordings and a table with a row for each clip: `file,species`, and optional columns.

| column | meaning |
|---|---|
| file | name or path of the recording (another column: `--file-column`) |
| species | the species in the clip (another column: `--species-column`) |
| group | recording group: a tape, a deployment or a site-day |
| start_s, end_s | seconds from the beginning of the file; empty: the whole file |
| channel | counted from 0; empty: the mean of all channels |
| split | the set of the clip: train, val or test |
| licence | the terms of the recording |
| synthetic | true for generated sound, which is only used for training |

Times are also read from other names that give their unit (`Start (s)`, `stop_ms`, `onset_sample`), and the
tables of programs in `data.layouts` are read as those programs define them; a note says which columns.
The labels may be a folder of such tables.
"""

from __future__ import annotations

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.sources.base import IndexRequest, Labelled, Source
from finback.data.sources.labels_table import read_rows
from finback.data.sources.several import read_all
from finback.data.tables import read_table


class Folder(Source):
    info = SourceInfo(
        name="folder",
        licence="unknown",
        citation="Your own recordings, or those of the people who gave them to you: cite them as they ask.",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            repair = "give a CSV of file,species as --labels, or put each species in its own folder"
            raise InputError(f"{request.audio}: no label names a species", repair)
        if request.labels.is_dir():
            return read_all(request.labels, request, folder)
        return read_rows(read_table(request.labels), request)
