"""WAVs whose header is wrong: what is really there, and the same numbers as a whole file gives."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio import io
from finback.audio.containers import riff
from finback.audio.metadata import statements
from finback.audio.parts import ByteReader
from finback.core.errors import AudioError

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


def make(path: Path, subtype: str = "PCM_16", n_channels: int = 2, n: int = 1000) -> np.ndarray:
    x = np.random.default_rng(3).uniform(-1, 1, (n, n_channels))
    io.write(path, x, 48_000, subtype)
    return io.read_channels(path)


def set_size(path: Path, n_bytes: int) -> bytes:
    """Overwrite the data chunk's size, as a recorder that died leaves it; the file's new bytes."""
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", n_bytes)
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFF0])
def test_size_never_written(tmp_path: Path, subtype: str, size: int) -> None:
    path = tmp_path / "died.WAV"
    whole = make(path, subtype)
    content = set_size(path, size)
    info = io.probe(path)
    assert (info.repaired, info.n_samples, info.n_channels) == (True, 1000, 2)
    assert (info.sample_rate, info.format, info.subtype) == (48_000, "WAV", subtype)
    assert np.array_equal(io.read_channels(path), whole)
    assert np.array_equal(io.read_channels(path, 123, 457), whole[123:457])
    assert np.array_equal(io.read(path, 5, 10, channel=1), whole[5:10, 1])
    assert np.array_equal(np.concatenate(list(io.blocks(path, 300, channel=0))), whole[:, 0])
    assert path.read_bytes() == content  # never mended in place


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_cut_short(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "cut.wav"
    whole = make(path, subtype)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 1])  # in the middle of a frame
    info = io.probe(path)
    assert info.repaired
    assert 480 < info.n_samples < 500
    assert np.array_equal(io.read_channels(path), whole[: info.n_samples])
    with pytest.raises(AudioError, match=r"cut\.wav: span 0-1000 is not inside"):
        io.read(path, 0, 1000)


def test_a_whole_file_is_not_repaired(tmp_path: Path) -> None:
    for subtype in SUBTYPES:
        make(tmp_path / "whole.wav", subtype)
        assert not io.probe(tmp_path / "whole.wav").repaired


def test_riff_size_alone_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "riff.wav"
    whole = make(path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\0\0\0\0" + content[8:])
    assert np.array_equal(io.read_channels(path), whole)


def test_no_samples_but_chunks_is_empty_not_dead(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16)
    notes = struct.pack("<4sI4s", b"LIST", 4, b"INFO")
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", 0) + notes
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    info = io.probe(path)
    assert (info.n_samples, info.repaired) == (0, False)
    for use in (io.read, io.open_recording):
        with pytest.raises(AudioError, match=r"empty\.wav: holds no samples"):
            use(path)


def test_over_4_gib_the_size_wraps(tmp_path: Path) -> None:
    path = tmp_path / "week.wav"
    make(path, "PCM_16", n_channels=1, n=10)
    n_bytes = 2**32 + 2_000_000
    with open(path, "rb") as file:
        start = riff.read_layout(ByteReader(file), path).data_start  # type: ignore[union-attr]
    set_size(path, n_bytes % 2**32)
    with open(path, "r+b") as file:
        file.truncate(start + n_bytes)  # sparse: takes no room
        file.seek(start + n_bytes - 2)
        file.write(struct.pack("<h", 16_384))
    info = io.probe(path)
    assert (info.repaired, info.n_samples) == (True, n_bytes // 2)
    assert io.read(path, info.n_samples - 2).tolist() == [0.0, 0.5]


def test_rf64_of_a_recorder_that_died(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "dead.rf64"
    x = np.random.default_rng(0).integers(-9999, 9999, (400, 1)).astype(np.int16)
    with soundfile.SoundFile(path, "w", 96_000, 1, "PCM_16", format="RF64") as sound:
        sound.write(x)
    assert not io.probe(path).repaired
    content = bytearray(path.read_bytes())
    at = content.index(b"ds64") + 16
    content[at : at + 8] = bytes(8)
    path.write_bytes(content)
    info = io.probe(path)
    assert (info.repaired, info.n_samples, info.sample_rate) == (True, 400, 96_000)
    assert np.array_equal(io.read(path), x[:, 0] / np.float32(32768))


def test_compressed_samples_cannot_be_found(tmp_path: Path) -> None:
    path = tmp_path / "adpcm.wav"
    make(path)
    content = bytearray(path.read_bytes())
    content[20:22] = struct.pack("<H", 17)  # IMA ADPCM
    path.write_bytes(content)
    set_size(path, 0)
    with pytest.raises(AudioError, match=r"adpcm\.wav: not a sound file that can be read \(.*ADPCM"):
        io.probe(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 90)
)
def test_any_damage_is_read_or_refused(tmp_path: Path, flips: list[tuple[int, int]], keep: int) -> None:
    path = tmp_path / "any.wav"
    if not (tmp_path / "good.wav").exists():
        make(tmp_path / "good.wav", n=20)
    content = bytearray((tmp_path / "good.wav").read_bytes())
    for at, value in flips:
        content[at] = value
    path.unlink(missing_ok=True)
    path.write_bytes(content[: max(1, len(content) - keep)])
    try:
        info = io.probe(path)
        assert len(io.read_channels(path)) == info.n_samples > 0
    except AudioError as error:
        assert "any.wav" in str(error)  # noqa: PT017


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_metadata_never_wait_for_a_pipe(tmp_path: Path) -> None:
    """Neither where a sound was a moment ago, nor where its log should be."""
    os.mkfifo(tmp_path / "a.wav")
    os.mkfifo(tmp_path / "a.log.xml")
    assert statements(tmp_path / "a.wav", 1000, {}) == []
