"""W64 (Sony Wave 64): a WAV whose chunks have names of 16 bytes and sizes of 64 bits, aligned at 8 bytes."""

from __future__ import annotations

from functools import partial

from finback.audio.containers import riff
from finback.audio.containers.sized import Sized
from finback.audio.containers.sized import survey as sized_survey
from finback.audio.containers.wave_format import WaveFormat, slots
from finback.audio.parts import ByteReader, Survey

MAGIC = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
REST_OF_NAME = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
MOST_CHUNKS = 10_000
HEAD = 24  # bytes of a chunk's name and size; the size counts them


def survey(reader: ByteReader) -> Survey | None:
    """None when there is no format or there are no samples: the decoder will say so."""
    at, content = 40, b""
    for _ in range(MOST_CHUNKS):
        chunk = reader.at(at, HEAD)
        if len(chunk) < HEAD:
            return None
        size = int.from_bytes(chunk[16:], "little")
        if chunk[:16] == b"data" + REST_OF_NAME:
            break
        if size < HEAD:
            return None
        if chunk[:16] == b"fmt " + REST_OF_NAME:
            content = reader.at(at + HEAD, min(size - HEAD, 1 << 16))
        at += size + -size % 8
    else:
        return None
    if len(content) < 16:
        return None
    fmt, start = WaveFormat.of(content, "<"), at + HEAD
    declared = -1 if size >= 1 << 62 else max(0, size - HEAD)
    found = slots(reader, fmt, start, reader.size - start)
    frame_bytes = fmt.unit_bytes if fmt.is_plain or fmt.unit_bytes > 1 else 0
    sized = Sized(
        "W64",
        start,
        declared,
        frame_bytes,
        partial(riff.header, found.fmt),
        block_bytes=fmt.block_bytes,
        gain=found.gain,
        rewritten=found.rewritten,
        remarks=found.remarks,
    )
    return sized_survey(reader, sized, partial(_only_chunks, reader))


def _only_chunks(reader: ByteReader, at: int) -> bool:
    if any(reader.at(at, -at % 8)):  # samples, not padding
        return False
    at += -at % 8
    for _ in range(MOST_CHUNKS):
        chunk = reader.at(at, HEAD)
        size = int.from_bytes(chunk[16:], "little")
        if len(chunk) < HEAD or size < HEAD:
            break
        at += size + -size % 8
    return reader.size <= at < reader.size + 8
