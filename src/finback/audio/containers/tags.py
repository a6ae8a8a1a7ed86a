"""Tags that music programs put before and after the sound: ID3 (versions 1 and 2) and APE."""

from __future__ import annotations

from finback.audio.parts import ByteReader


def leading_tag(reader: ByteReader) -> int:
    """Bytes of ID3v2 tags at the start; 0 without one."""
    at = 0
    for _ in range(16):
        size = id3_at(reader.at(at, 10))
        if not size:
            break
        at += size
    return at


def id3_at(head: bytes) -> int:
    """The size of the ID3v2 tag that begins with these 10 bytes; 0: there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
        return 0
    body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + body + (10 if head[5] & 16 else 0)


def trailing_tag(reader: ByteReader, stop: int | None = None) -> int:
    """Bytes of ID3v1 and APE tags at the end of the file, or before byte `stop`."""
    end = stop = reader.size if stop is None else stop
    for _ in range(16):
        if end >= 128 and reader.at(end - 128, 3) == b"TAG":
            end -= 128
        elif end >= 32 and reader.at(end - 32, 8) == b"APETAGEX":
            foot = reader.at(end - 32, 32)
            size = int.from_bytes(foot[12:16], "little")
            flags = int.from_bytes(foot[20:24], "little")
            size += 32 if flags >> 31 else 0
            if not 32 <= size <= end:
                break
            end -= size
        else:
            break
    return stop - end
