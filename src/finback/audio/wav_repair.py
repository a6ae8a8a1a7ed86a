"""What a WAV header says, what the file really holds, and the samples of files whose header is wrong.

A recorder writes the size of its data last. One that lost power leaves 0 there (or all ones), and
libsndfile then reads no frames although the samples are on the disk; a copy cut short promises more than
it has. `layout` reads the chunks itself and counts what is there; `decode` reads those samples in place.
The user's file is never changed.

The chunks are those of Microsoft's RIFF WAVE (1991, extensible 2001) and of EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from finback.core.errors import AudioError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0xFFFFFFFF  # "not known yet", or "see ds64" in RF64
WRAP = 1 << 32  # a 32-bit size counts from 0 again here
SUBTYPES = {
    (PCM, 1): "PCM_U8",
    (PCM, 2): "PCM_16",
    (PCM, 3): "PCM_24",
    (PCM, 4): "PCM_32",
    (FLOAT, 4): "FLOAT",
    (FLOAT, 8): "DOUBLE",
}


@dataclass(frozen=True, slots=True)
class WavLayout:
    """Where the samples of a WAV are. Sizes are bytes; a frame is one sample of every channel."""

    path: Path
    coding: int  # 1 PCM, 3 float, others compressed
    n_channels: int
    sample_rate: int  # Hz, as the fmt chunk says
    bits: int
    frame_bytes: int
    data_start: int
    data_bytes: int  # really there
    damaged: bool  # the header says otherwise
    declared_bytes: int  # as the header says
    chunks: dict[bytes, tuple[int, int]]  # name -> (start, size) of what stands before the samples

    @property
    def n_samples(self) -> int:
        """Whole frames that are really there."""
        return self.data_bytes // self.frame_bytes if self.frame_bytes else 0

    @property
    def n_promised(self) -> int:
        """Whole frames that the header gives; 0 where a recorder that died left none."""
        known = self.frame_bytes and self.declared_bytes != UNKNOWN_SIZE
        return self.declared_bytes // self.frame_bytes if known else 0

    @property
    def subtype(self) -> str:
        """libsndfile's name of the sample type. Raises `AudioError` for compressed ones, which have no
        fixed place for a sample and so cannot be read without a true header."""
        sample_bytes = self.frame_bytes // self.n_channels if self.n_channels else 0
        try:
            return SUBTYPES[self.coding, sample_bytes]
        except KeyError:
            raise AudioError(
                f"{self.path}: damaged header, and samples of a kind that cannot be recovered "
                f"(coding {self.coding}, {self.bits} bit)",
                "repair it with the software of the recorder's manufacturer",
            ) from None


def layout(path: Path) -> WavLayout | None:
    """Chunks of a RIFF or RF64 WAVE; None for anything else, or when it breaks off before its samples."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        chunks: dict[bytes, tuple[int, int]] = {}
        at = 12
        while at + 8 <= size:
            file.seek(at)
            name, n_bytes = struct.unpack("<4sI", file.read(8))
            if name == b"data":
                return _layout(path, file, size, chunks, at + 8, n_bytes)
            chunks.setdefault(name, (at + 8, n_bytes))
            at += 8 + n_bytes + n_bytes % 2  # chunks start on even bytes
    return None


def _layout(
    path: Path, file: BinaryIO, size: int, chunks: dict[bytes, tuple[int, int]], start: int, declared: int
) -> WavLayout | None:
    """The layout, once the data chunk is found: its samples begin at byte `start`, `declared` bytes long."""
    format_start, format_bytes = chunks.get(b"fmt ", (0, 0))
    if format_bytes < 16:
        return None
    file.seek(format_start)
    fmt = file.read(min(format_bytes, 40))
    coding, n_channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", fmt[:16])
    if coding == EXTENSIBLE and len(fmt) >= 26:
        coding = struct.unpack("<H", fmt[24:26])[0]  # the sub-format's first two bytes are the plain code
    if coding in (PCM, FLOAT):
        frame_bytes = n_channels * ((bits + 7) // 8)  # some recorders write nonsense as block align
    if chunks.get(b"ds64", (0, 0))[1] >= 16 and declared == UNKNOWN_SIZE:
        file.seek(chunks[b"ds64"][0] + 8)
        declared = struct.unpack("<Q", file.read(8))[0]
    available = size - start
    if declared > available:
        damaged = True
    elif declared == 0:
        damaged = available >= max(frame_bytes, 1) and not _chunks_until_end(file, start, size)
    else:
        # Over 4 GiB a plain WAV's size has wrapped round; what follows its "end" is more samples.
        damaged = available - declared >= WRAP and not _chunks_until_end(
            file, start + declared + declared % 2, size
        )
    data_bytes = available if damaged else declared
    return WavLayout(
        path, coding, n_channels, rate, bits, frame_bytes, start, data_bytes, damaged, declared, chunks
    )


def _chunks_until_end(file: BinaryIO, at: int, size: int) -> bool:
    """True when nothing but well-formed chunks (LIST, cue ...) stands from `at` to the end."""
    while at + 8 <= size:
        file.seek(at)
        name, n_bytes = struct.unpack("<4sI", file.read(8))
        if not all(32 <= byte < 127 for byte in name):
            return False
        at += 8 + n_bytes + n_bytes % 2
    return size <= at <= size + 1  # the last pad byte is often left out


def decode(wav: WavLayout, start: int, stop: int) -> np.ndarray:
    """Frames `start` to `stop` -> (stop - start, C) float32, scaled exactly as libsndfile scales them."""
    subtype = wav.subtype
    n_values = (stop - start) * wav.n_channels
    offset = wav.data_start + start * wav.frame_bytes
    if subtype == "PCM_24":
        packed = np.fromfile(wav.path, dtype=np.uint8, count=3 * n_values, offset=offset)
        wide = np.zeros((len(packed) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = packed[: 3 * len(wide)].reshape(-1, 3)  # the three bytes on top of four: times 256
        values = wide.view("<i4")[:, 0] / np.float32(2**31)
    else:
        kind, scale = {
            "PCM_U8": ("u1", 2**7),
            "PCM_16": ("<i2", 2**15),
            "PCM_32": ("<i4", 2**31),
            "FLOAT": ("<f4", 1),
            "DOUBLE": ("<f8", 1),
        }[subtype]
        values = np.fromfile(wav.path, dtype=kind, count=n_values, offset=offset).astype(np.float32)
        if subtype == "PCM_U8":
            values -= 128
        if scale != 1:
            values /= np.float32(scale)
    return values.astype(np.float32, copy=False).reshape(-1, wav.n_channels)
