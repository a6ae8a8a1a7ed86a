"""What really stands in a sound file of each kind, found without decoding it: see `survey`.

Headers may promise too little, too much or nothing: a recorder lost power, a copy was cut short, an encoder
wrote to a pipe, two files were joined. Each module knows one kind of file and finds the bytes of the sound.
"""

from __future__ import annotations

from dataclasses import replace

from finback.audio.containers import aiff, au, caf, flac, mp3, ogg, w64
from finback.audio.containers.tags import leading_tag
from finback.audio.parts import ByteReader, Survey

SEARCHED = 1 << 16  # bytes in which the start of the sound is searched


def survey(reader: ByteReader, suffix: str = "") -> Survey:
    """What stands in a file that is no WAV (see `riff`); the empty survey is for kinds that are left to the
    decoder alone.

    `suffix` is the file's, in lower case: by it an MP3 or FLAC is known that has something before its start.
    """
    head = reader.at(0, 64)
    for of_kind, is_kind in (
        (aiff, aiff.is_aiff(head)),
        (au, head[:4] in au.MAGIC),
        (caf, head[:4] == caf.MAGIC),
        (w64, head[:16] == w64.MAGIC),
    ):
        if is_kind:
            return of_kind.survey(reader) or Survey()
    start = leading_tag(reader)
    first = reader.at(start, 4) if start else head[:4]
    if first == flac.MAGIC:
        return flac.survey(reader) or Survey()
    if start or suffix == ".mp3" or mp3.is_sync(first):
        found = mp3.survey(reader)
        return replace(found, noisy=True) if found else Survey(refused="there is no MP3 sound in it")
    if first == ogg.MAGIC:
        return ogg.survey(reader, start) or Survey()
    if suffix == ".flac":
        return flac.survey(reader) or Survey()
    if suffix in (".ogg", ".oga", ".opus") and (found_at := reader.at(0, SEARCHED).find(ogg.MAGIC)) > 0:
        return ogg.survey(reader, found_at) or Survey()
    return Survey()
