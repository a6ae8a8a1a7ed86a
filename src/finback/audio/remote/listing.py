"""Which sound files stand at an address: a file, a folder of a bucket, or a pattern.

    list_addresses("s3://bucket/site")             # all sound files below it
    list_addresses("s3://bucket/*/2020*.flac")
    list_addresses("https://host/a.flac")          # itself

A web server does not list its folders. There a ? begins the query of an address; in a bucket it stands for
one character of a name, unless a file has just that name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from finback.audio.addresses import WEB, Address, RemoteError, place
from finback.audio.io import SUFFIXES
from finback.audio.remote import store
from finback.audio.remote.source import TRY_AGAIN, require_packages
from finback.core.errors import AudioError

PATTERN = "*?["


def list_addresses(address: str | Address) -> list[str]:
    """Addresses of the sound files at an address, sorted. Raises `AudioError` where there are none."""
    found = place(address) if isinstance(address, str) else address
    if not isinstance(found, Address):
        raise AudioError(f"{address}: not an address", "it begins with s3://, gs:// or https://")
    if found.scheme in WEB:
        if "*" in str(found) or str(found).endswith("/"):
            raise AudioError(
                f"{found}: a web server does not list its files",
                "write the addresses of the files into a text file, one a line, and give that list",
            )
        return [found.url]
    try:
        names = _in_bucket(found)
    except RemoteError as error:
        raise AudioError(f"{found}: {error.problem}", error.repair) from error
    if not names:
        raise AudioError(f"{found}: no sound files there", "check the address; suffixes are " + _suffixes())
    return sorted(names)


def _in_bucket(address: Address) -> list[str]:
    require_packages(address)
    from finback.audio.remote.objects import file_system

    systems = [file_system(address.scheme), file_system(address.scheme, anonymous=True)]
    facts = _asked(address, systems, lambda system: _facts(system, address.url))
    if facts is not None and facts["type"] != "directory":
        return [address.url]
    if facts is None and any(sign in address.url for sign in PATTERN):
        names = _asked(address, systems, lambda system: system.glob(address.url))
    elif facts is None:
        raise RemoteError("no such file or folder", "check the address")
    else:
        names = _asked(address, systems, lambda system: system.find(address.url))
    written = set(address.url.split("/"))  # hidden files count where the address itself names them
    known = [
        str(name)
        for name in names
        if PurePosixPath(str(name)).suffix.lower() in SUFFIXES
        and not any(part[:1] == "." and part not in written for part in str(name).split("/"))
    ]
    return [f"{address.scheme}://{name.partition('://')[2] or name.lstrip('/')}" for name in known]


def _facts(system: Any, url: str) -> Any:
    try:
        return system.info(url)
    except FileNotFoundError:
        return None


def _asked(address: Address, systems: list[Any], question: Callable[[Any], Any]) -> Any:
    """The answer of the first system that may give one; `systems` keeps that one only."""
    from finback.audio.remote.faults import fault_of, faults, lacks_permission

    for n, wait_s in enumerate((*store.WAITS_S, None), 1):
        try:
            return question(systems[0])
        except faults(address.scheme) as error:
            if lacks_permission(error) and len(systems) > 1:
                del systems[0]
                continue
            answer = fault_of(error)
            if wait_s is None:
                raise RemoteError(f"{answer.fault}; {n} tries", TRY_AGAIN) from error
            time.sleep(wait_s)
    raise AssertionError("the last try raises")


def _suffixes() -> str:
    return " ".join(sorted(SUFFIXES))
