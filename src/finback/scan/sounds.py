"""One channel of a file as it stands in a journal: the windows of all its spans, joined in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finback.core.types import Labels
from finback.scan.grid import Positions
from finback.scan.known import Segment
from finback.scan.parts import values_of
from finback.scan.spans import ScannedFile, ScoredSound


def joined(
    file: ScannedFile,
    channel: int | None,
    labels: Labels,
    segments: Sequence[Segment],
    tables: Callable[[Path], pa.Table],
) -> ScoredSound:
    """The sound of these pieces; `tables` gives the table of a part."""
    start: list[Positions] = []
    stop: list[Positions] = []
    cell_stop: list[Positions] = []
    logits: list[NDArray[np.float16]] = []
    faults: list[NDArray[np.uint8]] = []
    embeddings: list[NDArray[np.float16]] = []
    for grid, pieces in segments:
        for piece in pieces:
            table, windows = tables(piece.place.path), (piece.first, piece.last)
            wanted = slice(piece.offset, piece.offset + piece.last - piece.first)
            found = {
                name: values_of(table, piece.place.row, name) for name in ("logits", "faults", "embeddings")
            }
            n = len(found["faults"])
            start.append(grid.starts(*windows))
            stop.append(grid.stops(*windows))
            cell_stop.append(grid.cell_stops(*windows))
            logits.append(found["logits"].reshape(n, len(labels))[wanted])
            faults.append(found["faults"][wanted])
            embeddings.append(found["embeddings"].reshape(n, -1)[wanted])
    kept = _single(embeddings)
    positions = (np.concatenate(start), np.concatenate(stop), np.concatenate(cell_stop))
    scores = (_single(logits), np.concatenate(faults), kept if kept.shape[1] else None)
    return ScoredSound(file, channel, labels, *positions, *scores)


def _single(pieces: Sequence[NDArray[np.float16]]) -> NDArray[np.float32]:
    """All pieces in one array, from 16 to 32 bits."""
    return np.concatenate([piece.astype(np.float32) for piece in pieces])
