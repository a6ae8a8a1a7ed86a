"""Lines that libmpg123 and LiteRT write to the process's stderr: caught, other text is not."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

STDERR = 2  # these libraries know nothing of Python's `sys.stderr`
WORDS = (b"libmpg123", b"Note: ", b"Warning: ", b"Created TensorFlow Lite")
_one_at_a_time = threading.RLock()  # stderr belongs to the whole process


@contextmanager
def hushed() -> Iterator[list[str]]:
    """Complaints of the library inside the block, one a line, filled when the block ends.

    What other threads write to stderr meanwhile is written there afterwards.
    """
    complaints: list[str] = []
    with _one_at_a_time, ExitStack() as stack:
        try:
            kept = os.dup(STDERR)
            stack.callback(os.close, kept)
            file = stack.enter_context(_scratch())
        except OSError:  # there is no stderr, or no room for a temporary file
            yield complaints
            return
        os.dup2(file.fileno(), STDERR)
        try:
            yield complaints
        finally:
            os.dup2(kept, STDERR)
            file.seek(0)
            for line in file.read(1 << 20).splitlines(keepends=True):
                if any(word in line for word in WORDS) or not line.strip():
                    complaints.append(line.decode("utf-8", "replace").strip())
                else:
                    with suppress(OSError):
                        os.write(STDERR, line)


def _scratch() -> IO[bytes]:
    """A file in memory, or a temporary one where the system has no such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("finback"), "w+b")
    return tempfile.TemporaryFile()
