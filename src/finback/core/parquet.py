"""Parquet tables of a run folder: read with the columns they must have, within bounds.

table = read_table(run.scores, {"recording_id": "text", "start": "integer", "logits": "numbers"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finback.core.errors import RunError
from finback.core.files import RESTORE

LARGEST = 1 << 31  # bytes of all columns, uncompressed, as the file states them
MOST_ROWS = 20_000_000
KINDS: dict[str, Callable[[pa.DataType], bool]] = {
    "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
    "integer": pa.types.is_integer,
    "number": lambda t: pa.types.is_floating(t) or pa.types.is_integer(t),
    "truth": pa.types.is_boolean,
    "numbers": lambda t: pa.types.is_list(t) and pa.types.is_floating(t.value_type),
}
Columns = Mapping[str, str]  # name -> a key of `KINDS`; "?" after the kind: values may be missing


def read_table(path: Path, columns: Columns) -> tuple[pa.Table, dict[str, str]]:
    """The table, and its metadata as text.

    Raises `RunError` that names the file when it is missing, damaged or too large, or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_size(file, path)
            table = file.read()
        metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        table.validate(full=True)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        text = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise RunError(f"{path}: damaged ({text})", RESTORE) from None
    for name, kind in columns.items():
        _check_column(table, name, kind, path)
    return table, metadata


def _check_size(file: pq.ParquetFile, path: Path) -> None:
    about = file.metadata
    size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if about.num_rows > MOST_ROWS or not 0 <= size <= LARGEST:
        raise RunError(f"{path}: a table of {about.num_rows:,} rows and {size:,} bytes is too large", RESTORE)


def _check_column(table: pa.Table, name: str, kind: str, path: Path) -> None:
    if table.column_names.count(name) != 1:
        raise RunError(f"{path}: damaged (column '{name}' is missing)", RESTORE)
    column = table[name]
    if not KINDS[kind.removesuffix("?")](column.type):
        raise RunError(f"{path}: damaged (column '{name}' holds {column.type})", RESTORE)
    if column.null_count and not kind.endswith("?"):
        raise RunError(f"{path}: damaged (column '{name}' has {column.null_count} empty cells)", RESTORE)
