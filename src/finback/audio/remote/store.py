"""A block cache before a file at an address, and the binary file that decoders read.

Blocks are fetched in runs. A run begins with one block and doubles as long as the next run begins where the
last one ended, so that a jump costs little and a long stretch few requests. The newest blocks are kept, so
bytes that are read in order are fetched once. Sizes were measured: docs/how-to/remote-archives.md.

MP3 and Ogg are decoded from their start, whatever the span is, so they are fetched whole, once, to a
temporary file without a name, which ends with this process.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from typing import BinaryIO

from finback.audio.addresses import WEB, Address, RemoteError
from finback.audio.remote.source import (
    BLOCK,
    TRY_AGAIN,
    Answer,
    Beginning,
    Source,
    State,
    changed,
    require_packages,
)

LONGEST_RUN = 64  # blocks: 4 MiB
KEPT = 128  # blocks: 8 MiB a file
OPEN = 8  # files whose blocks are kept
AT_ONCE = 16  # blocks: a file of up to 1 MiB is fetched by one request
# Seconds between tries. Bytes that came are kept, and when some came the waits begin again.
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FRESH_S = 0.3  # a state is not asked for again so soon: one look at a file needs it several times
LONGEST_WAIT_S = 60.0  # that a server may ask for
MOST_TRIES = 1000  # for one run, however little comes with each
COPIED = 1 << 33  # bytes of an MP3 or Ogg
STREAMED = (".mp3", ".ogg", ".oga", ".opus")


class Store:
    """The bytes of one file at an address. All methods raise `RemoteError`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.source = _source(address)
        self._lock = threading.RLock()
        self._state: State | None = None
        self._asked = 0.0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._run = 0, 1  # block after the last run, and that run's length
        self._whole: BinaryIO | None = None

    def renewed(self) -> State:
        """Ask for the state; what is kept of another state is forgotten."""
        with self._lock:
            if self._state is not None and time.monotonic() - self._asked < FRESH_S:
                return self._state
            tries = _Tries(self.address)
            while isinstance(begun := self.source.begin(self._state), Answer):
                tries.failed(begun)
            if begun.state != self._state:
                self._forget()
                self._state = begun.state
                self._take(begun)
            self._asked = time.monotonic()
            return begun.state

    def state(self) -> State:
        """The state as it is known; asked for the first time."""
        with self._lock:
            return self.renewed() if self._state is None else self._state

    def is_near(self) -> bool:
        """Whether reading all of it costs about as little as reading some."""
        return self._whole is not None or self.state().size <= AT_ONCE * BLOCK

    def at(self, start: int, n_bytes: int, state: State) -> bytes:
        """`n_bytes` from `start` of the file in this state; fewer where it ends."""
        with self._lock:
            if self._state != state:
                raise changed()
            stop = min(start + n_bytes, state.size)
            if start >= stop:
                return b""
            if self._whole is not None:
                self._whole.seek(start)
                return self._whole.read(stop - start)
            first, last = start // BLOCK, (stop - 1) // BLOCK
            content = b"".join([self._block(i, last, state) for i in range(first, last + 1)])
            return content[start - first * BLOCK : stop - first * BLOCK]

    def copy(self) -> None:
        """Fetch the whole file, unless it is here."""
        with self._lock:
            state = self.state()
            if self._whole is not None:
                return
            if state.size > COPIED:
                raise RemoteError(
                    f"{state.size:,} bytes of a kind that is decoded from its start", "convert it to FLAC"
                )
            file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
            try:
                at = file.write(self._blocks.get(0, b""))
                while at < state.size:
                    at += file.write(self._fetch(at, min(at + LONGEST_RUN * BLOCK, state.size), state))
                file.flush()
            except RemoteError:
                file.close()
                raise
            except OSError as error:
                file.close()
                raise RemoteError(
                    f"no room for a copy of {state.size:,} bytes ({error.strerror})",
                    "set TMPDIR to a folder with more room",
                ) from error
            self._whole = file
            self._blocks.clear()

    def _block(self, i: int, last: int, state: State) -> bytes:
        """Block i; blocks up to `last` will be wanted next."""
        if i not in self._blocks:
            n_blocks = -(-state.size // BLOCK)
            run = min(2 * self._run, LONGEST_RUN) if i == self._next else 1
            run = n_blocks if n_blocks <= AT_ONCE else max(run, min(last + 1 - i, LONGEST_RUN))
            run, stop = min(run, KEPT), i + 1
            while stop < min(i + run, n_blocks) and stop not in self._blocks:
                stop += 1
            content = self._fetch(i * BLOCK, min(stop * BLOCK, state.size), state)
            self._next, self._run = stop, run
            for k in range(i, stop):
                self._blocks[k] = content[(k - i) * BLOCK : (k - i + 1) * BLOCK]
            while len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(i)
        return self._blocks[i]

    def _fetch(self, start: int, stop: int, state: State) -> bytes:
        """All bytes from `start` to `stop`, in as many tries as it takes."""
        content, tries = bytearray(), _Tries(self.address)
        while len(content) < stop - start:
            answer = self.source.fetch(start + len(content), stop, state)
            content += answer.data[: stop - start - len(content)]
            if len(content) < stop - start:
                tries.failed(answer)
        return bytes(content)

    def _forget(self) -> None:
        if self._whole is not None:
            self._whole.close()
        self._whole, self._next, self._run = None, 0, 1
        self._blocks.clear()

    def _take(self, begun: Beginning) -> None:
        """Keep the bytes that came with the state."""
        if begun.whole and begun.state.size > BLOCK:
            self._whole = tempfile.TemporaryFile()  # noqa: SIM115
            self._whole.write(begun.data)
        elif len(begun.data) == min(BLOCK, begun.state.size) > 0:
            self._blocks[0] = begun.data
            self._next = 1


class _Tries:
    """Counts failures, waits after each, and gives up."""

    def __init__(self, address: Address) -> None:
        self.address, self.n, self.in_a_row = address, 0, 0

    def failed(self, answer: Answer) -> None:
        """Wait before the next try. Raises `RemoteError` after the last."""
        self.n += 1
        self.in_a_row = 1 if answer.data else self.in_a_row + 1
        fault = answer.fault or "fewer bytes came than were asked for"
        if self.in_a_row > len(WAITS_S) or self.n >= MOST_TRIES:
            raise RemoteError(f"{fault}; {self.n} tries", TRY_AGAIN)
        wait_s = WAITS_S[self.in_a_row - 1] if answer.wait_s is None else answer.wait_s
        if wait_s > LONGEST_WAIT_S:
            raise RemoteError(f"{fault}; the server asks to wait {wait_s:.0f} s", "try again after that time")
        time.sleep(wait_s)


class RemoteFile(io.RawIOBase):
    """A file at an address in one state, read only. `is_near`: reading all of it is cheap."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.known, self.position = store, store.state(), 0
        self.is_near = store.is_near()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.position = max(0, (0, self.position, self.known.size)[whence] + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, n_bytes: int | None = -1) -> bytes:
        """Up to `n_bytes`; all there are up to the end of the file or of this number."""
        left = max(0, self.known.size - self.position)
        wanted = left if n_bytes is None or n_bytes < 0 else min(n_bytes, left)
        content = self.store.at(self.position, wanted, self.known)
        self.position += len(content)
        return content

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)


def state(address: Address) -> State:
    """Ask for the size, time and version of a file. Raises `RemoteError`."""
    return _store(address, os.getpid()).renewed()


def opened(address: Address) -> RemoteFile:
    """The file as it is known, or as it is found if it is opened for the first time. Raises `RemoteError`."""
    store = _store(address, os.getpid())
    store.state()
    if address.suffix.lower() in STREAMED or store.at(0, 4, store.state()) == b"OggS":
        store.copy()
    return RemoteFile(store)


@lru_cache(maxsize=OPEN)
def _store(address: Address, process: int) -> Store:
    """`process` is there because connections do not survive a fork."""
    return Store(address)


def _source(address: Address) -> Source:
    require_packages(address)
    if address.scheme in WEB:
        from finback.audio.remote.web import WebSource

        return WebSource(address)
    from finback.audio.remote.objects import ObjectSource

    return ObjectSource(address)
