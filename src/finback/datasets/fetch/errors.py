"""Errors of requests, by their remedy: another try, none, or to stop all work."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from finback.core.errors import FinbackError

# Called with the address or name of one entry of a list that cannot be fetched; the others are.
Fault = Callable[[str, FinbackError], None]
OF_ONE_FILE = (
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.EILSEQ,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.EPERM,
    errno.ENOENT,
    errno.EFBIG,
)


class TemporaryError(FinbackError):
    """The next try may succeed: no answer, a lost connection, a busy server (`wait_s`: its Retry-After)."""

    def __init__(self, problem: str, repair: str = "", wait_s: float | None = None) -> None:
        super().__init__(problem, repair or "run the same command again later; fetched files are kept")
        self.wait_s = wait_s


class PermanentError(FinbackError):
    """Another try gives the same error: the file is missing, not allowed, or not the expected one."""


class TooLargeError(PermanentError):
    """A file over a limit; what was received of it is of no use."""


class FetchAborted(FinbackError):
    """No other file can be fetched: the site is down or has moved, or the disk is full."""


class TotalReached(FetchAborted):
    """The files of one command have the size that is allowed; those that were begun are still received."""


class Cancelled(FinbackError):
    """The work was cancelled, by Ctrl-C or by a `FetchAborted` in another thread."""

    def __init__(self) -> None:
        super().__init__("cancelled", "run the same command again to continue")


def aborted(fault: FinbackError, homepage: str, instead: tuple[str, ...]) -> FetchAborted:
    """The same error as a reason to stop, with the possible repairs."""
    other = f", or try finback fetch {instead[0]}" if instead else ""
    return FetchAborted(
        fault.problem, f"{fault.repair}{other}; if the site has moved (see {homepage}), give --url"
    )


def write_fault(path: Path, error: OSError) -> PermanentError | FetchAborted:
    """What an error of writing means: this file cannot be kept, or none can."""
    reason = error.strerror or str(error)
    if error.errno in OF_ONE_FILE:
        problem = f"{path.name}: the file system does not take this name or folder ({reason})"
        return PermanentError(problem, "give another --out, on another file system")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        repair = "make free space and run the same command again to continue"
        return FetchAborted(f"{path}: the disk is full", repair)
    return FetchAborted(f"{path}: could not be written ({reason})", "check the folder of --out")
