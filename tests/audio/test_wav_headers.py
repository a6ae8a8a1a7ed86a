"""WAV and its relatives: sizes, widths and values that are wrong in the header, and are read all the same."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from damaged_sounds import RATE, N, content, put

from finback.audio import io
from finback.core.errors import AudioError

SIZES = {  # of the samples: where the number stands, and how it is written
    "AU": (b".snd", 8, ">I", (0, 1, 2000, 0xFFFFFFFF, 0x7FFFFFFF)),
    "AIFF": (b"SSND", 4, ">I", (0, 8, 2000, 0xFFFFFFFF, 0x7FFFFFFF)),
    "CAF": (b"data", 4, ">q", (0, -1, 2004, 1 << 60)),
    "W64": (b"data\xf3", 16, "<q", (0, 24, 2024, -1, 1 << 60)),
    "RF64": (b"ds64", 16, "<Q", (0, 2000, (1 << 64) - 1)),
    "WAV": (b"data", 4, "<I", (0, 2000, 2001, 0xFFFFFFFF, 0x7FFFFFFF)),
}


@pytest.mark.parametrize("container", SIZES)
@pytest.mark.parametrize("which", range(5))
def test_sizes_that_are_wrong(tmp_path: Path, container: str, which: int) -> None:
    mark, offset, code, sizes = SIZES[container]
    data = content(container, "PCM_16", 2)
    whole = io.read_channels(put(tmp_path / "whole", data))
    at = data.index(mark) + offset
    size = sizes[which % len(sizes)]
    wrong = struct.pack(code, size)
    path = put(tmp_path / "wrong", data[:at] + wrong + data[at + len(wrong) :])
    info = io.probe(path)
    assert (info.n_samples, info.repaired) == (N, True)
    assert np.array_equal(io.read_channels(path), whole)
    assert info.remarks[0].startswith(f"the {'WAV' if container == 'RF64' else container} header ")


def wav(fmt: bytes, body: bytes, size: int | None = None, order: str = "<", after: bytes = b"") -> bytes:
    chunk = struct.pack(order + "4sI", b"fmt ", len(fmt)) + fmt
    data = struct.pack(order + "4sI", b"data", len(body) if size is None else size) + body + after
    name = b"RIFF" if order == "<" else b"RIFX"
    return name + struct.pack(order + "I", 4 + len(chunk) + len(data)) + b"WAVE" + chunk + data


def pcm(n_channels: int, bits: int, align: int, order: str = "<", per_s: int | None = None) -> bytes:
    return struct.pack(
        order + "HHIIHH", 1, n_channels, RATE, RATE * align if per_s is None else per_s, align, bits
    )


def int24(n: int) -> np.ndarray:
    return np.random.default_rng(5).integers(-(1 << 23), 1 << 23, n, dtype=np.int32)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("died", [False, True])
@pytest.mark.parametrize("low", [False, True])
def test_24_bits_in_slots_of_4_bytes(tmp_path: Path, n_channels: int, died: bool, low: bool) -> None:
    x = int24(2000 * n_channels)
    body = (x if low else x << 8).astype("<i4").tobytes()  # arecord puts them at the low end
    path = put(tmp_path / "a.wav", wav(pcm(n_channels, 24, 4 * n_channels), body, 0 if died else None))
    info = io.probe(path)
    assert (info.n_samples, bool(info.remarks), info.repaired) == (2000, died, died)
    assert np.array_equal(io.read_channels(path).ravel(), (x / 2**23).astype(np.float32))


@pytest.mark.parametrize(("bits", "width"), [(20, 3), (12, 2), (24, 3), (10, 2)])
def test_fewer_bits_than_bytes(tmp_path: Path, bits: int, width: int) -> None:
    x = np.random.default_rng(5).integers(-(1 << (bits - 1)), 1 << (bits - 1), 500) << (8 * width - bits)
    body = x.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    for size in (None, 0):
        path = put(tmp_path / "a.wav", wav(pcm(1, bits, width), body, size))
        assert np.array_equal(io.read(path), (x / 2 ** (8 * width - 1)).astype(np.float32))


@pytest.mark.parametrize("align", [0, 1, 3, 4, 77])
@pytest.mark.parametrize("derived", [False, True])
def test_a_block_align_that_lies(tmp_path: Path, align: int, derived: bool) -> None:
    x = np.random.default_rng(5).integers(-9999, 9999, 3000).astype("<i2")
    per_s = RATE * align if derived else RATE * 2
    path = put(tmp_path / "a.wav", wav(pcm(1, 16, align, per_s=per_s), x.tobytes()))
    info = io.probe(path)
    assert np.array_equal(io.read(path), x / np.float32(32768))
    assert bool(info.remarks) == (align != 0)


def test_big_endian_wav(tmp_path: Path) -> None:
    x = np.arange(-500, 500, dtype=">i2")
    for size in (None, 0, 1 << 30, 500):
        path = put(tmp_path / "a.wav", wav(pcm(1, 16, 2, ">"), x.tobytes(), size, ">"))
        assert np.array_equal(io.read(path), x / np.float32(32768))
        assert bool(io.probe(path).remarks) == (size is not None)


def test_what_stands_after_the_samples_of_a_wav(tmp_path: Path) -> None:
    x = np.random.default_rng(5).integers(-9999, 9999, 1000).astype("<i2")
    head = pcm(1, 16, 2)
    notes = struct.pack("<4sI4s", b"LIST", 4, b"INFO")
    cases = {
        "notes": (notes, 1000, ""),
        "notes that are cut": (struct.pack("<4sI", b"LIST", 400) + b"INFO", 1000, "notes of a program"),
        "zeros": (bytes(512), 1000, "left out: 512 bytes after the samples, all zeros"),
        "sound": (x[:300].tobytes(), 1300, "gives 1000 samples; 300 after them were read too"),
        "a second data chunk": (struct.pack("<4sI", b"data", 600) + x[:300].tobytes(), 1300, "2 data chunks"),
        "a second file": (wav(head, x[:300].tobytes()), 1300, "2 data chunks"),
        "a second file, other": (wav(pcm(2, 16, 4), x[:300].tobytes()), 1000, "another WAV file"),
    }
    for name, (after, n, remark) in cases.items():
        path = put(tmp_path / f"{name}.wav", wav(head, x.tobytes(), after=after))
        info = io.probe(path)
        assert info.n_samples == n, name
        expected = np.concatenate([x, x[:300]])[:n] / np.float32(32768)
        assert np.array_equal(io.read(path), expected), name
        assert remark in " ".join(info.remarks), name
        assert bool(info.remarks) == bool(remark), name


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "ULAW", "ALAW", "GSM610"])
def test_a_compressed_wav_that_is_cut_or_died(tmp_path: Path, subtype: str) -> None:
    data = content("WAV", subtype, 1, 30_000)
    whole = io.read_channels(put(tmp_path / "whole.wav", data))
    cut = io.read_channels(put(tmp_path / "cut.wav", data[: len(data) * 2 // 3]))
    assert 0 < len(cut) < len(whole)
    assert np.array_equal(cut, whole[: len(cut)])
    at = data.index(b"data") + 4
    path = put(tmp_path / "died.wav", data[:at] + bytes(4) + data[at + 4 :])
    assert io.probe(path).remarks
    n = min(len(whole), len(io.read_channels(path)))
    assert n > len(whole) - 5000
    assert np.array_equal(io.read_channels(path)[:n], whole[:n])


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("value", [1e20, -1e30, 2e12, 1e300])
def test_absurd_values_are_named(tmp_path: Path, subtype: str, value: float) -> None:
    x = np.zeros((1000, 2))
    x[700, 1] = value if subtype == "DOUBLE" or abs(value) < 1e38 else 1e38
    soundfile.write(tmp_path / "absurd.wav", x, 8000, subtype)
    with pytest.raises(AudioError, match=r"absurd\.wav: 1 sample is .*, the first at sample 700"):
        io.read(tmp_path / "absurd.wav")
    assert len(io.read(tmp_path / "absurd.wav", 0, 700)) == 700


def test_values_of_real_scales_pass(tmp_path: Path) -> None:
    x = np.array(
        [9139.0, -(2.0**31), 1e12, 1e-30]
    )  # counts of a seismometer and of a converter, micropascals
    soundfile.write(tmp_path / "counts.wav", x, 8000, "DOUBLE")
    assert np.array_equal(io.read(tmp_path / "counts.wav"), x.astype(np.float32))
