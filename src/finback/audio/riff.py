"""A bounded walk over the chunks of a RIFF file: names, positions and sizes, without the samples.

A file of zeros, or one made to keep a reader busy, has no end of chunks. So a walk stops after `MOST_CHUNKS`,
and `content` reads `MOST_BYTES` at most. Both only leave something out, they never fail: metadata is a help,
and the samples are read elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST_CHUNKS = 1024
MOST_BYTES = 1 << 20


class Chunk(NamedTuple):
    """A chunk: its name, and where its content starts (byte) and how long it says that it is (bytes)."""

    name: bytes
    start: int
    n_bytes: int


def chunks(file: BinaryIO, start: int, stop: int) -> Iterator[Chunk]:
    """The chunks from byte `start` to byte `stop`; a chunk that is cut off by `stop` is the last."""
    at = start
    for _ in range(MOST_CHUNKS):
        if at + 8 > stop:
            return
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, n_bytes = struct.unpack("<4sI", head)
        yield Chunk(name, at + 8, n_bytes)
        at += 8 + n_bytes + n_bytes % 2  # chunks start on even bytes


def content(file: BinaryIO, chunk: Chunk) -> bytes:
    """The bytes of a chunk, as many as there are and `MOST_BYTES` at most."""
    file.seek(chunk.start)
    return file.read(min(chunk.n_bytes, MOST_BYTES))


def inner(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of the chunks inside the content of a LIST chunk, after its four-letter type."""
    at = 4
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            return
        name, n_bytes = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + n_bytes]
        at += 8 + n_bytes + n_bytes % 2
