"""The Parquet files of a journal: parts with the results of spans, and lists of the files that were found.

A row of a part is a span with all its windows: its file, its place on the grid, its logits with 16 bits. The
name of each Parquet file ends with a digest of its bytes. Therefore equal results have equal names, however
often they are written; and a file that the disk damaged is known before anything reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from finback.core.text import printable
from finback.scan.columns import column, halves
from finback.scan.grid import Grid
from finback.scan.spans import FileState, ScannedFile, Span, SpanError, SpanScores

LARGEST = 1 << 30  # bytes of a part that are read; a part of ten minutes has some 20 kB
LARGEST_HALF = 65_504.0  # the largest number of 16 bits
PROPERTIES = ("size", "modified_ns", "digest", "sample_rate", "n_samples", "n_channels")
MEAN = -1  # number of the channel that is the mean of all
HALVES = pa.list_(pa.float16())
FILE_COLUMNS = (
    ("path", pa.binary()),  # as the system has it: it may be no text
    ("size", pa.int64()),
    ("modified_ns", pa.int64()),
    ("digest", pa.string()),
    ("sample_rate", pa.int64()),
    ("n_samples", pa.int64()),
    ("n_channels", pa.int64()),
    ("about", pa.string()),  # JSON: start time, schedule, remarks
)
SPAN_COLUMNS = (
    ("channel", pa.int64()),
    ("start", pa.int64()),
    ("stop", pa.int64()),
    ("window", pa.int64()),
    ("hop", pa.int64()),
    ("first", pa.int64()),
    ("last", pa.int64()),
    ("attempt", pa.int64()),  # of a span that could not be analysed: how often it was tried
    ("error", pa.string()),  # "": it was analysed
)
SCORE_COLUMNS = (("logits", HALVES), ("faults", pa.binary()), ("embeddings", HALVES))
STATE_COLUMNS = (("reason", pa.string()), ("was_skipped", pa.bool_()), ("generation", pa.int64()))
PART = pa.schema([*FILE_COLUMNS, *SPAN_COLUMNS, *SCORE_COLUMNS])
LISTED = pa.schema([*FILE_COLUMNS, *STATE_COLUMNS])
KEYS = [name for name, _ in (*FILE_COLUMNS, *SPAN_COLUMNS)]

Result = SpanScores | SpanError


def encoded(table: pa.Table) -> bytes:
    """The Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_statistics=False, use_dictionary=["path", "about"])
    return sink.getvalue().to_pybytes()


def digest_of(data: bytes) -> str:
    """24 hex digits of a file's bytes, the end of its name."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def read_whole(path: Path) -> bytes | None:
    """The bytes of a Parquet file of a journal; None when they do not fit its name, or cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return data if digest_of(data) == path.stem.rpartition("-")[2] else None


def table_of(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The table of a file's bytes, or some of its columns."""
    with pq.ParquetFile(pa.BufferReader(data)) as file:  # a third of the time of `read_table` for small files
        return file.read(columns=list(columns) if columns else None, use_threads=False)


def part_of(results: Sequence[Result], attempts: Mapping[Span, int]) -> pa.Table:
    """The rows of results; `attempts` has the number of attempts of a span that failed before.

    Raises `ValueError` for scores that do not fit their span: a mistake of the caller.
    """
    rows: dict[str, list[Any]] = {name: [] for name in PART.names}
    for result in results:
        span = result.span
        _add_file(rows, span.file)
        channel = MEAN if span.channel is None else span.channel
        places = (channel, span.start, span.stop, span.window, span.hop, span.first, span.last)
        if isinstance(result, SpanError):
            outcome: tuple[Any, ...] = (attempts.get(span, 0) + 1, printable(result.reason), (), b"", ())
        else:
            outcome = (0, "", *_scores(result))
        for name, value in zip(PART.names[len(FILE_COLUMNS) :], (*places, *outcome), strict=True):
            rows[name].append(value)
    return _table(rows, PART)


def listed(states: Sequence[FileState], generation: int) -> pa.Table:
    """The rows of files as they were found."""
    rows: dict[str, list[Any]] = {name: [] for name in LISTED.names}
    for state in states:
        _add_file(rows, state.file)
        rows["reason"].append(printable(state.reason))
        rows["was_skipped"].append(state.was_skipped)
        rows["generation"].append(generation)
    return _table(rows, LISTED)


def states_of(table: pa.Table) -> list[tuple[int, FileState]]:
    """(generation, state) of each row of `listed`."""
    return [
        (row["generation"], FileState(file_of(row), row["reason"], row["was_skipped"]))
        for row in table.to_pylist()
    ]


def file_of(row: Mapping[str, Any]) -> ScannedFile:
    """The file of a row."""
    about = json.loads(row["about"])
    start = about["start_time"]
    return ScannedFile(
        path=os.fsdecode(row["path"]),
        start_time=None if start is None else datetime.fromisoformat(start),
        start_time_source=about["start_time_source"],
        schedule=tuple((sample, datetime.fromisoformat(when)) for sample, when in about["schedule"]),
        remarks=tuple(about["remarks"]),
        grown_from=tuple((size, when, digest) for size, when, digest in about["grown_from"]),
        **{name: row[name] for name in PROPERTIES},
    )


def span_of(row: Mapping[str, Any], file: ScannedFile) -> Span:
    """The span of a row."""
    places = (row[name] for name in ("start", "stop", "window", "hop", "first", "last"))
    return Span(file, None if row["channel"] == MEAN else row["channel"], *places)


def values_of(table: pa.Table, row: int, name: str) -> NDArray[Any]:
    """The flat values of a cell of `SCORE_COLUMNS`."""
    cell = table[name][row]
    if name == "faults":
        return np.frombuffer(cell.as_py(), dtype=np.uint8)
    return halves(cell.values)


def _table(rows: Mapping[str, Sequence[Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([column(field.type, rows[field.name]) for field in schema], schema=schema)


def _add_file(rows: dict[str, list[Any]], file: ScannedFile) -> None:
    about = {
        "start_time": None if file.start_time is None else file.start_time.astimezone(UTC).isoformat(),
        "start_time_source": file.start_time_source,
        "schedule": [(sample, when.isoformat()) for sample, when in file.schedule],
        "remarks": file.remarks,
        "grown_from": file.grown_from,
    }
    rows["path"].append(os.fsencode(file.path))
    for name in PROPERTIES:
        rows[name].append(getattr(file, name))
    rows["about"].append(json.dumps(about, sort_keys=True))


def _scores(result: SpanScores) -> tuple[NDArray[np.float16], bytes, NDArray[np.float16]]:
    """Logits, faults and embeddings as they are stored, once they are known to be those of the span."""
    span, grid = result.span, Grid.of(result.span)
    n = span.last - span.first
    starts, stops = grid.starts(span.first, span.last), grid.stops(span.first, span.last)
    if not (np.array_equal(result.start, starts) and np.array_equal(result.stop, stops)):
        raise ValueError(f"windows {span.first} to {span.last} of {span.file.path} are not on the grid")
    if len(result.logits) != n or len(result.faults) != n:
        raise ValueError(f"{len(result.logits)} scores, {len(result.faults)} faults for {n} windows")
    kept = np.zeros(0, np.float32) if result.embeddings is None else result.embeddings
    return _halves(result.logits), result.faults.astype(np.uint8).tobytes(), _halves(kept)


def _halves(x: NDArray[np.float32]) -> NDArray[np.float16]:
    return x.clip(-LARGEST_HALF, LARGEST_HALF).astype(np.float16).ravel()
