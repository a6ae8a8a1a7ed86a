"""Label files of Audacity (File, Export, Export labels): one file, or a folder of them."""

from __future__ import annotations

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder
from finback.data.formats.audacity import is_label_file
from finback.data.manifest import SourceInfo
from finback.data.sources.audacity_labels import read_labels
from finback.data.sources.base import IndexRequest, Labelled, Source
from finback.data.sources.several import read_all, read_whole


class Audacity(Source):
    info = SourceInfo(
        name="audacity",
        licence="unknown",
        citation="Audacity Team: Audacity, free audio editor and recorder (label files).",
        url_hint="audacityteam.org",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is None:
            raise InputError("no label files", "give a label file, or a folder of them, as --labels")
        if request.labels.is_dir():
            return read_all(request.labels, request, folder)
        if is_label_file(request.labels):
            return read_labels(request.labels, many=False)
        return read_whole(request.labels, request)
