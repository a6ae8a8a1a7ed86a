"""Memory of a scan: what its processes import, and that it does not grow with the recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from finback.core.types import Labels, softmax
from finback.scan.columns import column, halves
from finback.scan.event_settings import EventSettings
from finback.scan.events import events_of, find_events
from finback.scan.grid import Grid
from finback.scan.score_series import parts
from finback.scan.spans import ScannedFile, ScoredSound

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


def test_a_process_that_measures_boxes_imports_no_torch() -> None:
    assert not imported("import finback.scan.box_work") & {"torch", "pandas", "sklearn", "matplotlib"}


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


RATE, MINUTE = 96_000, 60 * 96_000
SCANS = """
import re, sys
from pathlib import Path
import finback
finback.scan(sys.argv[1], sys.argv[2], sys.argv[3], workers=1, missing_band="analyse")
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process in /proc")
def test_memory_does_not_grow_with_the_recording(trained: Path, tmp_path: Path) -> None:
    """15 minutes at 96 kHz would be 350 MB as numbers with 32 bits."""
    x = np.random.default_rng(0).normal(0, 0.05, MINUTE)
    peaks_mb = []
    for minutes in (3, 15):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(x)
        command = [sys.executable, "-c", SCANS, trained, path, tmp_path / f"out-{minutes}"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        peaks_mb.append(int(done.stdout.splitlines()[-1]) / 1000)
        path.unlink()
    assert peaks_mb[1] - peaks_mb[0] < 60
    assert peaks_mb[1] < 600


def long_sound(n_windows: int, n_classes: int) -> ScoredSound:
    grid = Grid(0, 1000 * (n_windows + 1), 2000, 1000)
    file = ScannedFile("/a.wav", 0, 0, "", 1000, grid.stop, 1)
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((n_windows, n_classes), np.float32)
    faults = (4 * (rng.random(n_windows) < 0.01)).astype(np.uint8)  # clipped here and there
    positions = (grid.starts(0, n_windows), grid.stops(0, n_windows), grid.cell_stops(0, n_windows))
    return ScoredSound(file, None, Labels(tuple(map(str, range(n_classes)))), *positions, logits, faults)


def test_events_of_a_long_sound_need_the_memory_of_one_class() -> None:
    sound = long_sound(20_000, 60)
    tracemalloc.start()
    try:
        find_events(sound, EventSettings(), [1.0] * 60)
        assert tracemalloc.get_traced_memory()[1] < sound.logits.nbytes
    finally:
        tracemalloc.stop()


def test_the_series_of_a_class_is_that_of_all_classes_together() -> None:
    sound = long_sound(300, 5)
    at = 0
    for stretch in parts([sound]):
        n = len(stretch.start)
        at += int(np.flatnonzero(sound.start[at:] == stretch.start[0])[0])
        p = softmax(sound.logits[at : at + n])
        pieces = list(zip(stretch.edges[:-1], stretch.edges[1:], strict=True))
        for k in range(5):
            series = stretch.of_class(k)
            np.testing.assert_allclose(series.probabilities, p[:, k], rtol=1e-6)
            over = [p[(stretch.start <= a) & (stretch.stop >= b), k].mean() for a, b in pieces]
            np.testing.assert_allclose(series.scores, over, rtol=1e-5)


def test_memory_of_events_does_not_grow_with_the_sound() -> None:
    peaks = []
    for n in (4, 24):
        tracemalloc.start()
        try:
            n_found = sum(1 for _ in events_of(sections(n), EventSettings(), [0.9999] * 20))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert n_found < 500
    assert peaks[1] < 1.1 * peaks[0]


def sections(n: int) -> Iterator[ScoredSound]:
    """One sound in sections of 5,000 windows, of which 1 % are clipped."""
    sound = long_sound(5000, 20)
    for i in range(n):
        shift = i * int(sound.start[-1] + 1000)
        places = (sound.start + shift, sound.stop + shift, np.append(sound.start[1:], 5_000_000) + shift)
        faults = sound.faults if i % 2 else 0 * sound.faults
        yield ScoredSound(sound.file, None, sound.labels, *places, sound.logits, faults)
