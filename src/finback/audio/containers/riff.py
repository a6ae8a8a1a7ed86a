"""WAV in all its forms: RIFF, RIFX (big-endian), RF64 and BW64 (64-bit sizes).

A recorder writes the size of its data last. One that lost power leaves 0 there (or all ones), or an
earlier size, and a copy cut short promises more than it has. `survey` finds the bytes of the sound;
`read_layout` gives the chunks to those who read them.

The chunks are those of Microsoft's RIFF WAVE (1991, extensible 2001), EBU Tech 3306 (RF64) and ITU-R BS.2088
(BW64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import partial

from finback.audio.addresses import Place
from finback.audio.containers import wave_format as formats
from finback.audio.containers.rest import rest_from
from finback.audio.containers.wave_format import WaveFormat
from finback.audio.parts import ByteReader, Part, Survey, bytes_of, whole_blocks

UNKNOWN_SIZE = 0xFFFFFFFF  # "not known yet", or "see ds64" in RF64
MOST_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class Data:
    """A data chunk: its first byte, the size that the header gives, and the bytes that are there."""

    start: int
    declared: int
    found: int


@dataclass(frozen=True, slots=True)
class WavLayout:
    """The chunks of a WAV and its samples. Sizes are bytes; a frame is one sample of every channel."""

    path: Place
    fmt: WaveFormat
    data: tuple[Data, ...]
    chunks: dict[bytes, tuple[int, int]]  # name -> (start, size), the first of each name
    remarks: tuple[str, ...] = field(default=())

    @property
    def data_start(self) -> int:
        return self.data[0].start

    @property
    def data_bytes(self) -> int:
        """Bytes of the first data chunk that are there."""
        return self.data[0].found

    @property
    def sample_rate(self) -> int:
        return self.fmt.sample_rate

    @property
    def n_channels(self) -> int:
        return self.fmt.n_channels

    @property
    def frame_bytes(self) -> int:
        return self.fmt.frame_bytes

    @property
    def n_samples(self) -> int:
        """Whole frames that are really there; only for samples that are not compressed."""
        return sum(d.found // self.frame_bytes for d in self.data) if self.frame_bytes else 0


def is_wave(head: bytes) -> bool:
    """Do the first 12 bytes open a WAV?"""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def read_layout(reader: ByteReader, path: Place) -> WavLayout | None:
    """Chunks of a WAV; None for anything else, or without a format or samples."""
    head = reader.at(0, 12)
    if not is_wave(head):
        return None
    order = ">" if head[:4] == b"RIFX" else "<"
    chunks, data, remarks = _walk(reader, order)
    if not data or chunks.get(b"fmt ", (0, 0))[1] < 16:
        return None
    start, size = chunks[b"fmt "]
    return WavLayout(path, WaveFormat.of(reader.at(start, min(size, 1 << 16)), order), data, chunks, remarks)


def survey(reader: ByteReader, wav: WavLayout) -> Survey:
    """The samples that are there."""
    slots = formats.slots(reader, wav.fmt, wav.data[0].start, wav.data[0].found)
    promised, found = sum(d.declared for d in wav.data), sum(d.found for d in wav.data)
    moved = wav.chunks[b"fmt "][0] > wav.data_start
    # A compressed block that is cut decodes to something else than sound.
    block = 1 if promised == found else wav.fmt.block_bytes
    stretches = [(d.start, whole_blocks(d.found, block)) for d in wav.data]
    parts = tuple(Part((header(slots.fmt, n), (start, start + n)), slots.gain) for start, n in stretches)
    remarks = [*wav.remarks, *slots.remarks]
    if promised != found:
        promised = 0 if promised >= UNKNOWN_SIZE - 1 > found else promised
        unit = wav.fmt.unit_bytes
        promised, found = promised // unit, sum(d.found // unit for d in wav.data)
        return Survey(parts, tuple(remarks), promised, found, joined="data chunks", kind="WAV")
    through_parts = Survey(parts, tuple(remarks), joined="data chunks")
    if len(wav.data) > 1 or slots.rewritten or moved:
        return through_parts
    expected = wav.n_samples if wav.fmt.is_plain else None
    return Survey((), tuple(remarks), n_samples=expected, otherwise=through_parts)


def _walk(
    reader: ByteReader, order: str
) -> tuple[dict[bytes, tuple[int, int]], tuple[Data, ...], tuple[str, ...]]:
    """All chunks, the data chunks, and remarks on what stands after them."""
    chunks: dict[bytes, tuple[int, int]] = {}
    data: list[Data] = []
    at = 12
    for _ in range(MOST_CHUNKS):
        if at + 8 > reader.size:
            break
        head = reader.at(at, 12)
        name, n_bytes = struct.unpack(order + "4sI", head[:8])
        if is_wave(head):  # a second file after the first
            if not _same_format(reader, chunks, at):
                left = f"left out: {bytes_of(reader.size - at)} from byte {at} on, another WAV file"
                return chunks, tuple(data), (f"{left}; save it as a file of its own",)
            at += 12
        elif name != b"data":
            chunks.setdefault(name, (at + 8, n_bytes))
            at += 8 + n_bytes + n_bytes % 2  # chunks start on even bytes
        else:
            start, declared = at + 8, _size64(reader, chunks, n_bytes)
            there = reader.size - start
            if declared > there or (declared == 0 and there and not _chunks_until_end(reader, order, start)):
                return chunks, (*data, Data(start, declared, there)), ()
            rest = rest_from(reader, start + declared, partial(_chunks_until_end, reader, order))
            if rest.chunks is None:
                data.append(Data(start, declared, there if rest.sound else declared))
                return chunks, tuple(data), rest.remarks
            data.append(Data(start, declared, declared))
            at = rest.chunks
    left = f"left out: {bytes_of(reader.size - at)} from byte {at} on, after {MOST_CHUNKS} chunks"
    return chunks, tuple(data), (left,) if at + 8 <= reader.size else ()


def _same_format(reader: ByteReader, chunks: dict[bytes, tuple[int, int]], at: int) -> bool:
    """Has the WAV at byte `at` the format of the first one?"""
    second = reader.at(at + 12, 24)
    return second[:4] == b"fmt " and second[8:] == reader.at(chunks.get(b"fmt ", (0, 0))[0], 16)


def _size64(reader: ByteReader, chunks: dict[bytes, tuple[int, int]], n_bytes: int) -> int:
    start, size = chunks.get(b"ds64", (0, 0))
    if size < 16 or n_bytes != UNKNOWN_SIZE:
        return n_bytes
    return int.from_bytes(reader.at(start + 8, 8), "little")


def _chunks_until_end(reader: ByteReader, order: str, at: int) -> bool:
    """True when nothing but well-formed chunks (LIST, cue ...) stands from `at` to the end."""
    for _ in range(MOST_CHUNKS):
        if at + 8 > reader.size:
            break
        head = reader.at(at, 12)
        if is_wave(head):
            return True
        name, n_bytes = struct.unpack(order + "4sI", head[:8])
        if not all(32 <= byte < 127 for byte in name):
            return False
        at += 8 + n_bytes + n_bytes % 2
    return reader.size <= at <= reader.size + 1  # the last pad byte is often left out


def header(fmt: WaveFormat, n_bytes: int) -> bytes:
    """The header of a WAV of `n_bytes` of samples: RF64 where they do not fit 32 bits."""
    body = fmt.content + bytes(len(fmt.content) % 2)
    chunk = struct.pack(fmt.order + "4sI", b"fmt ", len(fmt.content)) + body
    if n_bytes + len(chunk) + 20 < UNKNOWN_SIZE:
        name = b"RIFX" if fmt.order == ">" else b"RIFF"
        size = struct.pack(fmt.order + "I", 4 + len(chunk) + 8 + n_bytes)
        return name + size + b"WAVE" + chunk + struct.pack(fmt.order + "4sI", b"data", n_bytes)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, 4 + 36 + len(chunk) + 8 + n_bytes, n_bytes, 0, 0)
    tail = struct.pack("<4sI", b"data", UNKNOWN_SIZE)
    return struct.pack("<4sI4s", b"RF64", UNKNOWN_SIZE, b"WAVE") + sizes + chunk + tail
