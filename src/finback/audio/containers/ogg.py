"""Ogg: the pages of Vorbis, Opus and other sounds, one stream after another.

Each page has a number and a checksum. Streams may stand one after another in a file (a recorder was
restarted, two files were joined); a decoder reads only the first. A page that is damaged is skipped by
decoders without a word, and all later samples move. Here the streams are found, and what follows a damaged
page is left out. The layout is that of RFC 3533.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from finback.audio.parts import ByteReader, Part, Survey, bytes_of

MAGIC = b"OggS"
HEADER = 27  # bytes, before the table of segments
FIRST, LAST = 2, 4  # flags
MOST_STREAMS = 1000
LONGEST_PACKET = 65_535  # samples, of a FLAC in Ogg; 8,192 of Vorbis, 5,760 of Opus
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """A page in bytes `at` to `end`."""

    at: int
    end: int
    flags: int
    serial: bytes
    number: int
    n_packets: int  # that end on it


@dataclass(slots=True)
class Stream:
    """A stream in bytes `start` to `end`; `n_packets` bounds its samples."""

    serial: bytes
    start: int
    end: int
    n_pages: int = 0
    n_packets: int = 0
    ended: bool = False


def survey(reader: ByteReader, start: int = 0) -> Survey | None:
    """None when there is no page at byte `start`, or when streams are woven into each other."""
    streams: list[Stream] = []
    fault = ""
    for page in pages(reader, start):
        if isinstance(page, str):
            fault = page
            break
        if page.flags & FIRST and len(streams) == MOST_STREAMS:
            fault = f"they are more than {MOST_STREAMS} streams"
            break
        if page.flags & FIRST:
            if streams and streams[-1].n_pages == 1:
                return None
            streams.append(Stream(page.serial, page.at, page.at))
        if not streams or page.serial != streams[-1].serial:
            return None
        stream = streams[-1]
        stream.end, stream.ended = page.end, bool(page.flags & LAST)
        stream.n_pages, stream.n_packets = stream.n_pages + 1, stream.n_packets + page.n_packets
    if not streams:
        return None
    remarks = [f"left out: {bytes_of(start)} before the Ogg stream"] if start else []
    end = streams[-1].end
    if fault:
        remarks.append(f"left out: {bytes_of(reader.size - end)} from byte {end} on, because {fault}")
    elif not streams[-1].ended:
        remarks.append("the Ogg stream has no end mark; the recording may have been cut short")
    most = sum(stream.n_packets for stream in streams) * LONGEST_PACKET
    if len(streams) == 1 and not fault and not start:
        return Survey((), tuple(remarks), most_samples=most)
    parts = tuple(Part(((stream.start, stream.end),)) for stream in streams)
    return Survey(parts, tuple(remarks), joined="Ogg streams", most_samples=most)


def pages(reader: ByteReader, at: int) -> Iterator[Page | str]:
    """All pages from byte `at` on; a text says why there are no more, when bytes are left."""
    last = None
    while at < reader.size:
        head = reader.at(at, HEADER + 255)
        table = head[HEADER : HEADER + head[26]] if len(head) >= HEADER else b""
        size = HEADER + len(table) + sum(table)
        if len(head) < HEADER or len(table) < head[26] or at + size > reader.size:
            yield "an Ogg page is cut" if head[:4] == MAGIC[: len(head)] else "no Ogg page begins there"
            return
        if head[:4] != MAGIC:
            yield "no Ogg page begins there"
            return
        if not _is_right(reader.at(at, size)):
            yield "the checksum of an Ogg page is wrong"
            return
        number = int.from_bytes(head[18:22], "little")
        page = Page(at, at + size, head[5], head[14:18], number, sum(n < 255 for n in table))
        if last is not None and not page.flags & FIRST and page.number != last.number + 1:
            yield "an Ogg page is missing there"
            return
        yield page
        at, last = at + size, page


def _is_right(page: bytes) -> bool:
    """Is the checksum right? Ogg's CRC-32 is that of zip with the bits of all bytes reversed."""
    content = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(REVERSED) == page[22:26]
