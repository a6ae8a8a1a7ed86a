"""The format chunk of a WAV: how wide a sample is, when the fields of the header agree and when they do not.

Three fields tell the bytes of a frame: the bits of a sample, the block align, and the bytes a second. A
sample may have fewer bits than the slot that holds it (24 bits in 4 bytes). Then the bits are at the high end
of the slot by Microsoft's rule, and at the low end in files of ALSA's arecord: the samples themselves tell.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np

from finback.audio.parts import ByteReader

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MS_ADPCM, A_LAW, MU_LAW, IMA_ADPCM, GSM, G721 = 2, 6, 7, 17, 49, 64
BLOCK_CODINGS = (MS_ADPCM, IMA_ADPCM, GSM)  # bytes 18 and 19 are the samples of a block
G721_BLOCK = 60
LOOKED_AT = 16  # places of a file at which the slots are looked at
PLACE_BYTES = 1 << 12
MOST_CHANNELS = 1024  # of the decoder


@dataclass(frozen=True, slots=True)
class WaveFormat:
    """The fmt chunk. `content` is its bytes, `order` their byte order for `struct`."""

    content: bytes
    order: str
    coding: int  # 1 PCM, 3 float, others compressed
    n_channels: int
    sample_rate: int  # Hz, as the chunk says
    bytes_per_s: int
    block_align: int
    bits: int

    @classmethod
    def of(cls, content: bytes, order: str) -> WaveFormat:
        """Read the chunk: at least 16 bytes."""
        coding, channels, rate, bytes_per_s, align, bits = struct.unpack(order + "HHIIHH", content[:16])
        if coding == EXTENSIBLE and len(content) >= 26:
            coding = struct.unpack(order + "H", content[24:26])[0]  # of the GUID, the plain code
        return cls(content, order, coding, channels, rate, bytes_per_s, align, bits)

    @property
    def is_plain(self) -> bool:
        """PCM or float: every sample has its place."""
        return self.coding in (PCM, FLOAT)

    @property
    def width(self) -> int:
        """Bytes that hold the bits of a sample."""
        return (self.bits + 7) // 8

    @property
    def slot(self) -> int:
        """Bytes from a sample to the next: the block align, where it can be true, else `width`."""
        if self.coding == FLOAT or not self.n_channels or self.block_align % self.n_channels:
            return self.width
        slot = self.block_align // self.n_channels
        return slot if self.width <= slot <= 4 else self.width

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of every channel; the block of a compressed format."""
        return self.n_channels * self.slot if self.is_plain else self.block_align

    @property
    def unit_bytes(self) -> int:
        """Bytes of a sample of every channel; 1 where samples have no place of their own."""
        if self.is_plain:
            return self.frame_bytes or 1
        return self.n_channels or 1 if self.coding in (A_LAW, MU_LAW) else 1

    @property
    def block_bytes(self) -> int:
        """Bytes that are decoded at once: 1 for samples that are not compressed."""
        if self.is_plain or self.coding in (A_LAW, MU_LAW):
            return 1
        return G721_BLOCK if self.coding == G721 else max(1, self.block_align)

    @property
    def rate_fits(self) -> bool:
        """Is `bytes_per_s` what the sample rate needs, as far as that is known?"""
        needed = self._bytes_a_second()
        rounding = needed / 50 if self.coding in BLOCK_CODINGS else 0  # writers round in many ways
        return not needed or abs(self.bytes_per_s - needed) <= rounding

    def _bytes_a_second(self) -> float:
        if self.is_plain or self.coding in (A_LAW, MU_LAW):
            return float(self.sample_rate * self.block_align)
        if self.coding not in BLOCK_CODINGS or len(self.content) < 20:
            return 0.0
        samples = struct.unpack(self.order + "H", self.content[18:20])[0]
        return self.sample_rate * self.block_align / samples if samples else 0.0

    def rewritten(self, width: int) -> WaveFormat:
        """The plain format of samples of `width` bytes without gaps."""
        align = self.n_channels * width
        numbers = (self.n_channels, self.sample_rate, self.sample_rate * align & 0xFFFFFFFF, align, 8 * width)
        content = struct.pack(self.order + "HHIIHH", self.coding, *numbers)
        return replace(self, content=content, bytes_per_s=numbers[2], block_align=align, bits=8 * width)


@dataclass(frozen=True, slots=True)
class Slots:
    """The format to decode with, its gain, and remarks on a header that contradicts itself."""

    fmt: WaveFormat
    gain: int = 1
    rewritten: bool = False
    remarks: tuple[str, ...] = ()


def slots(reader: ByteReader, fmt: WaveFormat, start: int, n_bytes: int) -> Slots:
    """How samples of `n_bytes` from byte `start` on are to be decoded."""
    packed = fmt.n_channels * fmt.width
    readable = fmt.is_plain and 1 <= fmt.n_channels <= MOST_CHANNELS and 1 <= fmt.bits <= 64
    if readable and fmt.block_align != packed and 0 < fmt.bytes_per_s == fmt.sample_rate * packed:
        wrong = (_contradiction(fmt),) if fmt.block_align else ()
        return Slots(replace(fmt, block_align=packed).rewritten(fmt.width), 1, True, wrong)
    remarks = () if fmt.rate_fits or not fmt.bytes_per_s else (_rate(fmt),)
    if fmt.coding in (A_LAW, MU_LAW) and fmt.block_align != fmt.n_channels:
        remarks = (*remarks, _contradiction(replace(fmt, bits=8)))
    if not readable or fmt.block_align == packed:
        return Slots(fmt, remarks=remarks)  # also for the decoder to refuse, or to understand
    if fmt.slot == fmt.width:
        wrong = (_contradiction(fmt),) if fmt.block_align else ()
        return Slots(fmt.rewritten(fmt.width), 1, True, remarks + wrong)
    end = _end_of_bits(reader, fmt, start, n_bytes)
    if end == "":
        return Slots(fmt.rewritten(fmt.width), 1, True, (*remarks, _contradiction(fmt)))
    gain = 1 if end == "high" else 1 << 8 * (fmt.slot - fmt.width)
    return Slots(fmt.rewritten(fmt.slot), gain, True, remarks)


def _rate(fmt: WaveFormat) -> str:
    return (
        f"the WAV header contradicts itself: {fmt.bytes_per_s} bytes a second are not what "
        f"{fmt.sample_rate} Hz need; check the sample rate, which was taken as it stands"
    )


def _contradiction(fmt: WaveFormat) -> str:
    channels = "1 channel" if fmt.n_channels == 1 else f"{fmt.n_channels} channels"
    return (
        f"the WAV header contradicts itself: its block align does not fit {channels} of {fmt.bits} bits; "
        f"read as {fmt.bits}-bit samples without gaps, so listen to the sound"
    )


def _end_of_bits(reader: ByteReader, fmt: WaveFormat, start: int, n_bytes: int) -> str:
    """At which end of their slots the bits are: "high", "low", or "" when these are no such slots."""
    step = max(1, n_bytes // LOOKED_AT // fmt.frame_bytes) * fmt.frame_bytes
    n = PLACE_BYTES // fmt.frame_bytes * fmt.frame_bytes or fmt.frame_bytes
    content = b"".join(reader.at(at, n) for at in range(start, start + n_bytes, step)[:LOOKED_AT])
    taken = len(content) // fmt.slot
    x = np.frombuffer(content, np.uint8, taken * fmt.slot).reshape(-1, fmt.slot)
    x = x if fmt.order == "<" else x[:, ::-1]  # the low byte first
    spare = fmt.slot - fmt.width
    if not x[:, :spare].any():
        return "high"
    sign = np.where(x[:, fmt.width - 1] > 127, 255, 0)[:, None]
    return "low" if (x[:, fmt.width :] == sign).all() else ""
