"""Columns of a Parquet table from Python values.

    column(pa.int64(), [1, 2, 3])       # equal to pa.array([1, 2, 3], pa.int64())

`pyarrow.array` imports pandas where it is installed: 40 MB and a third of a second in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST = 2**31 - 1  # values below a column: offsets have 32 bits


def column(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """The column of whole numbers, truth values, texts, bytes, or lists of numbers with 16 bits.

    Raises `TypeError` for another type, `ValueError` for more than 2 GB: mistakes of the caller.
    """
    n = len(values)
    if kind == pa.int64():
        return pa.Array.from_buffers(kind, n, [None, pa.py_buffer(np.array(values, np.int64))])
    if kind == pa.bool_():
        bits = np.packbits(np.array(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, n, [None, pa.py_buffer(bits)])
    if kind == pa.list_(pa.float16()):
        numbers = [np.asarray(one, np.float16) for one in values]
        flat = np.concatenate([np.zeros(0, np.float16), *numbers])
        own = pa.Array.from_buffers(pa.float16(), len(flat), [None, pa.py_buffer(flat)])
        return pa.Array.from_buffers(kind, n, [None, _offsets(numbers)], children=[own])
    if kind in (pa.string(), pa.binary()):
        texts = [one.encode() if isinstance(one, str) else one for one in values]
        return pa.Array.from_buffers(kind, n, [None, _offsets(texts), pa.py_buffer(b"".join(texts))])
    raise TypeError(f"no columns of {kind}")


def halves(values: pa.Array) -> NDArray[np.float16]:
    """Numbers with 16 bits, none of them missing, without a copy. (`to_numpy` imports pandas too.)"""
    if not len(values):
        return np.zeros(0, np.float16)
    return np.frombuffer(values.buffers()[1], np.float16, len(values), 2 * values.offset)


def _offsets(values: Sequence[Any]) -> pa.Buffer:
    """Where each value begins, and where the last one ends."""
    ends: NDArray[np.int64] = np.cumsum([0, *(len(one) for one in values)])
    if ends[-1] > MOST:
        raise ValueError(f"{ends[-1]:,} values in one column")
    return pa.py_buffer(ends.astype(np.int32))
