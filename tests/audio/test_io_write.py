"""Sound files out: every step comes back, and what cannot be written leaves the old file."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio import io
from finback.core.errors import AudioError, FinbackError

RATE = 48_000

EXACT = [(".wav", "PCM_U8"), (".wav", "PCM_16"), (".wav", "PCM_24"), (".wav", "PCM_32"), (".wav", "FLOAT")]
EXACT += [(".wav", "DOUBLE"), (".flac", "PCM_S8"), (".flac", "PCM_16"), (".FLAC", "PCM_24")]


@pytest.mark.parametrize(("suffix", "subtype"), EXACT)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_round_trip_is_exact(tmp_path: Path, suffix: str, subtype: str, n_channels: int) -> None:
    """Every step an integer type has comes back; and what was read is written back the same."""
    bits = min(24, io.checks.PCM_BITS.get(subtype, 24))  # float32 has 24
    steps = np.random.default_rng(2).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (70_000, n_channels))
    x = (steps / 2 ** (bits - 1)).astype(np.float32)
    x = x[:, 0] if n_channels == 1 else x
    io.write(tmp_path / f"a{suffix}", x, RATE, subtype)
    info = io.probe(tmp_path / f"a{suffix}")
    assert (info.subtype, info.n_channels, info.sample_rate) == (subtype, n_channels, RATE)
    assert np.array_equal(np.squeeze(io.read_channels(tmp_path / f"a{suffix}")), x)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50))
def test_written_within_half_a_step(tmp_path: Path, values: list[float]) -> None:
    x = np.array(values, np.float32)
    io.write(tmp_path / "x.wav", x, 8000)
    step = 2.0**-15
    back = io.read(tmp_path / "x.wav")
    assert np.abs(back - x).max() <= np.where(x.max() > 1 - step, step, step / 2 + 1e-9)


BAD_WRITES = {
    "mp3": ("x.mp3", np.zeros(9), 8000, "PCM_16", "cannot write '.mp3' files; name it .wav or .flac"),
    "ogg": ("x.ogg", np.zeros(9), 8000, "PCM_16", "cannot write '.ogg' files"),
    "no suffix": ("x", np.zeros(9), 8000, "PCM_16", "cannot write '' files"),
    "float flac": ("x.flac", np.zeros(9), 8000, "FLOAT", "FLAC cannot hold FLOAT; choose one of PCM_16"),
    "too loud": ("x.wav", np.array([0, -1.001]), 8000, "PCM_16", "a peak of 1.001 does not fit PCM_16"),
    "nan": ("x.wav", np.array([0, np.nan]), 8000, "FLOAT", "NaN or infinite samples"),
    "infinite": ("x.wav", np.array([0, -np.inf]), 8000, "PCM_16", "NaN or infinite samples"),
    "nothing": ("x.wav", np.zeros(0), 8000, "PCM_16", "samples of shape (0, 1)"),
    "cube": ("x.wav", np.zeros((2, 2, 2)), 8000, "PCM_16", "samples of shape (2, 2, 2)"),
    "integers": ("x.wav", np.zeros(9, np.int16), 8000, "PCM_16", "samples are int16, not float"),
    "9 Hz": ("x.wav", np.zeros(9), 9, "PCM_16", "sample rate 9 Hz; give 10 Hz to 1 MHz"),
    "2 MHz": ("x.wav", np.zeros(9), 2_000_000, "PCM_16", "sample rate 2000000 Hz"),
    "1 MHz flac": ("x.flac", np.zeros(9), 1_000_000, "PCM_16", "FLAC cannot hold 1 channels at 1000000 Hz"),
    "9 channel flac": ("x.flac", np.zeros((9, 9)), 8000, "PCM_16", "FLAC cannot hold 9 channels"),
}


@pytest.mark.parametrize("case", BAD_WRITES)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, case: str) -> None:
    name, x, rate, subtype, message = BAD_WRITES[case]
    (tmp_path / name).write_text("old")
    with pytest.raises(AudioError, match=re.escape(f"{name}: {message}")):
        io.write(tmp_path / name, x, rate, subtype)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"


def test_disk_full_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file size stands in for a full disk; it needs a process of its own."""
    io.write(tmp_path / "a.wav", np.full(100, 0.5), 8000)
    script = f"""
import resource, signal
import numpy as np
from finback.audio import io
from finback.core.errors import FinbackError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (99_999, 99_999))
for name in ("a.wav", "b.flac"):
    try:
        io.write({str(tmp_path)!r} + "/" + name, np.random.default_rng(0).uniform(-1, 1, 200_000), 8000)
    except FinbackError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    messages = done.stdout.splitlines()
    assert len(messages) == 2
    assert all("could not be written" in line and "free some space" in line for line in messages)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
    assert len(io.read(tmp_path / "a.wav")) == 100


def test_errors_of_the_writer_are_finbacks(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()  # in the way
    with pytest.raises(FinbackError, match=r"a\.wav: could not be written"):
        io.write(tmp_path / "a.wav", np.zeros(9), 8000)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_written_in_blocks_is_written_at_once(tmp_path: Path, name: str) -> None:
    x = np.random.default_rng(4).uniform(-1, 1, (5000, 2))
    io.write(tmp_path / f"one_{name}", x, 8000)
    with io.writer(tmp_path / name, 8000, n_channels=2) as file:
        for at in range(0, 5000, 777):
            file.write(x[at : at + 777])
            assert not (tmp_path / name).exists()
    assert np.array_equal(io.read_channels(tmp_path / name), io.read_channels(tmp_path / f"one_{name}"))


@pytest.mark.parametrize(
    ("block", "message"), [(np.full(9, 1.5), "a peak of 1.5"), (np.zeros((9, 2)), "a block of 2")]
)
def test_a_block_that_does_not_fit_leaves_no_file(tmp_path: Path, block: np.ndarray, message: str) -> None:
    def write() -> None:
        with io.writer(tmp_path / "a.wav", 8000) as file:
            file.write(np.zeros(99))
            file.write(block)

    with pytest.raises(AudioError, match=rf"a\.wav: {message}"):
        write()
    assert not list(tmp_path.iterdir())


def test_equal_samples_are_equal_files_whenever_they_are_written(tmp_path: Path) -> None:
    """libsndfile notes the second of writing in float files, unless it is told not to."""
    subtypes = ("PCM_16", "FLOAT", "DOUBLE")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for subtype in subtypes:
            io.write(tmp_path / folder / f"{subtype}.wav", np.linspace(-0.5, 0.5, 100), 1000, subtype)
        if folder == "a":
            time.sleep(1.1)
    for subtype in subtypes:
        first, second = (tmp_path / folder / f"{subtype}.wav" for folder in ("a", "b"))
        assert first.read_bytes() == second.read_bytes(), subtype
