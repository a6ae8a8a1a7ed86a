"""Sound files in and out.

    info = probe("site/20200623_000152.WAV")        # header only; also "s3://bucket/20200623_000152.WAV"
    x = read(info.path, 48_000, 96_000)             # (48000,) float32, that span and no more
    for block in blocks(info.path, 1 << 20): ...    # a day-long file in steady memory

Samples are float32, PCM scaled so that full scale is 1; nothing is clipped, so float files and lossy decoders
may give values beyond 1. Positions are native integer samples. `channel=None` takes the mean of all channels,
else they count from 0. All errors are `AudioError`, naming the file.

A header may promise too little, too much or nothing, and sounds may stand one after another in a file. So the
bytes are surveyed first (`containers`), and a file whose header is wrong is decoded through a view of its
bytes (`parts`), with a remark in `AudioInfo.remarks`. No file that is read is ever changed.

libsndfile's seek in Ogg can be off by a block (its issue 885), so Ogg spans are decoded from the start of the
file, about 2,000 times faster than real time: convert long Ogg files to FLAC. MP3 spans equal the full read
within 1e-7 (the decoder's rounding).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from finback.audio import containers, decoder
from finback.audio import harp as xwav
from finback.audio import start_times as clock
from finback.audio import validation as checks
from finback.audio.addresses import Address, Place, local, place
from finback.audio.containers import riff
from finback.audio.content import content_id
from finback.audio.decoder import formats as formats
from finback.audio.decoder import mp3 as mp3
from finback.audio.hushed import hushed
from finback.audio.info import AudioInfo as AudioInfo
from finback.audio.level import mixed
from finback.audio.metadata import statements
from finback.audio.parts import ByteReader
from finback.audio.pcm import quantised
from finback.audio.surveyed import surveyed
from finback.audio.time_options import NAMES, TimeOptions
from finback.core.errors import AudioError, FinbackError
from finback.core.storage.files import atomic_path
from finback.core.types import Recording

# In lower case; files are matched without regard to case.
SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".rf64", ".flac", ".aiff", ".aif", ".aifc", ".au", ".caf"}
    | {".mp3", ".ogg", ".oga", ".opus"}
)


def is_sound(name: str) -> bool:
    """Whether a file name has the extension of a recording; hidden files such as `._a.wav` do not count."""
    return not name.startswith(".") and PurePosixPath(name).suffix.lower() in SUFFIXES


def probe(path: Path | str | Address) -> AudioInfo:
    """Read the header, or use the stored one if the file is unchanged. Raises `AudioError`."""
    found = place(path)
    return _probe(found, *checks.state(found))


def read(
    path: Path | str | Address, start: int = 0, stop: int | None = None, channel: int | None = None
) -> np.ndarray:
    """Samples `start` (included) to `stop` (excluded; None: the end) -> (stop - start,) float32.

    Only this span is in memory. Raises `AudioError` when the file is missing, broken off inside the span,
    has no such channel, or holds NaN or infinite samples there.
    """
    info = probe(path)
    return _mono(info, _all_channels(info, start, stop), channel)


def read_channels(path: Path | str | Address, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Like `read`, with every channel: (stop - start, C) float32."""
    return _all_channels(probe(path), start, stop)


def blocks(
    path: Path | str | Address,
    block_samples: int,
    start: int = 0,
    stop: int | None = None,
    channel: int | None = None,
) -> Iterator[np.ndarray]:
    """The span in blocks (block_samples,) float32, the last one shorter. Raises as `read` does."""
    info = probe(path)
    start, stop = checks.span(info.path, info.n_samples, start, stop)
    if block_samples < 1:
        raise AudioError(f"{info.path}: blocks of {block_samples} samples", "ask for at least 1")
    checks.channel(info.path, info.n_channels, channel)
    return (_mono(info, x, channel) for x in _stretches(info, start, stop, block_samples))


def open_recording(
    path: Path | str,
    group: str = "",
    source: str = "folder",
    licence: str = "unknown",
    times: TimeOptions = NAMES,
) -> Recording:
    """Everything that is known of a file without decoding it: header, content hash, start time
    (see `finback.audio.start_times`; `times` are the pattern and the zone that the user gave).

    Raises `AudioError` also for rates outside 10 Hz to 1 MHz, no samples, and files whose end is missing.
    """
    path = local(path, "a recording is known by its whole content here, which is not fetched")
    info = probe(path)
    recording = Recording(
        id=content_id(path),
        path=path,
        sample_rate=info.sample_rate,
        n_samples=info.n_samples,
        n_channels=info.n_channels,
        group=group,
        source=source,
        licence=licence,
        remarks=info.remarks,
    )
    return clock.with_start(recording, info.schedule, _tags(info), times)


def start_of(info: AudioInfo, times: TimeOptions = NAMES) -> tuple[clock.StartTime, clock.Schedule]:
    """When a file that was probed began, or why that is unknown, and its duty cycles: () without."""
    stated = statements(info.path, info.sample_rate, _tags(info))
    return clock.with_schedule(info.path, info.schedule, stated, times)


def write(path: Path | str, samples: np.ndarray, sample_rate: int, subtype: str = "PCM_16") -> None:
    """Write (n,) or (n, C) float samples as WAV or FLAC (by suffix), whole or not at all.

    Integer types hold -1 to 1 in steps of 2 / 2**bits, so what was read from a file of that type is written
    back exactly; 1.0 itself becomes the highest step. Use `writer` for sounds that do not fit in memory.
    Raises `AudioError` for samples beyond -1 to 1 (never clips), NaN, and sounds that the format cannot hold;
    `FinbackError` when the disk is full.
    """
    path, sample_rate = Path(path), int(sample_rate)
    x = checks.frames(samples)
    checks.writable(path, x, sample_rate, subtype)  # all of it, before anything is made
    with writer(path, sample_rate, x.shape[1], subtype) as file:
        for at in range(0, len(x), decoder.BLOCK):
            file.write(x[at : at + decoder.BLOCK])


class Writer:
    """A file being written in blocks; made by `writer`."""

    def __init__(self, path: Path, sound: decoder.SoundFile) -> None:
        self.path, self.sound, self.n_samples = path, sound, 0

    def write(self, samples: np.ndarray) -> None:
        """Append (n,) or (n, C) samples, by the rules of `io.write`."""
        x = checks.frames(samples)
        checks.writable(self.path, x, self.sound.samplerate, self.sound.subtype)
        checks.same_channels(self.path, x, self.sound.channels)
        self.sound.write(quantised(x, self.sound.subtype))
        self.n_samples += len(x)


@contextmanager
def writer(
    path: Path | str, sample_rate: int, n_channels: int = 1, subtype: str = "PCM_16"
) -> Iterator[Writer]:
    """`with writer(path, 48_000) as file: file.write(block)`: a `Writer`; on an error there is no file."""
    path = Path(path)
    kind = checks.writable(path, np.zeros((1, n_channels), np.float32), sample_rate, subtype)
    with atomic_path(path) as temporary:
        try:
            with decoder.create(temporary, int(sample_rate), n_channels, subtype, kind) as sound:
                file = Writer(path, sound)
                yield file
        except decoder.FAULTS as error:
            raise decoder.writing_failed(path, error) from error
        with suppress(AudioError):  # a file without even its header is not whole either
            written = probe(temporary)
            if not written.repaired and written.n_samples == file.n_samples:
                return
        raise FinbackError(f"{path}: could not be written whole", "free some space and try again")


def _tags(info: AudioInfo) -> dict[str, str]:
    """The comment and the date that the decoder finds in formats that `metadata` does not read itself."""
    with suppress(AudioError):
        if info.format in ("MP3", "OGG", "AIFF"):
            with hushed() if info.format == "MP3" else nullcontext():
                return decoder.tags(info.path, info.parts[0][0] if info.parts else None)
    return {}


@lru_cache(maxsize=1 << 16)
def _probe(path: Place, *state: Hashable) -> AudioInfo:
    """`state` is there so that a changed file is read again."""
    with checks.opened(path) as file:
        try:
            reader = ByteReader(file)
            checks.looks_like_sound(path)
            wav = riff.read_layout(reader, path)
            survey = riff.survey(reader, wav) if wav else containers.survey(reader, path.suffix.lower())
            harp = xwav.header(reader, wav) if wav else None
        except OSError as error:
            raise checks.unreadable(path, error) from error
    info = surveyed(path, survey)
    if harp is None:
        return info
    return replace(info, sample_rate=harp.sample_rate or info.sample_rate, schedule=harp.schedule)


def _all_channels(info: AudioInfo, start: int, stop: int | None) -> np.ndarray:
    start, stop = checks.span(info.path, info.n_samples, start, stop)
    return next(_stretches(info, start, stop, stop - start))


def _stretches(info: AudioInfo, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
    """(step, C) float32 blocks of a span, checked. Opens the file once, or each of its parts."""
    at, waiting = start, 0
    pending: list[np.ndarray] = []
    for part, first, last in info.spans(start, stop):
        blocks = decoder.frames(info.path, part, first, last, step, step - waiting)
        if info.subtype.startswith("MPEG"):
            blocks = decoder.without_complaints(info.path, blocks, strict=not info.remarks)
        for x in blocks:
            wanted = min(step - waiting, last - first)
            pending.append(_checked(info, x, at, at + wanted))
            at, first, waiting = at + wanted, first + wanted, waiting + wanted
            if waiting == step or at == stop:
                yield pending[0] if len(pending) == 1 else np.concatenate(pending)
                pending, waiting = [], 0


def _checked(info: AudioInfo, x: np.ndarray, start: int, stop: int) -> np.ndarray:
    if len(x) != stop - start:
        raise checks.cut_short(info.path, start, stop, f"{len(x)} samples there")
    if not info.subtype.startswith("PCM"):  # floats, and decoders of damaged sound
        checks.bounded(info.path, x, start)
    return x


def _mono(info: AudioInfo, x: np.ndarray, channel: int | None) -> np.ndarray:
    checks.channel(info.path, info.n_channels, channel)
    return mixed(x, channel)
