"""Arrays from outside: the header is checked before memory is taken, and objects are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finback.core.storage.arrays import read_arrays


def npy(header: str, values: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + values


@pytest.mark.parametrize(
    "array",
    [np.eye(3, dtype=np.float32), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array("é"), np.zeros(0)],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path: Path, array: np.ndarray, save: Any) -> None:
    save(tmp_path / "a.npz", one=array, two=np.arange(3))
    found = read_arrays(tmp_path / "a.npz")
    assert sorted(found) == ["one", "two"]
    np.testing.assert_array_equal(found["one"], array)
    assert found["one"].dtype == array.dtype
    np.save(tmp_path / "b.npy", array)
    np.testing.assert_array_equal(read_arrays(tmp_path / "b.npy")["b"], array)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "EOF|magic"),
        (b"PK\x03\x04", "zip"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"), "does not fit"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", b"1234"), "does not fit"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2.5,), }", b"1234"), "shape"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"12345678"), "numbers or text"),
        (npy("{'descr': '<f4', 'fortran_order': False, }"), "Header"),
        (npy("import os"), "parse"),
        (npy("(" * 110), "."),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        read_arrays(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        file = io.BytesIO()
        np.save(file, np.zeros(2_000_000))
        archive.writestr("x.npy", file.getvalue())
    assert (tmp_path / "a.npz").stat().st_size < 50_000
    with pytest.raises(ValueError, match="at most 1,000,000"):
        read_arrays(tmp_path / "a.npz", largest=1_000_000)
