"""Arrays from .npy and .npz files, checked before any memory is taken for them.

    arrays = read_arrays(path)        # {name: array}; a .npy file has one, named after the file

The header of an array names a type and a shape. Both are checked against the bytes that the file holds. A
header of 60 bytes can ask for a terabyte, and a zip file of 3 MB can unpack to 3 GB. Objects (pickles) are
refused.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

LARGEST = 1 << 32  # bytes of all arrays of a file together
KINDS = "biufU"  # truth values, integers, floats, text
ENDS = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, SyntaxError)
UNREADABLE = (*ENDS, NotImplementedError, OverflowError, RecursionError, RuntimeError, tokenize.TokenError)


def read_arrays(path: Path, largest: int = LARGEST) -> dict[str, np.ndarray]:
    """All arrays of a file. Raises `FileNotFoundError`, or `ValueError` that says what is wrong."""
    with open(path, "rb") as file:
        try:
            if file.read(2) != b"PK":
                file.seek(0)
                return {Path(path).stem: _array(file, os.fstat(file.fileno()).st_size, largest)}
            with zipfile.ZipFile(file) as archive:
                return _members(archive, largest)
        except UNREADABLE as error:
            text = str(error).strip() or type(error).__name__
            raise ValueError(text.splitlines()[0][:200]) from None


@contextmanager
def one_by_one(path: Path) -> Iterator[Callable[[str], np.ndarray]]:
    """The arrays of an .npz, each read when it is asked for by name.

    Raises `ValueError` that says what is wrong with the file or with the array.
    """

    def get(name: str) -> np.ndarray:
        try:
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as file:
                return _array(file, member.file_size, LARGEST)
        except UNREADABLE as error:
            raise ValueError(f"array '{name}': {str(error).strip()[:200] or type(error).__name__}") from None

    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise ValueError(str(error).strip()[:200] or type(error).__name__) from None
    with archive:
        yield get


def _members(archive: zipfile.ZipFile, largest: int) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    left = largest
    for member in archive.infolist():
        if member.is_dir() or not member.filename.endswith(".npy"):
            continue
        with archive.open(member) as file:
            array = _array(file, member.file_size, left)
        left -= array.nbytes
        arrays[member.filename.removesuffix(".npy")] = array
    return arrays


def _array(file: IO[bytes], size: int, largest: int) -> np.ndarray:
    """One array in .npy format of `size` bytes, header and values."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the array format")
    of_format: Any = np.lib.format
    read = of_format.read_array_header_1_0 if version == (1, 0) else of_format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind not in KINDS or dtype.hasobject:
        raise ValueError(f"an array of {dtype}, and numbers or text are needed")
    n_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or n_bytes > size:
        raise ValueError(f"an array of shape {shape} does not fit into {size:,} bytes")
    if n_bytes > largest:
        raise ValueError(f"{n_bytes:,} bytes of values; at most {largest:,} are read")
    values = file.read(n_bytes)
    if len(values) != n_bytes:
        raise ValueError(f"the values end after {len(values):,} of {n_bytes:,} bytes")
    flat = np.frombuffer(bytearray(values), dtype=dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
