"""Parquet tables of a run folder: read with the columns they must have, within bounds, and undamaged.

    write_table(run.scores, table, {"labels": "Killer whale\\nFin whale"})
    table, metadata = read_table(run.scores, {"recording_id": "text", "logits": "numbers"})

The metadata hold a digest of all values and of all other metadata. It is inside the file, so that no kill
between two writes can part the two. Tables of version 0.1.0 have no digest and are read as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finback.core.errors import RunError
from finback.core.storage.files import RESTORE, atomic_path

LARGEST = 1 << 31  # bytes of all columns, uncompressed, as the file states them
MOST_ROWS = 20_000_000
DIGEST = "digest"  # key of the metadata
# Metadata of the tables of version 0.1.0, without a digest. One flipped bit can hide all metadata of a file,
# so no other table without a digest is whole.
OLD = ({"labels"}, {"fingerprint", "neighbours", "layouts"})
KINDS: dict[str, Callable[[pa.DataType], bool]] = {
    "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
    "integer": pa.types.is_integer,
    "number": lambda t: pa.types.is_floating(t) or pa.types.is_integer(t),
    "truth": pa.types.is_boolean,
    "numbers": lambda t: pa.types.is_list(t) and pa.types.is_floating(t.value_type),
}
Columns = Mapping[str, str]  # name -> a key of `KINDS`; "?" after the kind: values may be missing


def write_table(path: Path, table: pa.Table, metadata: Mapping[str, str]) -> None:
    """Write a table with metadata and their digest, whole or not at all. Raises `WriteError`."""
    signed = {**metadata, DIGEST: _digest(table, metadata)}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(signed), temporary)


def read_table(path: Path, columns: Columns) -> tuple[pa.Table, dict[str, str]]:
    """The table, and its metadata as text.

    Raises `RunError` that names the file when it is missing or damaged, lacks a column, or does
    not fit its digest.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_size(file, path)
            table = file.read()
        metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        table.validate(full=True)
        digest = metadata.pop(DIGEST, None)
        is_whole = set(metadata) in OLD if digest is None else digest == _digest(table, metadata)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        text = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise RunError(f"{path}: damaged ({text})", RESTORE) from None
    if not is_whole:
        raise RunError(f"{path}: damaged (its content does not fit its digest)", RESTORE)
    for name, kind in columns.items():
        _check_column(table, name, kind, path)
    return table, metadata


def _digest(table: pa.Table, metadata: Mapping[str, str]) -> str:
    """32 hex digits of names, values and metadata; they do not depend on how the file is laid out."""
    names = table.column_names
    digest = hashlib.blake2b(json.dumps([sorted(metadata.items()), names]).encode(), digest_size=16)
    for column in table.columns:
        values = pa.concat_arrays([pa.array([], column.type), *column.chunks])
        if pa.types.is_list(values.type):
            lengths = pc.list_value_length(values).to_pylist()  # None where a cell is empty
            digest.update(json.dumps(lengths).encode())
            values = values.flatten()
        digest.update(f"{values.type} {len(values)} {values.null_count}".encode())
        is_number = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
        if is_number and not values.null_count:
            digest.update(np.ascontiguousarray(values.to_numpy(zero_copy_only=False)).data)
        else:
            digest.update(repr(values.to_pylist()).encode())
    return digest.hexdigest()


def _check_size(file: pq.ParquetFile, path: Path) -> None:
    about = file.metadata
    size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if not (0 <= about.num_rows <= MOST_ROWS and 0 <= size <= LARGEST):
        raise RunError(f"{path}: damaged (it states {about.num_rows:,} rows and {size:,} bytes)", RESTORE)


def _check_column(table: pa.Table, name: str, kind: str, path: Path) -> None:
    if table.column_names.count(name) != 1:
        raise RunError(f"{path}: damaged (column '{name}' is missing)", RESTORE)
    column = table[name]
    if not KINDS[kind.removesuffix("?")](column.type):
        raise RunError(f"{path}: damaged (column '{name}' holds {column.type})", RESTORE)
    if column.null_count and not kind.endswith("?"):
        raise RunError(f"{path}: damaged (column '{name}' has {column.null_count} empty cells)", RESTORE)
