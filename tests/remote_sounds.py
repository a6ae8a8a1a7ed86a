"""Sound files of every kind that are read over a network, and what of them was asked for."""

from __future__ import annotations

from misbehaving import Site

RATE = 24_000
KINDS = {
    "a.wav": ("WAV", "PCM_16", 2),
    "f.wav": ("WAV", "FLOAT", 1),
    "a.flac": ("FLAC", "PCM_16", 2),
    "b.flac": ("FLAC", "PCM_24", 1),
    "a.aiff": ("AIFF", "PCM_24", 1),
    "a.au": ("AU", "PCM_16", 1),
    "a.caf": ("CAF", "PCM_16", 1),
    "a.w64": ("W64", "PCM_16", 1),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 1),
    "a.ogg": ("OGG", "VORBIS", 1),
    "a.opus": ("OGG", "OPUS", 1),
}
LARGE = [name for name in KINDS if name.split(".")[1] not in ("mp3", "ogg", "opus")]
SECONDS = 40  # more than 1 MiB, so that files are read by ranges


def fetched(site: Site, path: str) -> int:
    """Bytes that were asked for."""
    size, total = len(site.resources[path].body), 0
    for asked in site.asked(path):
        first, _, last = asked["range"].removeprefix("bytes=").partition("-")
        total += min(int(last) + 1, size) - int(first)
    return total
