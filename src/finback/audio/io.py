"""Sound files in and out: the only module that knows soundfile.

    info = probe("site/20200623_000152.WAV")        # header only
    x = read(info.path, 48_000, 96_000)             # (48000,) float32, that span and no more
    for block in blocks(info.path, 1 << 20): ...    # a day-long file in steady memory

Samples are float32, PCM scaled so that full scale is 1; nothing is clipped, so float files and lossy decoders
may give values beyond 1. Positions are native integer samples. `channel=None` takes the mean of all channels,
else they count from 0. A WAV whose header is wrong (see `wav_repair`) is read as it really is, with
`AudioInfo.repaired` set; no file that is read is ever changed. All errors are `AudioError`, naming the file.

Two things about lossy formats. libsndfile's seek in Ogg Vorbis can be off by a block (libsndfile issue
885), so Ogg spans are decoded from the start of the file, about 2,000 times faster than real time: convert
long Ogg files to FLAC. An MP3 header may promise too many frames, so the last sample is decoded, and the
frames are counted if that fails. MP3 spans equal the full read within 1e-7 (the decoder's rounding).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from finback.audio import harp as xwav
from finback.audio import start_times as clock
from finback.audio import validation as checks
from finback.audio import wav_repair as wavfix
from finback.audio.content import content_id
from finback.audio.info import MAX_FRAMES, lengths
from finback.audio.info import AudioInfo as AudioInfo
from finback.audio.level import mixed
from finback.audio.pcm import quantised
from finback.audio.time_options import NAMES, TimeOptions
from finback.core.errors import AudioError, FinbackError
from finback.core.files import atomic_path
from finback.core.types import Recording

# In lower case; files are matched without regard to case.
SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".rf64", ".flac", ".aiff", ".aif", ".aifc", ".au", ".caf"}
    | {".mp3", ".ogg", ".oga", ".opus"}
)
BLOCK = 1 << 16  # frames decoded at a time where a whole file goes by


def formats() -> list[str]:
    """Names of the formats that this machine's libsndfile reads, e.g. WAV, FLAC, MP3."""
    return sorted(soundfile.available_formats())


def probe(path: Path | str) -> AudioInfo:
    """Read the header, or use the stored one if the file is unchanged. Raises `AudioError`."""
    path = Path(path)
    status = checks.file_status(path)
    return _probe(path, status.st_ino, status.st_size, status.st_mtime_ns)


def read(path: Path | str, start: int = 0, stop: int | None = None, channel: int | None = None) -> np.ndarray:
    """Samples `start` (included) to `stop` (excluded; None: the end) -> (stop - start,) float32.

    Only this span is in memory. Raises `AudioError` when the file is missing, broken off inside the span,
    has no such channel, or holds NaN or infinite samples there.
    """
    return _mono(probe(path), read_channels(path, start, stop), channel)


def read_channels(path: Path | str, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Like `read`, with every channel: (stop - start, C) float32."""
    info = probe(path)
    start, stop = checks.span(info.path, info.n_samples, start, stop)
    return next(_stretches(info, start, stop, stop - start))


def blocks(
    path: Path | str, block_samples: int, start: int = 0, stop: int | None = None, channel: int | None = None
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
    info = probe(path)
    recording = Recording(
        id=content_id(path),
        path=info.path,
        sample_rate=info.sample_rate,
        n_samples=info.n_samples,
        n_channels=info.n_channels,
        group=group,
        source=source,
        licence=licence,
        remarks=info.remarks,
    )
    recording = clock.with_start(recording, xwav.schedule(info.path), _tags(info), times)
    if info.format == "FLAC":  # the header of a copy cut short still promises the whole
        read_channels(info.path, info.n_samples - 1)
    return recording


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
        for at in range(0, len(x), BLOCK):
            file.write(x[at : at + BLOCK])


def mp3(samples: np.ndarray, sample_rate: int) -> bytes | None:
    """(n,) samples within -1 to 1 as an MP3 of a few kB a second, for pages; None if libsndfile cannot."""
    if "MP3" not in soundfile.available_formats():
        return None
    buffer = BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="MP3", compression_level=0.6)
    return buffer.getvalue()


class Writer:
    """A file being written in blocks; made by `writer`."""

    def __init__(self, path: Path, sound: soundfile.SoundFile) -> None:
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
            with soundfile.SoundFile(
                os.fsencode(temporary), "w", int(sample_rate), n_channels, subtype, format=kind
            ) as sound:
                file = Writer(path, sound)
                yield file
        except soundfile.LibsndfileError as error:
            problem = f"{path}: could not be written ({_reason(error)})"
            raise FinbackError(problem, "free some space and try again") from error
        with suppress(AudioError):  # a file without even its header is not whole either
            written = probe(temporary)
            if not written.repaired and written.n_samples == file.n_samples:
                return
        raise FinbackError(f"{path}: could not be written whole", "free some space and try again")


def _tags(info: AudioInfo) -> dict[str, str]:
    """The comment and the date that the decoder finds in formats that `metadata` does not read itself."""
    with suppress(AudioError):
        if info.format in ("MP3", "OGG", "AIFF"):
            with _open(info.path) as sound:
                return {"comment": sound.comment, "date": sound.date}
    return {}


@lru_cache(maxsize=1 << 16)
def _probe(path: Path, inode: int, size: int, mtime_ns: int) -> AudioInfo:
    """`inode`, `size` and `mtime_ns` are there so that a changed file is read again."""
    try:
        wav = wavfix.layout(path)
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise checks.unreadable(path, error) from error
    checks.looks_like_sound(path, head)
    harp = None if wav is None else xwav.header(wav)
    true_rate = None if harp is None else harp.sample_rate
    if wav is not None and wav.damaged:
        if wav.n_channels < 1 or wav.sample_rate < 1:
            raise AudioError(f"{path}: damaged header (no rate, no channels)", "leave this file out")
        rate, remark = true_rate or wav.sample_rate, lengths("WAV", wav.n_promised, wav.n_samples)
        return AudioInfo(path, rate, wav.n_samples, wav.n_channels, "WAV", wav.subtype, True, (remark,))
    with _open(path) as sound:
        n_samples = sound.frames
        if sound.format in ("MP3", "OGG", "FLAC") and not _plausible(sound):
            with _open(path) as again:
                n_samples = _count(again)
        rate, repaired = true_rate or sound.samplerate, n_samples != sound.frames
        remarks = (lengths(sound.format, sound.frames, n_samples),) if repaired else ()
        return AudioInfo(
            path, rate, n_samples, sound.channels, sound.format, sound.subtype, repaired, remarks
        )


def _plausible(sound: soundfile.SoundFile) -> bool:
    """Does a compressed file's header tell its length? For MP3 the last sample is asked for."""
    if not 0 < sound.frames < MAX_FRAMES:
        return False
    if sound.format != "MP3":
        return True
    try:
        sound.seek(sound.frames - 1)
        return len(sound.read(1, dtype="float32")) == 1
    except soundfile.LibsndfileError:
        return False


def _count(sound: soundfile.SoundFile) -> int:
    """Frames that can be decoded, one block after another, up to the end or the first damage."""
    n = 0
    with suppress(soundfile.LibsndfileError):
        while got := len(sound.read(BLOCK, dtype="float32", always_2d=True)):
            n += got
    return n


def _open(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        raise checks.not_audio(path, _reason(error)) from error


def _stretches(info: AudioInfo, start: int, stop: int, step: int) -> Iterator[np.ndarray]:
    """(step, C) float32 blocks of a span, checked. Opens the file once."""
    wav = wavfix.layout(info.path) if info.repaired and info.format == "WAV" else None
    if wav is not None:
        for at in range(start, stop, step):
            yield _checked(info, wavfix.decode(wav, at, min(at + step, stop)), at, min(at + step, stop))
        return
    with _open(info.path) as sound:
        try:
            if info.format == "OGG":
                for at in range(0, start, BLOCK):
                    sound.read(min(BLOCK, start - at), dtype="float32", always_2d=True)
            elif start:
                sound.seek(start)
            for at in range(start, stop, step):
                end = min(at + step, stop)
                yield _checked(info, sound.read(end - at, dtype="float32", always_2d=True), at, end)
        except soundfile.LibsndfileError as error:
            raise checks.cut_short(info.path, start, stop, _reason(error)) from error


def _checked(info: AudioInfo, x: np.ndarray, start: int, stop: int) -> np.ndarray:
    if len(x) != stop - start:
        raise checks.cut_short(info.path, start, stop, f"{len(x)} samples there")
    if info.subtype in ("FLOAT", "DOUBLE"):
        checks.finite(info.path, x, start)
    return x


def _mono(info: AudioInfo, x: np.ndarray, channel: int | None) -> np.ndarray:
    checks.channel(info.path, info.n_channels, channel)
    return mixed(x, channel)


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).strip().rstrip(".")
