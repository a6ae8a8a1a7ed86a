"""FLAC: how many samples are there, whatever the header says.

An encoder writes the number of samples last: one that writes to a pipe leaves 0 there, and a copy cut short
promises more than it has. Each frame holds its own position, so the last whole frame tells the true length.
The layout is that of RFC 9639.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from finback.audio.containers import flac_frames as frames
from finback.audio.containers.tags import leading_tag, trailing_tag
from finback.audio.parts import ByteReader, Part, Survey, bytes_of

MAGIC = b"fLaC"
TOTAL_BITS = 36
LONGEST_FRAME = 1 << 20  # bytes; 65,535 samples of 8 channels, hardly compressed
SCANNED_WHOLE = 1 << 26  # bytes; in longer files a second stream is searched at PROBES only
PROBES = tuple(i / 64 for i in range(1, 65))
FEW_PROBES = (0.29, 0.53, 0.79)  # of a file at an address; joined files of one length fall at one of them
STEP = 1 << 18
ALIGNED = 1 << 16  # bytes; the blocks of a file at an address
START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22", re.DOTALL)  # and the header of STREAMINFO
MOST_BLOCKS, MOST_STREAMS = 1000, 1000  # of metadata; that are read
MOST_TRIED = 100_000  # places that look like a frame and are none


@dataclass(frozen=True, slots=True)
class Stream:
    """The header of one FLAC stream."""

    start: int  # of "fLaC"
    info: bytes  # the 34 bytes of STREAMINFO
    audio: int  # first byte of the first frame
    block: int  # samples of the first frame, and of all but the last where the frames are equally long
    frame_rate: int  # Hz, as the first frame says; 0: it does not

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

    @property
    def header_rate(self) -> int:
        """Hz, as the header of the stream says."""
        return int.from_bytes(self.info[10:13], "big") >> 4

    @property
    def sample_rate(self) -> int:
        """Hz: frames have a checksum, so they are believed."""
        return self.frame_rate or self.header_rate

    def corrected(self, total: int) -> bytes:
        """STREAMINFO with another number of samples and the rate of the frames."""
        rest = int.from_bytes(self.info[10:18], "big") & (1 << 44) - 1  # after the rate
        rest = rest >> TOTAL_BITS << TOTAL_BITS | total
        return self.info[:10] + (self.sample_rate << 44 | rest).to_bytes(8, "big") + self.info[18:]


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
    starts, rest = _starts(reader, first, stop), 0
    if len(starts) > MOST_STREAMS:
        starts, rest = starts[:MOST_STREAMS], stop - starts[MOST_STREAMS]
        stop -= rest
    streams = [first, *(s for at in starts[1:] if (s := stream(reader, at)))]
    ends = [*(s.start for s in streams[1:]), stop]
    tails = [_tail(reader, one, end) for one, end in zip(streams, ends, strict=True)]
    remarks = []
    if start > leading_tag(reader):
        remarks.append(f"left out: {bytes_of(start)} before the FLAC stream")
    if rest:
        remarks.append(f"left out: {bytes_of(rest)}, because they are more than {MOST_STREAMS} streams")
    if first.header_rate != first.sample_rate:
        remarks.append(
            f"the FLAC header gives {first.header_rate} Hz, its frames {first.sample_rate} Hz; "
            f"{first.sample_rate} Hz were taken"
        )
    right = all(tail.exact and tail.end == one.total for one, tail in zip(streams, tails, strict=True))
    if right and not remarks and len(streams) == 1:
        return Survey(verified=True)
    return _survey(reader, streams, tails, remarks)


def _survey(reader: ByteReader, streams: list[Stream], tails: list[Tail], remarks: list[str]) -> Survey:
    """Each stream with the number of samples that it really has."""
    promised = sum(one.total for one in streams)
    parts = tuple(_part(reader, one, t.end, t.stop) for one, t in zip(streams, tails, strict=True))
    rest = tails[-1].stop - tails[-1].at
    after = [f"left out: {bytes_of(rest)} after the last whole frame of the FLAC stream"] if rest else []
    cut = tuple(
        _part(reader, one, *((t.end, t.stop) if t.exact else (t.first, t.at)))
        for one, t in zip(streams, tails, strict=True)
    )
    n_cut = sum(t.end if t.exact else t.first for t in tails)
    broken = Survey(cut, (*remarks, *after), promised, n_cut, joined="FLAC streams")
    n_samples = sum(t.end for t in tails)
    if all(t.exact for t in tails):
        return Survey(parts, tuple(remarks), promised, n_samples, joined="FLAC streams", verified=True)
    remarks = [*remarks, "left out: bytes after the last frame of the FLAC stream that are no sound"]
    return Survey(parts, tuple(remarks), promised, n_samples, joined="FLAC streams", otherwise=broken)


def _part(reader: ByteReader, one: Stream, n_samples: int, stop: int) -> Part:
    head = reader.at(one.start, 8) + one.corrected(n_samples)
    return Part((head, (one.start + len(head), max(stop, one.start + len(head)))))


def stream(reader: ByteReader, start: int) -> Stream | None:
    """The stream whose "fLaC" is at byte `start`; None if its metadata make no sense."""
    head = reader.at(start, 42)
    if len(head) < 42 or head[:4] != MAGIC or head[4] & 127 or head[5:8] != b"\0\0\x22":
        return None
    at, last = start + 42, head[4] >> 7
    for _ in range(MOST_BLOCKS):
        if last:
            found = frames.parse(reader.at(at, 32))
            block, rate = (found.n_samples, found.sample_rate) if found else (0, 0)
            return Stream(start, head[8:], at, block, rate)
        head_of_block = reader.at(at, 4)
        if len(head_of_block) < 4 or head_of_block[0] == 255:
            return None
        last, at = head_of_block[0] >> 7, at + 4 + int.from_bytes(head_of_block[1:], "big")
    return None


def _starts(reader: ByteReader, first: Stream, stop: int) -> list[int]:
    """Where streams begin: these eight bytes do not stand inside sound by chance."""
    starts, at = [first.start], first.audio
    if not reader.is_near and _rises(reader, first, stop, FEW_PROBES):
        return starts
    if stop - at > SCANNED_WHOLE and _rises(reader, first, stop, PROBES):
        return starts
    while at < stop:
        block = reader.at(at, STEP + 7)
        starts += [at + found.start() for found in START.finditer(block)]
        at += STEP
    return sorted(set(starts))


def _rises(reader: ByteReader, first: Stream, stop: int, probes: tuple[float, ...]) -> bool:
    """Do the frames' positions rise through a long file, as in one stream, to the length it promises?"""
    seen = -1
    for probe in probes:
        at = first.audio + int((stop - first.audio) * probe)
        at = at if probe == 1 else max(first.audio, at // ALIGNED * ALIGNED)
        frame = last_frame(reader, first, max(first.audio, at - (1 << 16)), at)
        if frame is not None and frame.first <= seen:
            return False
        seen = seen if frame is None else frame.first
    return True


def _tail(reader: ByteReader, one: Stream, stop: int) -> Tail:
    """The last frame of a stream that ends before byte `stop`."""
    frame = last_frame(reader, one, one.audio, stop)
    if frame is None:
        return Tail(stop, 0, 0, stop, exact=stop == one.audio)  # the decoder counts
    return Tail(frame.at, frame.first, frame.end, stop, exact=_is_whole(reader, frame.at, stop))


def last_frame(reader: ByteReader, one: Stream, low: int, high: int) -> Frame | None:
    """The last frame header of the stream in bytes `low` to `high`."""
    strategy = reader.at(one.audio, 2)
    if strategy not in (b"\xff\xf8", b"\xff\xf9"):
        return None
    step, tried = 1 << 15, 0
    for top in range(high, low, -step):
        start = max(low, top - step)
        block = reader.at(start, min(high, top + 32) - start)
        found = block.rfind(strategy, 0, top - start + 1)
        while found >= 0:
            if frame := _frame(block[found : found + 32], start + found, one):
                return frame
            tried += 1
            if tried > MOST_TRIED:  # the decoder is asked instead
                return None
            found = block.rfind(strategy, 0, found + 1)
    return None


def _frame(head: bytes, at: int, one: Stream) -> Frame | None:
    """A frame header of this stream, or None where the bytes are something else."""
    found = frames.parse(head)
    if found is None or found.n_channels != one.n_channels or found.bits not in (0, one.bits):
        return None
    first = found.number if found.counts_samples else found.number * one.block
    return Frame(at, first, first + found.n_samples)


def _is_whole(reader: ByteReader, start: int, stop: int) -> bool:
    """Is there just one frame in bytes `start` to `stop`?"""
    return 0 < stop - start <= LONGEST_FRAME and frames.crc16(reader.at(start, stop - start)) == 0
