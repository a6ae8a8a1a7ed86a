"""The contract between a `Store` and the ways to fetch bytes.

A fault that may pass (a broken connection, a busy server) is an `Answer` with what came before it. Anything
else is a `RemoteError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from finback.audio.addresses import Address, RemoteError
from finback.core.errors import SettingsError
from finback.core.extras import install as install_line

INSTALL = install_line("remote")
PACKAGES = {"s3": ("fsspec", "s3fs"), "gs": ("fsspec", "gcsfs"), "gcs": ("fsspec", "gcsfs")}
WEB_PACKAGES = ("fsspec", "aiohttp")
# Bytes: what a server without ranges may send at once; what is fetched and kept together.
SMALL = 1 << 26
BLOCK = 1 << 16
TRY_AGAIN = "check the connection, then try again"


@dataclass(frozen=True, slots=True)
class State:
    """How a file is known again: it changed when any of these did."""

    size: int  # bytes
    modified_ns: int = 0  # 0: unknown
    version: str = ""  # an ETag or the number of a generation


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that came, and the fault that may pass ("": none) before the rest; `wait_s` as a server asks."""

    data: bytes = b""
    fault: str = ""
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """The state of a file, with its first bytes where they came along (`whole`: all of them)."""

    state: State
    data: bytes = b""
    whole: bool = False


class Source(Protocol):
    """One file at an address. Both methods raise `RemoteError`."""

    def begin(self, known: State | None) -> Beginning | Answer:
        """The state, and perhaps the first block unless the state is the known one; an `Answer` is a fault
        that may pass."""
        ...

    def fetch(self, start: int, stop: int, state: State) -> Answer:
        """Bytes `start` to `stop` of the file in this state."""
        ...


def require_packages(address: Address) -> None:
    """Raises `SettingsError` that names the extra when a package is missing."""
    for package in PACKAGES.get(address.scheme, WEB_PACKAGES[: 1 if address.scheme == "memory" else 2]):
        if find_spec(package) is None:
            raise SettingsError(
                f"{address}: {address.scheme}:// needs the package {package}, which is not installed", INSTALL
            )


def changed() -> RemoteError:
    """The error for a file that is not what it was when it was opened."""
    return RemoteError("it changed while it was read", "wait until it is written, then try again")


def no_file() -> RemoteError:
    return RemoteError("no such file", "check the address")


def no_permission(detail: str = "") -> RemoteError:
    what = f"no permission to read it{f' ({detail})' if detail else ''}"
    return RemoteError(what, "check your credentials; a signed address may have run out")
