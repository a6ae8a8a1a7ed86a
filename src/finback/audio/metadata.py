"""The statements on the start of a recording that are in its file, or in the log of a SoundTrap beside it.

Read are the chunks of a WAV before and after its samples, the metadata blocks of a FLAC (with the chunks of
the WAV from which `flac --keep-foreign-metadata` made it), and for other formats the comment and the date
that the decoder gives. All reading is bounded, and nothing here raises an error for damaged content.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from finback.audio import riff
from finback.audio import statements as texts
from finback.audio import validation as checks
from finback.audio.addresses import Address, Place
from finback.audio.containers import riff as waves
from finback.audio.parts import ByteReader
from finback.audio.statements import Statement
from finback.core.errors import AudioError

MOST_BLOCKS = 128  # metadata blocks of a FLAC
MOST_COMMENTS = 1000
CHUNKS = frozenset((b"guan", b"wamd", b"bext", b"iXML", b"LIST"))
# Positions of a FLAC's metadata blocks: RFC 9639, section 8.
_APPLICATION, _VORBIS_COMMENT = 2, 4
_SOUNDTRAP = re.compile(r"\d{3,10}\.\d{12}\.")  # names of its recordings


def statements(path: Place, sample_rate: int, tags: Mapping[str, str]) -> list[Statement]:
    """All statements in the file, and in its SoundTrap log; `tags` are the decoder's `comment` and `date`."""
    found = [*_beside(path)]
    try:
        with checks.opened(path) as file:
            head = file.read(4)
            if head == b"fLaC":
                found += _flac(file, sample_rate)
            elif (wav := waves.read_layout(ByteReader(file), path)) is not None:
                found += _wav(file, wav)
    except (OSError, AudioError):  # the file is read again for its samples, and the fault is reported there
        pass
    found += texts.comment(tags.get("comment", ""))
    found += texts.date_tag(tags.get("date", ""), "date tag")
    return found


def _wav(file: BinaryIO, wav: waves.WavLayout) -> Iterator[Statement]:
    size = file.seek(0, 2)
    end = wav.data_start + wav.data_bytes
    spans = [(12, wav.data_start - 8), (end + end % 2, size)]
    for start, stop in spans:
        for chunk in riff.chunks(file, start, stop):
            if chunk.name in CHUNKS:
                yield from _chunk(chunk.name, riff.content(file, chunk), wav.sample_rate)


def _chunk(name: bytes, data: bytes, sample_rate: int) -> Iterator[Statement]:
    if name == b"guan":
        yield from texts.guano(data)
    elif name == b"wamd":
        yield from texts.wamd(data)
    elif name == b"bext":
        yield from texts.bext(data, sample_rate)
    elif name == b"iXML":
        yield from texts.ixml(data)
    elif name == b"LIST" and data[:4] == b"INFO":
        for key, value in riff.inner(data):
            text = value.split(b"\0")[0].decode("utf-8", "replace")
            if key == b"ICMT":
                yield from texts.comment(text)
            elif key == b"ICRD":
                yield from texts.date_tag(text, "INFO date")


def _flac(file: BinaryIO, sample_rate: int) -> Iterator[Statement]:
    for _ in range(MOST_BLOCKS):
        head = file.read(4)
        if len(head) < 4:
            return
        kind, n_bytes = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        start = file.tell()
        if kind in (_APPLICATION, _VORBIS_COMMENT):
            data = file.read(min(n_bytes, riff.MOST_BYTES))
            if kind == _VORBIS_COMMENT:
                yield from _vorbis(data)
            elif data[:4] == b"riff" and len(data) >= 12:
                size = struct.unpack_from("<I", data, 8)[0]
                yield from _chunk(data[4:8], data[12 : 12 + size], sample_rate)
        if head[0] & 0x80:  # the last block
            return
        file.seek(start + n_bytes)


def _vorbis(data: bytes) -> Iterator[Statement]:
    """Comments KEY=value, each after its length (uint32, little-endian); the first is the encoder's name."""
    if len(data) < 4:
        return
    at = 4 + struct.unpack_from("<I", data, 0)[0] + 4
    for _ in range(MOST_COMMENTS):
        if at + 4 > len(data):
            return
        n_bytes = struct.unpack_from("<I", data, at)[0]
        key, _, value = data[at + 4 : at + 4 + n_bytes].decode("utf-8", "replace").partition("=")
        if key.upper() == "RECORDINGSTART":
            yield Statement("Frontier Labs", texts.iso(value))
        elif key.upper() in ("COMMENT", "DESCRIPTION", "ICMT"):
            yield from texts.comment(value)
        elif key.upper() in ("DATE", "ICRD"):
            yield from texts.date_tag(value, "FLAC date")
        at += 4 + n_bytes


def _beside(path: Place) -> Iterator[Statement]:
    if isinstance(path, Address) and not _SOUNDTRAP.match(path.name):
        return  # each look costs a request
    log = path.with_name(path.stem + ".log.xml")
    try:
        with checks.opened(log) as file:
            yield from texts.soundtrap_log(file.read(riff.MOST_BYTES))
    except (OSError, ValueError, AudioError):  # no log, or none that may be read
        return
