"""Metadata of recorders that tell when a recording began, byte by byte, for tests of start times."""

from __future__ import annotations

import struct
from pathlib import Path

from finback.audio import io
from finback.audio.time_options import TimeOptions
from finback.core.types import Recording

RATE = 8000
LIVE = "SITE_20231117_095200.wav"  # 09:52 on some clock


def riff(*chunks: tuple[bytes, bytes], before: bool = True) -> bytes:
    """A WAV of 0.1 s of silence, with chunks before or after the samples."""
    fmt = (b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    data = (b"data", bytes(RATE // 5))
    body = b"WAVE"
    for name, content in [fmt, *(chunks if before else ()), data, *(() if before else chunks)]:
        body += name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def info(**fields: str) -> tuple[bytes, bytes]:
    text = b"INFO"
    for key, value in fields.items():
        value_bytes = value.encode() + b"\0"
        text += key.encode() + struct.pack("<I", len(value_bytes)) + value_bytes + bytes(len(value_bytes) % 2)
    return b"LIST", text


def guano(timestamp: str) -> tuple[bytes, bytes]:
    return b"guan", f"GUANO|Version: 1.0\nMake: X\nTimestamp: {timestamp}\nLoc Position: 1 2\n".encode()


def wamd(time: str, version: int = 1) -> tuple[bytes, bytes]:
    fields = [(0, struct.pack("<H", version)), (1, b"SM4"), (5, time.encode()), (6, b"WGS84")]
    return b"wamd", b"".join(struct.pack("<HI", kind, len(value)) + value for kind, value in fields)


def bext(date: str, time: str, samples: int = 0) -> tuple[bytes, bytes]:
    return b"bext", bytes(320) + date.encode() + time.encode() + struct.pack("<Q", samples) + bytes(256)


def ixml(date: str, time: str) -> tuple[bytes, bytes]:
    text = (
        f"<BWFXML><BEXT><BWF_ORIGINATION_DATE>{date}</BWF_ORIGINATION_DATE>"
        f"<BWF_ORIGINATION_TIME>{time}</BWF_ORIGINATION_TIME></BEXT></BWFXML>"
    )
    return b"iXML", text.encode()


def audiomoth(time: str, zone: str = "(UTC) ") -> tuple[bytes, bytes]:
    return info(ICMT=f"Recorded at {time} {zone}by AudioMoth 24F31901 at medium gain", IART="AudioMoth")


def opened(
    folder: Path, content: bytes, name: str = "a.wav", options: TimeOptions | None = None
) -> Recording:
    path = folder / name
    path.write_bytes(content)
    return io.open_recording(path, times=options or TimeOptions())
