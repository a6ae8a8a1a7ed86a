"""Views of a sound file that a decoder reads in place of the file, so that no file is ever changed.

A file whose header is wrong is decoded through a `Part`: other header bytes, then stretches of the file
itself. Sounds that stand one after another in one file are several parts.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

Piece = bytes | tuple[int, int]  # bytes that are given, or (start, stop) in the file


@dataclass(frozen=True, slots=True)
class Part:
    """What a decoder sees. `gain` multiplies the samples: 256 for 24 bits at the low end of 4-byte slots."""

    pieces: tuple[Piece, ...]
    gain: int = 1

    @property
    def n_bytes(self) -> int:
        """Length of the view."""
        return sum(_length(piece) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in a file, found without decoding it.

    No `parts`: the file can be decoded as it stands. `promised` is the size of the samples that the header
    gives, in the unit of `found` (bytes or samples; 0: not given); both are 0 when the header is right.
    `joined` is the word for the parts, where they are several. `otherwise` is taken when the decoder cannot
    open the file or reach its last sample, or gives it another length than `n_samples` (None: the decoder
    knows better). `verified`: checksums say that the last sample can be decoded, so it is not tried.
    `refused` is the reason why the file cannot be read. `noisy`: the decoder of this kind writes to stderr.
    `most_samples` that there can be (0: not known): beyond them the decoder is not believed.
    `kind` is the name of the format for remarks ("": as the decoder says).
    """

    parts: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()
    promised: int = 0
    found: int = 0
    joined: str = "sounds"
    n_samples: int | None = None
    verified: bool = False
    refused: str = ""
    noisy: bool = False
    most_samples: int = 0
    kind: str = ""
    otherwise: Survey | None = None


def bytes_of(n: int) -> str:
    """For remarks: "7 bytes"."""
    return f"{n} byte" if n == 1 else f"{n} bytes"


def whole_blocks(n_bytes: int, block: int) -> int:
    """The bytes of the whole blocks in `n_bytes`: an even number, since libsndfile pads odd ones."""
    n = n_bytes // block * block
    return n - block if block > 1 and n % 2 else n


class ByteReader:
    """Reads bytes at positions of an open file; beyond the end there are none.

    `is_near`: all of the file may be read to survey it; else it is at an address, and few bytes should be.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        self.is_near = bool(getattr(file, "is_near", True))

    def at(self, start: int, n_bytes: int) -> bytes:
        """`n_bytes` from `start`, fewer where the file ends."""
        if start >= self.size or n_bytes <= 0:
            return b""
        self.file.seek(start)
        return self.file.read(min(n_bytes, self.size - start))


class View:
    """A `Part` of an open file, with the methods of a binary file that a decoder needs.

    An error of the disk or the network, or Ctrl-C while the network is waited for, is kept in `error`, since
    it cannot pass through the decoder; the view ends there.
    """

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self.file, self.pieces = file, part.pieces
        self.ends = list(accumulate(_length(piece) for piece in part.pieces))
        self.position = 0
        self.error: OSError | KeyboardInterrupt | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self.position, self.ends[-1] if self.ends else 0)[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def write(self, data: bytes) -> int:
        """Nothing is written: a view is read only."""
        return 0

    def read(self, n_bytes: int = -1) -> bytes:
        wanted = self.ends[-1] - self.position if n_bytes < 0 else n_bytes
        got: list[bytes] = []
        while wanted > 0 and self.error is None:
            i = bisect_right(self.ends, self.position)
            if i == len(self.pieces):
                break
            piece = self.pieces[i]
            inside = self.position - (self.ends[i] - _length(piece))
            data = self._bytes(piece, inside, min(wanted, self.ends[i] - self.position))
            if not data:
                break  # the file is shorter than it was
            got.append(data)
            self.position += len(data)
            wanted -= len(data)
        return b"".join(got)

    def _bytes(self, piece: Piece, inside: int, n_bytes: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[inside : inside + n_bytes]
        try:
            self.file.seek(piece[0] + inside)
            return self.file.read(n_bytes)
        except (OSError, KeyboardInterrupt) as error:
            self.error = error
            return b""


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
