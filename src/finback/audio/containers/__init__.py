"""What really stands in a sound file of each kind, found without decoding it: see `survey`.

Headers may promise too little, too much or nothing: a recorder lost power, a copy was cut short, an encoder
wrote to a pipe, two files were joined. Each module knows one kind of file and finds the bytes of the sound.
"""

from __future__ import annotations

from finback.audio.containers import flac, riff
from finback.audio.parts import ByteReader, Survey


def survey(reader: ByteReader) -> Survey:
    """What stands in the file; the empty survey for kinds that are left to the decoder alone."""
    head = reader.at(0, 64)
    if riff.is_wave(head):
        return riff.survey(reader) or Survey()
    if head[:4] == flac.MAGIC or (head[:3] == b"ID3" and not is_mp3(reader)):
        return flac.survey(reader) or Survey()
    return Survey()


def is_mp3(reader: ByteReader) -> bool:
    return False
