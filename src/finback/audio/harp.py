"""HARP x.wav: a WAV whose 'harp' chunk gives the true time of each stretch of a recorder that sleeps.

The samples of all stretches stand one after another in the data chunk, so counting from the file's start
gives wrong times after the first gap; the chunk's table says at which byte each stretch ("raw file")
begins and when. It also holds the true sample rate: the fmt chunk's may be a stand-in that players accept.

Layout (little-endian; Wiggins and Hildebrand 2007, doi:10.1109/UT.2007.370760, and the format's own reader,
`rdxwavhd.m` of Triton): 56 bytes about the deployment, among them the version (byte 0) and the number of
entries (uint16 at 36), then 32 bytes an entry: year - 2000, month, day, hour, minute, second (uint8 each),
milliseconds (uint16), byte position and byte length of the samples, number of 512-byte disk sectors,
sample rate (uint32 each), gain (uint8), 7 bytes of padding. Version 2 adds a float32 per channel to both
parts. One writer stores the version as an ASCII digit. The entries' gain is not applied to the samples.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from finback.audio import validation as checks
from finback.audio.addresses import Address, Place, place
from finback.audio.containers import riff
from finback.audio.parts import ByteReader
from finback.core.errors import AudioError

HEADER_BYTES = 56
MOST_BYTES = 1 << 24  # of the chunk; 65,535 entries of 50 channels
ENTRY = struct.Struct("<6BH4IB7x")


@dataclass(frozen=True, slots=True)
class HarpHeader:
    """The true rate in Hz (None if the chunk says none), and (first sample, UTC time) of each stretch."""

    sample_rate: int | None
    schedule: tuple[tuple[int, datetime], ...]


def schedule(path: Path | str | Address) -> tuple[tuple[int, datetime], ...]:
    """(first sample, UTC time) of each stretch, in file order; () for a file without a 'harp' chunk.

    Raises `AudioError` when the chunk is there but damaged: guessed times are worse than none.
    """
    found = place(path)
    with checks.opened(found) as file:
        reader = ByteReader(file)
        wav = riff.read_layout(reader, found)
        chunk = None if wav is None else header(reader, wav)
    return () if chunk is None else chunk.schedule


def header(reader: ByteReader, wav: riff.WavLayout) -> HarpHeader | None:
    """Read the 'harp' chunk of a WAV; None when it has none. Raises `AudioError` when it is damaged."""
    if b"harp" not in wav.chunks:
        return None
    start, n_bytes = wav.chunks[b"harp"]
    chunk = reader.at(start, min(n_bytes, MOST_BYTES))
    if len(chunk) < HEADER_BYTES:
        raise _damaged(wav.path, f"{len(chunk)} bytes long, at least {HEADER_BYTES} expected")
    version = chunk[0] - ord("0") if chunk[0] in b"012" else chunk[0]
    per_channel = 4 * wav.n_channels if version == 2 else 0
    n_entries = struct.unpack_from("<H", chunk, 36)[0]
    first, step = HEADER_BYTES + per_channel, ENTRY.size + per_channel
    if len(chunk) < first + n_entries * step:
        raise _damaged(wav.path, f"it promises {n_entries} stretches and is too short for them")
    stretches, rates = {}, set()
    for i in range(n_entries):
        *when, at_byte, n_sample_bytes, _, rate, _ = ENTRY.unpack_from(chunk, first + i * step)
        sample, rest = divmod(at_byte - wav.data_start, max(1, wav.frame_bytes))
        if n_sample_bytes == 0 or sample >= wav.n_samples:
            continue  # an entry never filled, or cut off with the end of the file
        if sample < 0 or rest:
            raise _damaged(wav.path, f"stretch {i + 1} starts at byte {at_byte}, where no sample does")
        stretches[sample] = _time(wav.path, i, when)
        rates.add(rate)
    if len(rates) > 1:
        raise AudioError(
            f"{wav.path}: its stretches have different sample rates ({sorted(rates)} Hz)",
            "cut it into one file per rate",
        )
    rate = rates.pop() if rates else 0
    return HarpHeader(rate or None, tuple(sorted(stretches.items())))


def _time(path: Place, i: int, when: list[int]) -> datetime:
    year, month, day, hour, minute, second, milliseconds = when
    try:
        whole = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _damaged(path, f"stretch {i + 1} starts at an impossible time {when}") from None
    return whole + timedelta(milliseconds=milliseconds)


def _damaged(path: Place, what: str) -> AudioError:
    return AudioError(
        f"{path}: damaged 'harp' chunk: {what}", "write the x.wav again from the recorder's disk"
    )
