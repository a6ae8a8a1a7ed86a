"""FLAC: how many samples are there, whatever the header says.

An encoder writes the number of samples last: one that writes to a pipe leaves 0 there, and a copy cut short
promises more than it has. Each frame holds its own position, so the last whole frame tells the true length.
The layout is that of RFC 9639.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from finback.audio.containers.tags import leading_tag, trailing_tag
from finback.audio.parts import ByteReader, Part, Survey, bytes_of

MAGIC = b"fLaC"
TOTAL_BITS = 36
LONGEST_FRAME = 1 << 20  # bytes; 65,535 samples of 8 channels, hardly compressed
SCANNED_WHOLE = 1 << 26  # bytes; in longer files a second stream is searched at PROBES places only
PROBES = 64
STEP = 1 << 18
BLOCK_SIZES = {
    1: 192,
    **{i: 576 << (i - 2) for i in range(2, 6)},
    **{i: 256 << (i - 8) for i in range(8, 16)},
}
SAMPLE_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
MOST_BLOCKS = 10_000  # of metadata
PERIOD = 32_767  # the powers of x modulo the polynomial of CRC-16 repeat


@dataclass(frozen=True, slots=True)
class Stream:
    """The header of one FLAC stream."""

    start: int  # of "fLaC"
    info: bytes  # the 34 bytes of STREAMINFO
    audio: int  # first byte of the first frame
    block: int  # samples of the first frame, and of all but the last where the frames are equally long

    @property
    def n_channels(self) -> int:
        return (self.info[12] >> 1 & 7) + 1

    @property
    def bits(self) -> int:
        return ((self.info[12] & 1) << 4 | self.info[13] >> 4) + 1

    @property
    def total(self) -> int:
        """Samples that the header gives; 0: unknown."""
        return int.from_bytes(self.info[13:18], "big") & (1 << TOTAL_BITS) - 1

    def with_total(self, total: int) -> bytes:
        """STREAMINFO with another number of samples."""
        high = int.from_bytes(self.info[13:18], "big") >> TOTAL_BITS << TOTAL_BITS
        return self.info[:13] + (high | total).to_bytes(5, "big") + self.info[18:]


@dataclass(frozen=True, slots=True)
class Tail:
    """The last frame: its byte `at`, its samples `first` to `end`, the byte `stop` after it, and whether the
    frame ends exactly there, as its checksum says."""

    at: int
    first: int
    end: int
    stop: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """The header of a frame: its place, its first sample and the sample after its last."""

    at: int
    first: int
    end: int


def survey(reader: ByteReader) -> Survey | None:
    """None when the file has no FLAC stream at its start, after a tag, or after bytes of another kind."""
    start = leading_tag(reader)
    if reader.at(start, 4) != MAGIC:
        start = reader.at(0, STEP).find(MAGIC)
    first = None if start < 0 else stream(reader, start)
    if first is None:
        return None
    stop = reader.size - trailing_tag(reader)
    starts = _starts(reader, first, stop)
    streams = [first, *(s for at in starts[1:] if (s := stream(reader, at)))]
    ends = [*(s.start for s in streams[1:]), stop]
    tails = [_tail(reader, one, end) for one, end in zip(streams, ends, strict=True)]
    remarks = []
    if start > leading_tag(reader):
        remarks.append(f"left out: {bytes_of(start)} before the FLAC stream")
    right = all(tail.exact and tail.end == one.total for one, tail in zip(streams, tails, strict=True))
    if right and not remarks and len(streams) == 1:
        return Survey(verified=True)
    return _survey(reader, streams, tails, remarks)


def _survey(reader: ByteReader, streams: list[Stream], tails: list[Tail], remarks: list[str]) -> Survey:
    """Each stream with the number of samples that it really has."""
    promised = sum(one.total for one in streams)
    parts = tuple(_part(reader, one, t.end, t.stop) for one, t in zip(streams, tails, strict=True))
    rest = bytes_of(tails[-1].stop - tails[-1].at)
    after = f"left out: {rest} after the last whole frame of the FLAC stream"
    cut = tuple(
        _part(reader, one, *((t.end, t.stop) if t.exact else (t.first, t.at)))
        for one, t in zip(streams, tails, strict=True)
    )
    n_cut = sum(t.end if t.exact else t.first for t in tails)
    broken = Survey(cut, (*remarks, after), promised, n_cut, joined="FLAC streams")
    n_samples = sum(t.end for t in tails)
    if all(t.exact for t in tails):
        return Survey(parts, tuple(remarks), promised, n_samples, joined="FLAC streams", verified=True)
    remarks = [*remarks, "left out: bytes after the last frame of the FLAC stream that are no sound"]
    return Survey(parts, tuple(remarks), promised, n_samples, joined="FLAC streams", otherwise=broken)


def _part(reader: ByteReader, one: Stream, n_samples: int, stop: int) -> Part:
    head = reader.at(one.start, 8) + one.with_total(n_samples)
    return Part((head, (one.start + len(head), max(stop, one.start + len(head)))))


def stream(reader: ByteReader, start: int) -> Stream | None:
    """The stream whose "fLaC" is at byte `start`; None if its metadata make no sense."""
    head = reader.at(start, 42)
    if len(head) < 42 or head[:4] != MAGIC or head[4] & 127 or head[5:8] != b"\0\0\x22":
        return None
    at, last = start + 42, head[4] >> 7
    for _ in range(MOST_BLOCKS):
        if last:
            frame = _sizes(reader.at(at, 32))
            return Stream(start, head[8:], at, 0 if frame is None else frame[1])
        block = reader.at(at, 4)
        if len(block) < 4 or block[0] == 255:
            return None
        last, at = block[0] >> 7, at + 4 + int.from_bytes(block[1:], "big")
    return None


def _starts(reader: ByteReader, first: Stream, stop: int) -> list[int]:
    """Where streams begin: "fLaC" inside sound is one chance in four thousand million a byte."""
    starts, at = [first.start], first.audio
    if stop - at > SCANNED_WHOLE and _rises(reader, first, stop):
        return starts
    while at < stop:
        block = reader.at(at, STEP + 3)
        found = block.find(MAGIC)
        while found >= 0:
            starts.append(at + found)
            found = block.find(MAGIC, found + 4)
        at += STEP
    return sorted(set(starts))


def _rises(reader: ByteReader, first: Stream, stop: int) -> bool:
    """Do the frames' positions rise through a long file, as in one stream, to the length it promises?"""
    seen = -1
    for i in range(1, PROBES + 1):
        at = first.audio + (stop - first.audio) * i // PROBES
        frame = last_frame(reader, first, max(first.audio, at - (1 << 16)), at)
        if frame is not None and frame.first <= seen:
            return False
        seen = seen if frame is None else frame.first
    return True


def _tail(reader: ByteReader, one: Stream, stop: int) -> Tail:
    """The last frame of a stream that ends before byte `stop`."""
    frame = last_frame(reader, one, one.audio, stop)
    if frame is None:
        return Tail(one.audio, 0, 0, stop, exact=stop == one.audio)
    return Tail(frame.at, frame.first, frame.end, stop, exact=_crc16(reader, frame.at, stop) == 0)


def last_frame(reader: ByteReader, one: Stream, low: int, high: int) -> Frame | None:
    """The last frame header of the stream in bytes `low` to `high`."""
    strategy = reader.at(one.audio, 2)
    if strategy not in (b"\xff\xf8", b"\xff\xf9"):
        return None
    step = 1 << 15
    for top in range(high, low, -step):
        start = max(low, top - step)
        block = reader.at(start, min(high, top + 32) - start)
        found = block.rfind(strategy, 0, top - start + 1)
        while found >= 0:
            if frame := _frame(block[found : found + 32], start + found, one):
                return frame
            found = block.rfind(strategy, 0, found + 1)
    return None


def _frame(head: bytes, at: int, one: Stream) -> Frame | None:
    """A frame header of this stream, or None where the bytes are something else."""
    sizes = _sizes(head)
    if sizes is None:
        return None
    layout, bits = head[3] >> 4, head[3] >> 1 & 7
    channels = layout + 1 if layout < 8 else 2
    if channels != one.n_channels or (bits and SAMPLE_BITS[bits] != one.bits):
        return None
    number, n_samples = sizes
    first = number if head[1] & 1 else number * one.block
    return Frame(at, first, first + n_samples)


def _sizes(head: bytes) -> tuple[int, int] | None:
    """The number of a frame (or of its first sample) and its length in samples; None: not a frame header."""
    if len(head) < 6 or head[0] != 0xFF or head[1] >> 1 != 0x7C or head[3] & 1:
        return None
    code, rate, layout, bits = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    number, n = _coded_number(head[4:11])
    if layout > 10 or bits not in (0, *SAMPLE_BITS) or code == 0 or rate == 15 or n == 0:
        return None
    i, extra = 4 + n, {6: 1, 7: 2}.get(code, 0)
    n_samples = BLOCK_SIZES.get(code, 0) or int.from_bytes(head[i : i + extra], "big") + 1
    i += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if i >= len(head) or crc8(head[:i]) != head[i]:
        return None
    return number, n_samples


def _coded_number(data: bytes) -> tuple[int, int]:
    """A number coded as in UTF-8, up to 36 bits, and its length in bytes; length 0: not one."""
    if not data:
        return 0, 0
    ones = 8 - (data[0] ^ 255).bit_length()
    n = ones or 1
    if ones == 1 or ones > 7 or len(data) < n or any(b >> 6 != 2 for b in data[1:n]):
        return 0, 0
    value = data[0] & (255 >> (ones + 1)) if ones else data[0]
    for byte in data[1:n]:
        value = value << 6 | byte & 63
    return value, n


def _crc16(reader: ByteReader, start: int, stop: int) -> int:
    """CRC-16 of bytes `start` to `stop`, polynomial x^16 + x^15 + x^2 + 1; 0 for a whole frame."""
    n = stop - start
    if not 0 < n <= LONGEST_FRAME:
        return -1
    folded = np.zeros(-(-n // PERIOD) * PERIOD, np.uint8)
    folded[-n:] = np.frombuffer(reader.at(start, n), np.uint8)
    data = np.bitwise_xor.reduce(folded.reshape(-1, PERIOD), axis=0)[-min(n, PERIOD) :]
    parities = np.bitwise_xor.reduce(_masks()[:, -len(data) :] & data, axis=1)
    return sum((int(byte).bit_count() & 1) << i for i, byte in enumerate(parities))


@cache
def _masks() -> NDArray[np.uint8]:
    """(16, PERIOD): bit i of the CRC is the parity of the data's bits under mask i, aligned at the last byte.

    A bit that stands j bits before the end adds x^(16 + j) modulo the polynomial, which repeats after PERIOD.
    """
    powers, power = np.empty(PERIOD, np.uint16), 1 << 16
    for j in range(PERIOD):
        power ^= 0x18005 if power >> 16 else 0
        powers[j] = power
        power <<= 1
    of_bits = np.resize(powers, 8 * PERIOD)[::-1]
    return np.stack([np.packbits((of_bits >> i & 1).astype(np.uint8)) for i in range(16)])


def crc8(data: bytes) -> int:
    """CRC-8 of a frame header, polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc = _TABLE_8[crc ^ byte]
    return crc


def _crc8_table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 128 else 0)
        table.append(crc)
    return tuple(table)


_TABLE_8 = _crc8_table()
