"""Tables of other programs, recognised by their columns. finback says which program it recognised.

A layout states which columns name the file, the species and the times, as the program defines them. Columns
that the user names (`--file-column`, `--species-column`), or that are called `file` and `species`, go first.
"""

from __future__ import annotations

from dataclasses import dataclass

from finback.data.columns import Times, Unit, time_column, times_of
from finback.data.tables import Table


@dataclass(frozen=True, slots=True)
class Layout:
    """One program's table: columns it is known by, and columns that name file, species and times."""

    program: str
    known_by: tuple[str, ...]
    file: tuple[str, ...] = ()  # none: the table is called after its recording
    species: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    root: tuple[str, ...] = ()  # the folder above `folder`
    detected: tuple[str, ...] = ()  # what the program itself found: events, but no labels for training
    start: str = ""  # where the name gives no unit
    end: str = ""
    duration: str = ""
    unit: Unit = "s"
    channel: str = ""  # from 0

    def fits(self, table: Table) -> bool:
        """Whether the table has all columns by which the layout is known, and one for the file."""
        named = not self.file or table.find(*self.file) is not None
        return named and all(table.find(name) is not None for name in self.known_by)

    def times(self, table: Table) -> Times:
        """The columns of times: those the layout names, else those whose names give role and unit."""
        if not self.start:
            return times_of(table)
        at = [table.find(name) if name else None for name in (self.start, self.end, self.duration)]
        columns = [None if i is None else time_column(table, i, self.unit) for i in at]
        return Times(*columns)


# The more particular layouts first.
LAYOUTS = (
    Layout(
        "BirdNET-Analyzer",
        ("Start (s)", "End (s)", "Common name", "Confidence"),
        file=("File", "Begin Path"),
        species=("Common name", "Scientific name"),
    ),
    Layout(
        "BirdNET-Analyzer (a table for each file)",
        ("Start (s)", "End (s)", "Common name", "Confidence"),
        species=("Common name", "Scientific name"),
    ),
    Layout(
        "Kaleidoscope",
        ("IN FILE", "OFFSET", "DURATION"),
        file=("IN FILE",),
        folder=("FOLDER",),
        root=("INDIR",),
        detected=("TOP1MATCH*", "TOP1MATCH", "AUTO ID*", "AUTO ID"),
        species=("MANUAL ID", "common_name", "scientific_name"),
        start="OFFSET",
        duration="DURATION",
        channel="CHANNEL",
    ),
    Layout(
        "APLOSE",
        ("filename", "start_time", "end_time", "annotation", "annotator"),
        file=("filename",),
        species=("annotation",),
        start="start_time",
        end="end_time",
    ),
    Layout(
        "PAMlab",
        ("Soundfile", "Left time (sec)", "Right time (sec)"),
        file=("Soundfile",),
        species=("Species",),
        channel="Channel",
    ),
    Layout(
        "DCLDE / HALLO",
        ("Soundfile", "FileBeginSec", "FileEndSec"),
        file=("Soundfile",),
        species=("Species", "ClassSpecies"),
    ),
    Layout(
        "ecosound",
        ("audio_file_name", "time_min_offset", "time_max_offset"),
        file=("audio_file_name",),
        species=("label_class",),
        start="time_min_offset",
        end="time_max_offset",
    ),
    Layout(
        "crowsetta",
        ("onset_s", "offset_s", "label", "notated_path"),
        file=("notated_path",),
        species=("label",),
    ),
    Layout(
        "Arbimon",
        ("recording", "species", "x1", "x2", "y1", "y2"),
        file=("recording",),
        species=("species",),
        start="x1",
        end="x2",
    ),
    Layout(
        "BatDetect2",
        ("start_time", "end_time", "low_freq", "high_freq", "class"),
        species=("class",),
        start="start_time",
        end="end_time",
    ),
    Layout(
        "OpenSoundscape",
        ("start_time", "end_time"),
        file=("audio_file", "file"),
        species=("annotation", "class", "label"),
        start="start_time",
        end="end_time",
    ),
    Layout(
        "Ketos",
        ("filename", "start", "score"),
        file=("filename",),
        species=("label",),
        start="start",
        end="end",
        duration="duration",
    ),
    Layout(
        "Sonic Visualiser",
        ("TIME", "DURATION", "LABEL"),
        species=("LABEL",),
        start="TIME",
        duration="DURATION",
    ),
)


def recognised(table: Table) -> Layout | None:
    """The first layout that fits."""
    return next((layout for layout in LAYOUTS if layout.fits(table)), None)
