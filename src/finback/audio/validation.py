"""Checks of sound files before reading and writing. All raise or return an `AudioError` that names the file.

They are not part of `io`, so that `io` stays short.
"""

from __future__ import annotations

import errno
import operator
import os
import stat
from collections.abc import Hashable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from finback.audio import remote
from finback.audio.addresses import Address, Place, RemoteError
from finback.core.errors import AudioError

# Float files may hold pascals, micropascals (240 dB re 1 uPa is 1e12) or counts of a converter instead of
# full scale 1. Beyond this bound a power spectrum may pass what 32 bits hold (3e38).
LARGEST = 1e12
PCM_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
WRITES = {
    ".wav": ("WAV", ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE")),
    ".flac": ("FLAC", ("PCM_16", "PCM_24", "PCM_S8")),
}


def state(place: Place) -> tuple[Hashable, ...]:
    """What is equal for a file that was not changed: inode, size and time, or what a server says of it."""
    if isinstance(place, Address):
        return (_remote_state(place),)
    status = file_status(place)
    return status.st_ino, status.st_size, status.st_mtime_ns


def size_and_time(place: Place) -> tuple[int, int]:
    """Bytes, and when the file was changed last in nanoseconds (0: unknown). Raises `AudioError`."""
    if isinstance(place, Address):
        found = _remote_state(place)
        return found.size, found.modified_ns
    status = file_status(place)
    return status.st_size, status.st_mtime_ns


def _remote_state(address: Address) -> remote.State:
    try:
        found = remote.state(address)
    except RemoteError as error:
        raise unreadable(address, error) from error
    if found.size == 0:
        raise AudioError(f"{address}: empty, 0 bytes", "upload it again, or leave it out")
    return found


def file_status(path: Path) -> os.stat_result:
    """`os.stat` of a readable regular file that is not empty."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{path}: a folder, not a sound file", "name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{path}: not a regular file", "save the sound to a file first")
    if status.st_size == 0:
        raise AudioError(f"{path}: empty, 0 bytes", "copy it again from the recorder, or leave it out")
    return status


def opened(path: Place) -> BinaryIO:
    """A regular file, or the file at an address, open for reading: everything that reads bytes of sound files
    opens them here. Never waits, as opening a pipe does. Raises `AudioError`."""
    if isinstance(path, Address):
        try:
            return cast(BinaryIO, remote.opened(path))
        except RemoteError as error:
            raise unreadable(path, error) from error
    return opened_file(path)


def opened_file(path: Path) -> BufferedReader:
    """`opened` for files of this computer."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise AudioError(f"{path}: not a regular file", "save the sound to a file first")
        return file
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def looks_like_sound(path: Place) -> None:
    """Refuse files without a header, whose format a decoder would guess."""
    if path.suffix.lower() == ".raw":
        raise not_audio(path, "it has no header")


def span(path: Place, n_samples: int, start: int, stop: int | None) -> tuple[int, int]:
    """The span as plain ints, `stop` None being the end; refused when empty or outside the file."""
    start, stop = operator.index(start), n_samples if stop is None else operator.index(stop)
    if n_samples == 0:
        raise AudioError(f"{path}: holds no samples", "leave this file out")
    if not 0 <= start < stop <= n_samples:
        raise AudioError(
            f"{path}: span {start}-{stop} is not inside 0-{n_samples}",
            "give a start before its end, both within the file",
        )
    return start, stop


def channel(path: Place, n_channels: int, wanted: int | None) -> None:
    """Refuse a channel that is not there; None means the mean of all."""
    if wanted is not None and not 0 <= wanted < n_channels:
        raise AudioError(f"{path}: no channel {wanted}", f"it has {n_channels}, counted from 0")


def bounded(path: Place, x: np.ndarray, start: int) -> None:
    """Refuse NaN, infinity and values beyond `LARGEST` in frames (n, C) that begin at sample `start`."""
    with np.errstate(invalid="ignore"):
        if not x.size or np.abs(x).max() <= LARGEST:  # false for NaN
            return
        absurd = ~(np.abs(x) <= LARGEST).all(axis=1)
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    what = "NaN or infinite" if len(bad) else f"beyond {LARGEST:g} in size, which no hydrophone gives"
    bad = bad if len(bad) else np.flatnonzero(absurd)
    which = "1 sample is" if len(bad) == 1 else f"{len(bad)} samples are"
    raise AudioError(
        f"{path}: {which} {what}, the first at sample {start + bad[0]}",
        "correct them in an audio editor, or leave that part out",
    )


def frames(samples: np.ndarray) -> np.ndarray:
    """(n,) or (n, C) -> (n, C)."""
    x = np.asarray(samples)
    return x[:, None] if x.ndim == 1 else x


def writable(path: Path, x: np.ndarray, sample_rate: int, subtype: str) -> str:
    """libsndfile's name of the format that `path` asks for, once frames (n, C) are known to fit it."""
    kind, subtypes = WRITES.get(path.suffix.lower(), ("", ()))
    if not kind:
        raise AudioError(f"{path}: cannot write '{path.suffix}' files", "name it .wav or .flac")
    if subtype not in subtypes:
        raise AudioError(f"{path}: {kind} cannot hold {subtype}", "choose one of " + ", ".join(subtypes))
    if x.ndim != 2 or not x.size:
        raise AudioError(f"{path}: samples of shape {x.shape}", "give (n,) or (n, channels), at least one")
    if not np.issubdtype(x.dtype, np.floating):
        raise AudioError(f"{path}: samples are {x.dtype}, not float", "divide them by full scale first")
    if not 10 <= sample_rate <= 1_000_000:
        raise AudioError(f"{path}: sample rate {sample_rate} Hz", "give 10 Hz to 1 MHz")
    if kind == "FLAC" and (sample_rate > 655_350 or x.shape[1] > 8):
        raise AudioError(
            f"{path}: FLAC cannot hold {x.shape[1]} channels at {sample_rate} Hz",
            "FLAC has up to 8 channels and 655,350 Hz; write a .wav",
        )
    peak = float(np.abs(x).max())
    if not np.isfinite(peak):
        raise AudioError(f"{path}: NaN or infinite samples", "set them to 0, or leave that part out")
    if subtype in PCM_BITS and peak > 1:
        raise AudioError(
            f"{path}: a peak of {peak:.4g} does not fit {subtype}",
            "scale it down, or write a .wav with FLOAT",
        )
    return kind


def same_channels(path: Path, x: np.ndarray, n_channels: int) -> None:
    """Refuse frames (n, C) of another number of channels than the file has."""
    if x.shape[1] != n_channels:
        raise AudioError(f"{path}: a block of {x.shape[1]} channels", f"the file has {n_channels}")


def unreadable(path: Place, error: Exception) -> AudioError:
    """The error for a file that the system or the network cannot open."""
    if isinstance(error, RemoteError):
        return AudioError(f"{path}: {error.problem}", error.repair)
    if isinstance(path, Address):
        return AudioError(f"{path}: cannot be read ({error})", "check the connection, then try again")
    if os.path.islink(path) and not os.path.lexists(os.path.realpath(path)):
        return AudioError(f"{path}: a link to a file that is not there", "check where it leads")
    if getattr(error, "errno", 0) == errno.ELOOP:
        return AudioError(f"{path}: a link that leads to itself", "check where it leads")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return AudioError(f"{path}: no such file", "check the path")
    if isinstance(error, PermissionError):
        return AudioError(f"{path}: no permission to read it", "ask its owner, or chmod +r it")
    return AudioError(
        f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})", "check the disk"
    )


def not_audio(path: Place, reason: str) -> AudioError:
    """The error for a file that no decoder knows."""
    return AudioError(
        f"{path}: not a sound file that can be read ({reason})", "convert it to wav or flac, or leave it out"
    )


def undecodable(path: Place, reason: str) -> AudioError:
    """The error for a decoder that gives up."""
    return AudioError(
        f"{path}: damaged, the decoder gives up ({reason})",
        "copy it again from the original, or leave that part out",
    )


def cut_short(path: Place, start: int, stop: int, reason: str) -> AudioError:
    """The error for samples `start` to `stop` that cannot be decoded."""
    return AudioError(
        f"{path}: broken off or damaged in samples {start}-{stop} ({reason})",
        "copy it again from the original, or leave that part out",
    )
