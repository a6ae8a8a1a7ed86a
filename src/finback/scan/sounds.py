"""One channel of a file as it stands in a journal: the windows of all its spans, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finback.core.types import Labels
from finback.scan.known import Piece, Segment
from finback.scan.parts import values_of
from finback.scan.spans import Cells, ScannedFile, ScoredSound

NUMBERS = 1 << 22  # of a section
WIDEST = 2048  # numbers of an embedding, or more than it has
FEWEST, MOST = 1 << 10, 1 << 17  # windows of a section

Tables = Callable[[Path], pa.Table]


def sections_of(segments: Sequence[Segment], width: int) -> Iterator[list[Segment]]:
    """The segments in order, cut into sections of some 16 MB; `width` is the numbers of a window.

    Sections depend on the number of windows only, and not on who wrote them in which parts.
    """
    most = min(max(NUMBERS // width, FEWEST), MOST)
    found: list[Segment] = []
    room = most
    for grid, pieces in segments:
        own: list[Piece] = []
        for piece in pieces:
            while piece.last > piece.first:
                n = min(room, piece.last - piece.first)
                own.append(piece._replace(last=piece.first + n))
                piece = piece._replace(first=piece.first + n, offset=piece.offset + n)
                room -= n
                if not room:
                    yield [*found, (grid, own)]
                    found, own, room = [], [], most
        if own:
            found.append((grid, own))
    if found:
        yield found


def cells_of(segments: Sequence[Segment], tables: Tables) -> Cells:
    """The cells of the windows of these pieces; those that follow each other with equal faults as one."""
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]] = []
    for grid, pieces in segments:
        for piece in pieces:
            windows = (piece.first, piece.last)
            known = values_of(tables(piece.place.path), piece.place.row, "faults")
            faults = known[piece.offset : piece.offset + piece.last - piece.first]
            found.append(_run(grid.starts(*windows), grid.cell_stops(*windows), faults))
    if not found:
        return Cells(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8))
    return Cells(*_run(*(np.concatenate(column) for column in zip(*found, strict=True))))


def _run(
    start: NDArray[np.int64], stop: NDArray[np.int64], faults: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Cells that follow each other with equal faults as one."""
    if not len(start):
        return start, stop, faults
    goes_on = (start[1:] == stop[:-1]) & (faults[1:] == faults[:-1])
    first, last = np.concatenate([[True], ~goes_on]), np.concatenate([~goes_on, [True]])
    return start[first], stop[last], faults[first]


def joined(
    file: ScannedFile,
    channel: int | None,
    labels: Labels,
    segments: Sequence[Segment],
    tables: Tables,
    embeddings: bool = True,
) -> ScoredSound:
    """The sound of these pieces; `tables` gives the table of a part. Memory is that of the sound, once."""
    n = sum(piece.last - piece.first for _, pieces in segments for piece in pieces)
    start, stop, cell_stop = (np.empty(n, np.int64) for _ in range(3))
    faults = np.empty(n, np.uint8)
    widths = {"logits": len(labels), **({"embeddings": -1} if embeddings else {})}
    scores: dict[str, NDArray[np.float32]] = {}
    at = 0
    for grid, pieces in segments:
        for piece in pieces:
            table, windows = tables(piece.place.path), (piece.first, piece.last)
            wanted = slice(piece.offset, piece.offset + piece.last - piece.first)
            own = slice(at, at := at + piece.last - piece.first)
            start[own], stop[own] = grid.starts(*windows), grid.stops(*windows)
            cell_stop[own] = grid.cell_stops(*windows)
            known = values_of(table, piece.place.row, "faults")
            faults[own] = known[wanted]
            for name in widths:
                found = values_of(table, piece.place.row, name).reshape(len(known), widths[name])[wanted]
                if name not in scores:
                    scores[name] = np.empty((n, found.shape[1]), np.float32)
                scores[name][own] = found  # from 16 to 32 bits
    kept = scores.get("embeddings")
    vectors = None if kept is None or not kept.shape[1] else kept
    return ScoredSound(file, channel, labels, start, stop, cell_stop, scores["logits"], faults, vectors)
