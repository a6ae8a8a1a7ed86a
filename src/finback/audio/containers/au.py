"""AU (Sun and NeXT): six numbers of 32 bits, then the samples; a size of all ones means "unknown"."""

from __future__ import annotations

import struct

from finback.audio.containers.sized import Sized
from finback.audio.containers.sized import survey as sized_survey
from finback.audio.parts import ByteReader, Survey

MAGIC = {b".snd": ">", b"dns.": "<"}
BLOCKS = {23: 60, 25: 45, 26: 75}  # bytes of a block that the decoder reads at once, of G.721 and G.723
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # bytes of a sample, by encoding


def survey(reader: ByteReader) -> Survey | None:
    """None when the file breaks off in its header."""
    head = reader.at(0, 24)
    if len(head) < 24:
        return None
    order = MAGIC[head[:4]]
    start, size, encoding, _, n_channels = struct.unpack(order + "5I", head[4:])
    if not 24 <= start <= reader.size:
        return None

    def header(n_bytes: int) -> bytes:
        size = struct.pack(order + "I", min(n_bytes, 0xFFFFFFFF))
        return head[:4] + struct.pack(order + "I", 24) + size + head[12:]

    declared = -1 if size == 0xFFFFFFFF else size
    frame_bytes = n_channels * WIDTHS.get(encoding, 0)
    block = BLOCKS.get(encoding, 1)
    sized = Sized("AU", start, declared, frame_bytes, header, block_bytes=block)
    return sized_survey(reader, sized, lambda at: False)
