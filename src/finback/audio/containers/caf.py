"""CAF (Apple's Core Audio Format): chunks with sizes of 64 bits, big-endian; -1 means "up to the end".

Layout: Apple Core Audio Format Specification 1.0.
"""

from __future__ import annotations

import struct
from functools import partial

from finback.audio.containers.sized import Sized
from finback.audio.containers.sized import survey as sized_survey
from finback.audio.parts import ByteReader, Survey

MAGIC = b"caff"
MOST_CHUNKS = 10_000
PLAIN = (b"lpcm", b"ulaw", b"alaw")


def survey(reader: ByteReader) -> Survey | None:
    """None for compressed sounds and files without samples: the decoder knows better."""
    at, description = 8, b""
    for _ in range(MOST_CHUNKS):
        chunk = reader.at(at, 12)
        if len(chunk) < 12:
            return None
        name, size = struct.unpack(">4sq", chunk)
        if name == b"data":
            break
        if size < 0:
            return None
        if name == b"desc":
            description = reader.at(at + 12, min(size, 32))
        at += 12 + size
    else:
        return None
    if len(description) < 32 or description[8:12] not in PLAIN:
        return None
    frame_bytes = int.from_bytes(description[16:20], "big")

    def header(n_bytes: int) -> bytes:
        desc = struct.pack(">4sq", b"desc", 32) + description
        return reader_head + desc + struct.pack(">4sqI", b"data", n_bytes + 4, 0)

    reader_head = reader.at(0, 8)
    declared = -1 if size < 4 and size != 0 else max(0, size - 4)
    sized = Sized("CAF", at + 16, declared, frame_bytes, header)
    return sized_survey(reader, sized, partial(_only_chunks, reader))


def _only_chunks(reader: ByteReader, at: int) -> bool:
    for _ in range(MOST_CHUNKS):
        head = reader.at(at, 12)
        if len(head) < 12:
            break
        name, size = struct.unpack(">4sq", head)
        if size < 0 or not all(32 <= byte < 127 for byte in name):
            return False
        at += 12 + size
    return at == reader.size
