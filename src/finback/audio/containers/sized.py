"""Kinds of files whose header gives the size of one stretch of samples: AIFF, AU, CAF and W64.

A size is wrong where a recorder lost power (0, or all ones), where a file was cut, or where it was written on
after the header. See `survey`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finback.audio.containers.rest import rest_from
from finback.audio.parts import ByteReader, Part, Survey, whole_blocks


@dataclass(frozen=True, slots=True)
class Sized:
    """Samples from byte `start` on, `declared` bytes by the header (-1: unknown).

    `frame_bytes` is a sample of every channel (0: compressed). `header(n)` makes a right header for n bytes
    of samples; `counted` is the number of samples that another field of the header gives, if there is one.
    A compressed sound is read in whole blocks of `block_bytes`: a block that is cut decodes to no sound.
    """

    kind: str
    start: int
    declared: int
    frame_bytes: int
    header: Callable[[int], bytes]
    counted: int | None = None
    block_bytes: int = 1
    gain: int = 1
    rewritten: bool = False
    remarks: tuple[str, ...] = ()


def survey(reader: ByteReader, sized: Sized, only_chunks: Callable[[int], bool]) -> Survey:
    """The samples that are there. `only_chunks` says whether chunks fill the file from a byte on."""
    there, declared, remarks = max(0, reader.size - sized.start), sized.declared, list(sized.remarks)
    found = declared
    if not 0 <= declared <= there or (declared == 0 and there and not only_chunks(sized.start)):
        found = there
    else:
        rest = rest_from(reader, sized.start + declared, only_chunks)
        found = there if rest.sound else declared
        remarks += rest.remarks
    if found != declared:
        found = whole_blocks(found, sized.block_bytes)
    part = Part((sized.header(found), (sized.start, sized.start + found)), sized.gain)
    facts = (part,), tuple(remarks)
    if found != declared:
        unit = sized.frame_bytes or 1
        promised = 0 if declared < 0 or declared > MOST else declared // unit
        return Survey(*facts, promised, found // unit, kind=sized.kind)
    if sized.frame_bytes and sized.counted not in (None, found // sized.frame_bytes):
        return Survey(*facts, sized.counted or 0, found // sized.frame_bytes, kind=sized.kind)
    if sized.rewritten:
        return Survey(*facts, kind=sized.kind)
    expected = found // sized.frame_bytes if sized.frame_bytes else None
    return Survey((), facts[1], n_samples=expected, otherwise=Survey(*facts, kind=sized.kind))


MOST = 1 << 62  # bytes; beyond, and for all ones in 32 bits, a size means "unknown"
