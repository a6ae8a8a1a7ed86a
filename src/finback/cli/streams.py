"""Standard input and output that never end the work.

A closed pipe (`| head`), a full disk behind `>`, a terminal that is gone, or an encoding without the letters
of a name: the work goes on to its end, and what could not be shown is counted as such afterwards.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from dataclasses import dataclass
from typing import TextIO

# The reader went away: `| head`, a closed window, and on Windows EINVAL for a closed pipe.
READER_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.EINVAL, errno.ENXIO)


class Sink(io.RawIOBase):
    """Bytes to a file descriptor. After the first error, which is kept in `error`, the bytes are dropped."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw = raw
        self.error: OSError | None = None

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        """All bytes count as written when they are dropped."""
        if self.error is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether a terminal shows the bytes."""
        return self._raw.isatty()

    def fileno(self) -> int:
        """The file descriptor, which libraries in C write to."""
        return self._raw.fileno()


@dataclass(frozen=True)
class Streams:
    """The sinks of stdout and stderr; none where a stream is not that of the process, as in tests."""

    sinks: tuple[Sink, ...] = ()

    @classmethod
    def open(cls) -> Streams:
        """Replace `sys.stdin`, `sys.stdout` and `sys.stderr` by streams that raise no error."""
        _fill_closed()
        if sys.stdin is sys.__stdin__ and isinstance(sys.stdin, io.TextIOWrapper) and os.name == "posix":
            # Names of files come this way: their bytes are decoded as those of every other file name.
            sys.stdin.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
        sinks = []
        if sys.stdout is sys.__stdout__ and (found := _unfailing(sys.stdout)):
            sys.stdout, sink = found
            sinks.append(sink)
        if sys.stderr is sys.__stderr__ and (found := _unfailing(sys.stderr)):
            sys.stderr, _ = found
        return cls(tuple(sinks))

    def lost(self) -> OSError | None:
        """Why the result could not be written to stdout; None if it was, or if its reader went away."""
        sys.stdout.flush()
        errors = [sink.error for sink in self.sinks if sink.error and sink.error.errno not in READER_GONE]
        return errors[0] if errors else None


def _fill_closed() -> None:
    """Give closed descriptors (`>&-`) to the null device: else a file of ours gets the number of stdout."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _unfailing(stream: TextIO | None) -> tuple[TextIO, Sink] | None:
    """The same stream with a sink below; characters that its encoding has not are written as `\\u2013`."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED=1 there is no buffer between
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.RawIOBase):
        return None
    stream.flush()
    sink = Sink(raw)
    text = io.TextIOWrapper(
        io.BufferedWriter(sink),  # type: ignore[type-var]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    return text, sink
