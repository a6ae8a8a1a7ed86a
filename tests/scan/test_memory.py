"""Memory of a scan: what its processes import, and that it does not grow with the recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from finback.scan.columns import column, halves

HEAVY = {"pandas", "scipy", "sklearn", "matplotlib", "onnx", "onnxruntime", "lightning", "torchaudio"}


def imported(code: str) -> set[str]:
    """The packages that a fresh Python has imported after this code."""
    code += "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_first_process_imports_neither_torch_nor_scipy_before_the_tables() -> None:
    assert not imported("import finback.scan.scan") & {*HEAVY, "torch"}


def test_a_worker_imports_no_scipy() -> None:
    assert not imported("import finback.scan.engines.worker") & HEAVY


def test_a_journal_is_written_and_read_without_pandas(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {os.fspath(Path(__file__).parents[1])!r})
from pathlib import Path
from scanned import scanned
journal = scanned(Path({os.fspath(tmp_path)!r}), {{"a.wav": [[0.5, 1.0]] * 3}}, errors={{"b.wav": "damaged"}})
assert len(list(journal.sounds())) == 1
"""
    assert not imported(code) & HEAVY


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), [1, -(2**62), 0]),
        (pa.bool_(), [True, False] * 9),
        (pa.string(), ["", "Ärger", "x"]),
        (pa.binary(), [b"", b"\xff\0", b"x"]),
        (pa.list_(pa.float16()), [(), np.arange(4, dtype=np.float16), np.zeros(0, np.float16)]),
    ],
    ids=str,
)
def test_a_column_is_that_of_pyarrow(kind: pa.DataType, values: list[Any]) -> None:
    for own in (values, []):
        found = column(kind, own)
        found.validate(full=True)
        assert found.equals(pa.array(own, kind))


def test_numbers_of_a_list_are_those_that_were_written() -> None:
    numbers = [np.arange(3, dtype=np.float16), np.zeros(0, np.float16), np.array([-1.5, np.inf], np.float16)]
    found = column(pa.list_(pa.float16()), numbers)
    for i, own in enumerate(numbers):
        assert halves(found[i].values).tolist() == own.tolist()
    assert halves(found.slice(2).flatten()).tolist() == [-1.5, np.inf]
