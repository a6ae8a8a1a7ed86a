"""A file as it is now: how it is known again, and its properties.

    state = look("site/a.wav", times, header, known)       # FileState; its reason: why it cannot be analysed

Large or far files are not read twice, so a file is known by path, size, time and a digest of two places: the
beginning of its sound and its end. The header before the sound is left out: its sizes change while a recorder
writes. A file that is longer than before, with the same digest up to its old end, has grown.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

from finback.audio import io
from finback.audio import validation as checks
from finback.audio.addresses import Place, is_address, place, shown
from finback.audio.containers import riff
from finback.audio.parts import ByteReader
from finback.audio.time_options import TimeOptions
from finback.core.errors import AudioError
from finback.scan.header import JournalHeader
from finback.scan.known import identity
from finback.scan.spans import FileState, ScannedFile

LOWEST_HZ, HIGHEST_HZ = 10, 1_000_000
HEAD_BYTES, TAIL_BYTES = 1 << 14, 1 << 12
# Where the sound begins in formats other than WAV: behind all sizes of a header, whatever it is.
AFTER_HEADER = 4096


def look(path: str, times: TimeOptions, header: JournalHeader, known: FileState | None) -> FileState:
    """The state of a file; `known` is its state in the journal. What is wrong with a file is its reason.

    Of a signed address, the journal knows and says what is no secret (`addresses.shown`).
    """
    try:
        file = _opened(path, times, known.file if known else None)
    except AudioError as error:
        return _unheard(path, error)
    path = file.path
    if not header.settings.channels_of(file.n_channels):
        there = f"it has {file.n_channels}, counted from 0"
        return FileState(file, f"{path}: no channel {header.settings.channels}; {there}")
    if header.settings.missing_band == "skip" and file.sample_rate < header.top_hz:  # half of the band
        reason = (
            f"{path}: has sound up to {file.sample_rate / 2:,.0f} Hz, less than half of the model's band up "
            f"to {header.top_hz:,.0f} Hz; analyse such files with --missing-band analyse"
        )
        return FileState(file, reason, was_skipped=True)
    return FileState(file)


def require_unchanged(file: ScannedFile) -> None:
    """Raises `AudioError` unless the file is there and holds the sound that was found; it may have grown."""
    where = file.where
    size, modified_ns = checks.size_and_time(where)
    if (size, modified_ns) == (file.size, file.modified_ns):
        return
    if size < file.size or _digest(where, file.size) != file.digest:
        raise AudioError(
            f"{file.path}: changed since the scan began", "run the same command again when it is written"
        )


def _opened(path: str, times: TimeOptions, known: ScannedFile | None) -> ScannedFile:
    where = place(path)
    size, modified_ns = checks.size_and_time(where)
    info = io.probe(where)
    if not LOWEST_HZ <= info.sample_rate <= HIGHEST_HZ:
        what = f"sample rate {info.sample_rate} Hz is outside 10 Hz to 1 MHz"
        raise AudioError(f"{where}: {what}", "check the file's header, or resample it")
    if info.n_samples <= 0 or info.n_channels <= 0:
        raise AudioError(f"{where}: holds no samples", "copy it again from the recorder, or leave it out")
    start, schedule = io.start_of(info, times)
    file = ScannedFile(
        path=shown(path),
        secret_url="" if shown(path) == path else path,
        size=size,
        modified_ns=modified_ns,
        digest=_digest(where, size),
        sample_rate=info.sample_rate,
        n_samples=info.n_samples,
        n_channels=info.n_channels,
        start_time=start.utc,
        schedule=schedule,
        remarks=(*info.remarks, *([start.remark] if start.remark else [])),
        start_time_source=start.source,
    )
    return replace(file, grown_from=_grown_from(file, known))


def _grown_from(file: ScannedFile, known: ScannedFile | None) -> tuple[tuple[int, int, str], ...]:
    """The states of the file when it was shorter, from the state that the journal knows."""
    if known is None or not known.n_samples:
        return ()
    if identity(known) == identity(file):
        return known.grown_from
    alike = (known.sample_rate, known.n_channels) == (file.sample_rate, file.n_channels)
    if alike and known.size < file.size and known.n_samples <= file.n_samples:
        try:
            if _digest(file.where, known.size) == known.digest:
                return (identity(known), *known.grown_from)
        except AudioError:  # it vanished meanwhile: the span will say so
            return ()
    return ()


def _digest(where: Place, size: int) -> str:
    """24 hex digits of the sound near its beginning, and of the end of the first `size` bytes.

    Raises `AudioError`.
    """
    with checks.opened(where) as file:
        try:
            reader = ByteReader(file)
            wav = riff.read_layout(reader, where)
            start = min(wav.data_start if wav else AFTER_HEADER if size > 2 * AFTER_HEADER else 0, size)
            head = reader.at(start, min(HEAD_BYTES, size - start))
            tail_start = max(start, size - TAIL_BYTES)
            tail = reader.at(tail_start, size - tail_start)
        except OSError as error:
            raise checks.unreadable(where, error) from error
    return hashlib.blake2b(head + b"\0" + tail, digest_size=12).hexdigest()


def _unheard(path: str, error: AudioError) -> FileState:
    """The state of a file that cannot be analysed, with the size and time that it has, if it has any."""
    size = modified_ns = 0
    if not is_address(path):
        try:
            status = os.stat(path)
            size, modified_ns = status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            pass
    return FileState(ScannedFile(shown(path), size, modified_ns, "", 0, 0, 0), str(error))
