"""AIFF and AIFC: chunks as in WAV, big-endian; COMM describes the samples, SSND holds them.

The number of samples is in both chunks. Layout: Apple's Audio Interchange File Format 1.3 (1989).
"""

from __future__ import annotations

import struct
from functools import partial

from finback.audio.containers.sized import Sized
from finback.audio.containers.sized import survey as sized_survey
from finback.audio.parts import ByteReader, Survey

MOST_CHUNKS = 10_000
LONGEST_COMMON = 22 + 256  # bytes, with the longest name of a compression
BLOCKS = {b"ima4": 34, b"GSM ": 33, b"agsm": 33}  # bytes of a block of one channel
UNCOMPRESSED = (b"", b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64")


def is_aiff(head: bytes) -> bool:
    """Do the first 12 bytes open an AIFF?"""
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def survey(reader: ByteReader) -> Survey | None:
    """None when there is no COMM or SSND chunk: the decoder will say so."""
    head, chunks, at = reader.at(0, 12), dict[bytes, tuple[int, int]](), 12
    for _ in range(MOST_CHUNKS):
        chunk = reader.at(at, 8)
        if len(chunk) < 8:
            break
        name, n_bytes = struct.unpack(">4sI", chunk)
        chunks.setdefault(name, (at + 8, n_bytes))
        if name == b"SSND" and (n_bytes < 8 or at + 8 + n_bytes > reader.size):
            break
        at += 8 + n_bytes + n_bytes % 2
    place, size = chunks.get(b"COMM", (0, 0))
    common = reader.at(place, min(size, LONGEST_COMMON))
    if len(common) < 18 or b"SSND" not in chunks:
        return None
    place, size = chunks[b"SSND"]
    offset = int.from_bytes(reader.at(place, 4), "big")
    start = place + 8 + offset
    n_channels, counted, bits = struct.unpack(">HIH", common[:8])
    width = (bits + 7) // 8 if common[18:22] in UNCOMPRESSED else 0

    def header(n_bytes: int) -> bytes:
        count = n_bytes // (n_channels * width) if n_channels * width else counted
        comm = common[:2] + struct.pack(">I", min(count, 0xFFFFFFFF)) + common[6:]
        comm = struct.pack(">4sI", b"COMM", len(comm)) + comm + bytes(len(comm) % 2)
        ssnd = struct.pack(">4sIII", b"SSND", min(n_bytes + 8, 0xFFFFFFFF), 0, 0)
        size = min(4 + len(comm) + len(ssnd) + n_bytes, 0xFFFFFFFF)
        return b"FORM" + struct.pack(">I", size) + head[8:] + comm + ssnd

    declared = max(0, size - 8 - offset)
    block = n_channels * BLOCKS[common[18:22]] if common[18:22] in BLOCKS else 1
    frame_bytes, counted_by = n_channels * width, counted if width else None
    sized = Sized("AIFF", start, declared, frame_bytes, header, counted_by, max(1, block))
    return sized_survey(reader, sized, partial(_only_chunks, reader))


def _only_chunks(reader: ByteReader, at: int) -> bool:
    for _ in range(MOST_CHUNKS):
        head = reader.at(at, 8)
        if len(head) < 8:
            break
        name, n_bytes = struct.unpack(">4sI", head)
        if not all(32 <= byte < 127 for byte in name):
            return False
        at += 8 + n_bytes + n_bytes % 2
    return reader.size <= at <= reader.size + 1
