"""One channel of a file as it stands in a journal: the windows of all its spans, joined in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finback.core.types import Labels
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
    """The sound of these pieces; `tables` gives the table of a part. Memory is that of the sound, once."""
    n = sum(piece.last - piece.first for _, pieces in segments for piece in pieces)
    start, stop, cell_stop = (np.empty(n, np.int64) for _ in range(3))
    faults = np.empty(n, np.uint8)
    widths = {"logits": len(labels), "embeddings": -1}
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
    kept = scores["embeddings"]
    embeddings = kept if kept.shape[1] else None
    return ScoredSound(file, channel, labels, start, stop, cell_stop, scores["logits"], faults, embeddings)
