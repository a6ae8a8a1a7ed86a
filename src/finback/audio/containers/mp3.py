"""MP3: the frames that are there, whatever the counts in the headers say.

An MP3 is a chain of frames, each with a header of four bytes that tells its length. The first frame may hold
no sound but the number of the others (the Xing, Info or VBRI header); without one a decoder guesses the
length from the first frames. So the chain is followed here to its end. Tags in the middle, damaged bytes and
the counting frames of files that were joined are left out of what the decoder sees. Layouts: ISO/IEC 11172-3
and 13818-3; the Xing and LAME headers as in LAME's own writer, `VbrTag.c`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from finback.audio.containers.tags import id3_at, leading_tag, trailing_tag
from finback.audio.parts import ByteReader, Part, Piece, Survey, bytes_of

STEP = 1 << 20  # bytes read at a time
SEARCHED = 1 << 16  # bytes in which the first frame is searched
SEARCHED_BETWEEN = 1 << 24  # bytes in which frames are searched after damage, in all
MOST_SOUNDS = 1000  # that are read
DECODER_DELAY = 529  # samples
MARKS = (b"Xing", b"Info", b"VBRI")
KBPS = {  # of MPEG 1, then of MPEG 2 and 2.5, by layer
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True, slots=True)
class Header:
    """A frame header: the length of its frame in bytes and in samples, and the kind of sound."""

    n_bytes: int
    n_samples: int
    layer: int
    sample_rate: int
    n_channels: int

    @property
    def kind(self) -> tuple[int, int, int]:
        """What cannot change in the middle of a sound."""
        return self.layer, self.sample_rate, self.n_channels

    @property
    def mark(self) -> int:
        """Where "Xing" stands in a frame: after the header and the side information."""
        if self.n_samples == 1152:
            return 4 + (17 if self.n_channels == 1 else 32)
        return 4 + (9 if self.n_channels == 1 else 17)


@dataclass(slots=True)
class Sound:
    """Frames of one kind, and the frame before them that counts them, if there is one."""

    header: Header
    counter: bytes
    stretches: list[tuple[int, int]] = field(default_factory=list)
    n_frames: int = 0

    @property
    def promised(self) -> int | None:
        """Frames that the counting frame gives; None without one."""
        at = self.header.mark
        mark, rest = self.counter[at : at + 4], self.counter[at + 4 :]
        if mark == b"VBRI":
            return int.from_bytes(rest[10:14], "big")
        return int.from_bytes(rest[4:8], "big") if mark and rest[3:4] and rest[3] & 1 else None


@dataclass(slots=True)
class Chain:
    """What was found in a file: its sounds, and how many bytes are something else."""

    sounds: list[Sound] = field(default_factory=list)
    before: int = 0  # bytes before the first frame, tags not counted
    gaps: list[int] = field(default_factory=list)  # lengths in bytes
    after: int = 0


def survey(reader: ByteReader) -> Survey | None:
    """None when there is no chain of frames."""
    chain = _follow(reader, leading_tag(reader), reader.size - trailing_tag(reader))
    if not chain.sounds:
        return None
    first, several = chain.sounds[0], len(chain.sounds) > 1
    promised = None if several else first.promised
    found = sum(sound.n_frames for sound in chain.sounds)
    remarks = _remarks(chain)
    parts = tuple(_part(sound, reader) for sound in chain.sounds)
    plain = not remarks and not several and len(first.stretches) == 1
    if plain and promised == found:
        return Survey()
    if plain and promised is None:  # the decoder guesses the length
        n_samples = found * first.header.n_samples
        return Survey(n_samples=n_samples, otherwise=Survey(parts))
    promised = found if promised is None else promised
    return Survey(parts, tuple(remarks), promised, found, joined="MP3 streams")


def _remarks(chain: Chain) -> list[str]:
    remarks = []
    if chain.before:
        remarks.append(f"left out: {bytes_of(chain.before)} before the first MP3 frame")
    if chain.gaps:
        where = "one place" if len(chain.gaps) == 1 else f"{len(chain.gaps)} places"
        remarks.append(
            f"left out: {bytes_of(sum(chain.gaps))} in {where} that are no MP3 frames; "
            "times after them may be too early"
        )
    if chain.after:
        remarks.append(f"left out: {bytes_of(chain.after)} after the last whole MP3 frame")
    return remarks


def _follow(reader: ByteReader, at: int, stop: int) -> Chain:
    """Follow the frames from byte `at` to `stop`."""
    chain, known, counters = Chain(), dict[bytes, Header | None](), frozenset[int]()
    block, base, start = b"", at, at
    while at < stop and len(chain.sounds) <= MOST_SOUNDS:
        if (at + 64 > base + len(block) and base + len(block) < stop) or at < base:
            block, base = reader.at(at, min(STEP, stop - at)), at
            counters = _counters(block, base)
        raw = block[at - base : at - base + 4]
        if raw not in known:
            known[raw] = parse(raw)
        header = known[raw]
        sound = chain.sounds[-1] if chain.sounds else None
        if header is not None and (sound is None or header.kind != sound.header.kind or at != start):
            header = header if _goes_on(reader, at, header, stop) else None
        if header is None or at + header.n_bytes > stop:
            at = start = _next(reader, chain, at, stop)
        elif at + header.mark in counters:
            chain.sounds.append(Sound(header, reader.at(at, header.n_bytes)))
            at = start = at + header.n_bytes
        else:
            if sound is None or header.kind != sound.header.kind:
                chain.sounds.append(sound := Sound(header, b""))
            if sound.stretches and sound.stretches[-1][1] == at:
                sound.stretches[-1] = (sound.stretches[-1][0], at + header.n_bytes)
            else:
                sound.stretches.append((at, at + header.n_bytes))
            sound.n_frames += 1
            at = start = at + header.n_bytes
    chain.after += max(0, stop - at)  # of too many sounds
    chain.sounds = [sound for sound in chain.sounds if sound.n_frames]
    return chain


def _next(reader: ByteReader, chain: Chain, at: int, stop: int) -> int:
    """The byte where the chain goes on after something that is not a frame; `stop` when it does not."""
    if tag := id3_at(reader.at(at, 10)):
        return at + tag
    budget = SEARCHED_BETWEEN - sum(chain.gaps) if chain.sounds else SEARCHED
    found = _search(reader, at + 1, min(stop, at + budget))
    if not chain.sounds:
        chain.before = 0 if found is None else found - at
    elif found is None:
        chain.after = stop - at
    else:
        chain.gaps.append(found - at)
    return stop if found is None else found


def _search(reader: ByteReader, at: int, stop: int) -> int | None:
    """The next byte at which two frames of a kind stand one after the other."""
    while at < stop:
        block = reader.at(at, min(STEP, stop - at))
        found = block.find(b"\xff")
        while found >= 0:
            header = parse(block[found : found + 4])
            if header is not None and _goes_on(reader, at + found, header, stop):
                return at + found
            found = block.find(b"\xff", found + 1)
        at += max(1, len(block) - 3) if len(block) > 3 else len(block) or 1
    return None


def _goes_on(reader: ByteReader, at: int, header: Header, stop: int) -> bool:
    """Is the frame at byte `at` followed by one of its kind, or by the end of the sound?"""
    end = at + header.n_bytes
    if end >= stop:
        return end == stop
    following = parse(reader.at(end, 4))
    return following is not None and following.kind == header.kind


def _counters(block: bytes, base: int) -> frozenset[int]:
    """Positions of the marks of counting frames."""
    found = set()
    for mark in MARKS:
        at = block.find(mark)
        while at >= 0:
            found.add(base + at)
            at = block.find(mark, at + 1)
    return frozenset(found)


def is_sync(raw: bytes) -> bool:
    """Do these bytes begin as a frame header does, with eleven set bits?"""
    return len(raw) > 1 and raw[0] == 0xFF and raw[1] & 0xE0 == 0xE0


def parse(raw: bytes) -> Header | None:
    """The header in four bytes; None where they are no frame header, or one of free bit rate."""
    if len(raw) < 4 or not is_sync(raw):
        return None
    version, layer = raw[1] >> 3 & 3, 4 - (raw[1] >> 1 & 3)
    rate_code, bit_rate_code = raw[2] >> 2 & 3, raw[2] >> 4
    if version == 1 or layer == 4 or rate_code == 3 or bit_rate_code in (0, 15) or raw[3] & 3 == 2:
        return None
    rate = RATES[version][rate_code]
    bits_per_s = 1000 * KBPS[1 if version == 3 else 2, layer][bit_rate_code]
    padding, n_channels = raw[2] >> 1 & 1, 1 if raw[3] >> 6 == 3 else 2
    if layer == 1:
        return Header(4 * (12 * bits_per_s // rate + padding), 384, 1, rate, n_channels)
    n_samples = 1152 if layer == 2 or version == 3 else 576
    return Header(n_samples // 8 * bits_per_s // rate + padding, n_samples, layer, rate, n_channels)


def _part(sound: Sound, reader: ByteReader) -> Part:
    """The frames of a sound after a frame that counts them rightly; layers 1 and 2 have no such frame."""
    pieces: tuple[Piece, ...] = tuple(sound.stretches)
    if sound.header.layer != 3:
        return Part(pieces)
    n_bytes = sum(stop - start for start, stop in sound.stretches)
    if sound.promised is None or sound.counter[sound.header.mark :][:4] == b"VBRI":
        return Part((_counter(reader.at(sound.stretches[0][0], 4), sound.n_frames, n_bytes), *pieces))
    counter, at = bytearray(sound.counter), sound.header.mark + 8
    flags = counter[at - 1]
    counter[at : at + 4] = sound.n_frames.to_bytes(4, "big")
    if flags & 2:
        promised_bytes = int.from_bytes(counter[at + 4 : at + 8], "big")
        counter[at + 4 : at + 8] = (n_bytes + len(counter)).to_bytes(4, "big")
        padding = at + 8 + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1) + 22
        if sound.promised > sound.n_frames and promised_bytes > n_bytes + len(counter) > padding:
            # The sound is cut, and with it the encoder's silence at the end, which the decoder would cut off.
            counter[padding] &= 0xF0
            counter[padding + 1] = 0
    return Part((bytes(counter), *pieces))


def _counter(raw: bytes, n_frames: int, n_bytes: int) -> bytes:
    """A counting frame of the kind of the frame that begins with `raw`, and a silent frame.

    After a counting frame libmpg123 leaves out the delay of encoder and decoder (529 samples), which it keeps
    in a file without one; here the delay is set so that just the silent frame is left out.
    """
    raw = bytes([raw[0], raw[1] | 1, raw[2] & 0x0D | 0x90, raw[3]])  # no checksum; a bit rate with room
    header = parse(raw)
    assert header is not None
    counts = (n_frames + 1).to_bytes(4, "big") + (n_bytes + 2 * header.n_bytes).to_bytes(4, "big")
    encoder = b"finback".ljust(21, b"\0") + ((header.n_samples - DECODER_DELAY) << 12).to_bytes(3, "big")
    frame = raw + bytes(header.mark - 4) + b"Info\0\0\0\3" + counts + encoder
    return frame.ljust(header.n_bytes, b"\0") + raw.ljust(header.n_bytes, b"\0")
