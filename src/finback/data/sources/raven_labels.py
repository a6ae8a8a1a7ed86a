"""How the selections of a table of Raven become labels: each needs an annotation that names a species."""

from __future__ import annotations

from finback.core.errors import ManifestError
from finback.data.formats.names import recording_called
from finback.data.formats.raven_selections import label_position, selections, sequence_note
from finback.data.sources.base import IndexRequest, Labelled, LabelRow, species_name, unnamed_species
from finback.data.tables import Table


def species_column(table: Table, request: IndexRequest) -> int:
    """The column of the species. Raises `ManifestError` when there is none."""
    found = label_position(table, request.species_column)
    if found is None:
        repair = "name the annotation column with --species-column, or add a column Species"
        raise ManifestError(f"{table.path}: no column says the species (it has: {table.columns})", repair)
    return found


def read_selections(table: Table, request: IndexRequest, species: int, many: bool) -> Labelled:
    """The annotated selections of a table, each once; `many`: it is one of several tables."""
    group = table.find("group")
    rows: list[LabelRow] = []
    problems = list(table.problems)
    for selection in selections(table, species, request.file_column):
        row = selection.row
        names = selection.names or (recording_called(table.path.name),)
        # A row that is not used: the problem gives the name of its file.
        bare = LabelRow(
            file=names[0].replace("\\", "/").rsplit("/", 1)[-1],
            species="",
            row=row.number,
            table=table.path.name,
        )
        if unnamed_species(row.cells[species]):
            message, repair = "the selection has no annotation", "annotate it, or leave out the row"
            problems.append(bare.problem("empty_label", message, repair))
        elif selection.fault is not None:
            fault = selection.fault
            problems.append(bare.problem(fault.kind, fault.message, fault.repair))
        else:
            rows.append(
                LabelRow(
                    file=names[0],
                    also=names[1] if len(names) > 1 else "",
                    species=species_name(row.cells[species]),
                    row=row.number,
                    table=table.path.name if many else "",
                    group=row.get(group),
                    start_s=selection.start_s,
                    end_s=selection.end_s,
                    channel=selection.channel,
                    cut=True,
                )
            )
    problems += sequence_note(table, (row.file for row in rows))
    return Labelled(tuple(rows), tuple(problems))
