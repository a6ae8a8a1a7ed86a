"""What follows the samples where the header says that they stop: chunks, more sound, or something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finback.audio.parts import ByteReader, bytes_of

LOOKED_AT = 1 << 16  # bytes
NAMES = (
    "LIST bext cue fact id3 ID3 smpl iXML _PMX afsp wamd guan JUNK junk PAD pad FLLR inst DISP labl adtl "
    "minf elm1 regn umid acid levl PEAK axml chna plst cart harp strc ltxt note ANNO NAME AUTH (c) COMT "
    "MARK INST MIDI AESD APPL FVER info free uuid peak"
)
KNOWN_CHUNKS = frozenset(name.encode().ljust(4) for name in NAMES.split())


@dataclass(frozen=True, slots=True)
class Rest:
    """What follows: more chunks (from that byte), more sound, or something to leave out (a remark)."""

    chunks: int | None
    sound: bool = False
    remarks: tuple[str, ...] = ()


def rest_from(reader: ByteReader, end: int, only_chunks: Callable[[int], bool]) -> Rest:
    """What stands from byte `end` on; `only_chunks` says whether chunks fill the file from a byte on."""
    n = reader.size - end
    if n <= 1:
        return Rest(reader.size)
    for at in (end + end % 2, end):  # some writers leave the pad byte out
        if only_chunks(at):
            return Rest(at)
    head = reader.at(end, LOOKED_AT)
    left = f"left out: {bytes_of(n)} after the samples"
    if not any(head) and not any(reader.at(reader.size - min(n, LOOKED_AT), LOOKED_AT)):
        return Rest(None, remarks=(f"{left}, all zeros",))
    known = any(head[i : i + 4] in KNOWN_CHUNKS or head[i : i + 3] in (b"ID3", b"TAG") for i in (0, 1))
    if known or head[:8] == b"APETAGEX" or head[:5] == b"<?xml":
        return Rest(None, remarks=(f"{left}, which are notes of a program",))
    return Rest(None, sound=True)
