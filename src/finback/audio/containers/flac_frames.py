"""FLAC frames: their headers, and the checksums of RFC 9639 (CRC-8 of a header, CRC-16 of a frame)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

BLOCK_SIZES = {1: 192} | {i: 576 << (i - 2) for i in range(2, 6)} | {i: 256 << (i - 8) for i in range(8, 16)}
SAMPLE_BITS = {0: 0, 1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}  # 0: as the stream's header says
RATES = (0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
UNITS_HZ = {12: 1000, 13: 1, 14: 10}  # of a rate that stands at the end of the header
PERIOD = 32_767  # the powers of x modulo the polynomial of CRC-16 repeat


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """`number` is that of the frame, or of its first sample (`counts_samples`). 0 Hz, 0 bits: not given."""

    number: int
    counts_samples: bool
    n_samples: int
    sample_rate: int
    n_channels: int
    bits: int


def parse(head: bytes) -> FrameHeader | None:
    """The header at the start of some bytes (16 are enough); None where there is none."""
    if len(head) < 6 or head[0] != 0xFF or head[1] >> 1 != 0x7C or head[3] & 1:
        return None
    code, rate, layout, bits = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    number, n = _coded_number(head[4:11])
    if layout > 10 or bits not in SAMPLE_BITS or code == 0 or rate == 15 or n == 0:
        return None
    i, extra = 4 + n, {6: 1, 7: 2}.get(code, 0)
    n_samples = BLOCK_SIZES.get(code, 0) or int.from_bytes(head[i : i + extra], "big") + 1
    i += extra
    extra = 0 if rate < 12 else 1 if rate == 12 else 2
    rate_hz = RATES[rate] if rate < 12 else UNITS_HZ[rate] * int.from_bytes(head[i : i + extra], "big")
    i += extra
    if i >= len(head) or crc8(head[:i]) != head[i]:
        return None
    n_channels = layout + 1 if layout < 8 else 2
    return FrameHeader(number, bool(head[1] & 1), n_samples, rate_hz, n_channels, SAMPLE_BITS[bits])


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


def crc16(content: bytes) -> int:
    """CRC-16, polynomial x^16 + x^15 + x^2 + 1; 0 for a whole frame with its checksum."""
    n = len(content)
    folded = np.zeros(-(-n // PERIOD) * PERIOD, np.uint8)
    folded[-n:] = np.frombuffer(content, np.uint8)
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
