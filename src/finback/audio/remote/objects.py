"""A file in an object store (S3, Google Cloud Storage), or in fsspec's memory, fetched by ranges.

Credentials, regions and endpoints are those that fsspec, s3fs and gcsfs find: the AWS_ variables and files,
AWS_ENDPOINT_URL, Google's default credentials. A public bucket needs none: where there are no credentials, or
they do not open the file, it is asked for anonymously.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import fsspec

from finback.audio.addresses import Address
from finback.audio.remote.faults import fault_of, faults, lacks_permission
from finback.audio.remote.source import Answer, Beginning, State, changed

CONNECT_S, READ_S = 30, 60
ANONYMOUS: dict[str, dict[str, Any]] = {
    "s3": {"anon": True},
    "gs": {"token": "anon"},
    "gcs": {"token": "anon"},
    "memory": {},
}


class ObjectSource:
    """One file in an object store."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.store: Any = file_system(address.scheme)
        self.faults = faults(address.scheme)
        self._open: tuple[State, Any] | None = None

    def begin(self, known: State | None) -> Beginning | Answer:
        """Ask for the state."""
        try:
            return self._found()
        except self.faults as error:
            if not lacks_permission(error):
                return fault_of(error)
            first = error
        named, self.store = self.store, file_system(self.address.scheme, anonymous=True)
        try:
            return self._found()
        except self.faults as error:
            self.store = named
            return fault_of(first if lacks_permission(error) else error)

    def fetch(self, start: int, stop: int, state: State) -> Answer:
        """Bytes `start` to `stop`."""
        if self._open is None or self._open[0] != state:
            raise changed()
        try:
            if self.address.scheme == "s3":
                file = self._open[1]
                file.seek(start)
                return Answer(file.read(stop - start))  # asks for this ETag
            generation = {"generation": state.version} if self.address.scheme in ("gs", "gcs") else {}
            return Answer(self.store.cat_file(self.address.url, start=start, end=stop, **generation))
        except self.faults as error:
            if isinstance(error, FileNotFoundError) or type(error).__name__ == "FileExpired":
                raise changed() from None
            return fault_of(error)

    def _found(self) -> Beginning:
        url = self.address.url
        if self.address.scheme == "s3":
            file = self.store.open(url, "rb", cache_type="none")
            facts = file.details
        else:
            file, facts = None, self.store.info(url)
        if facts.get("type") == "directory":
            raise IsADirectoryError
        state = State(int(facts["size"]), _modified(facts), _version(facts))
        self._open = state, file
        return Beginning(state)


def file_system(scheme: str, anonymous: bool = False) -> Any:
    """fsspec's file system. Listings are not kept: a folder may grow."""
    options: dict[str, Any] = {"use_listings_cache": False} if scheme != "memory" else {}
    if scheme == "s3":
        # One layer counts the tries: `Store`. Those below it try once.
        once = {"total_max_attempts": 1, "mode": "standard"}
        options["config_kwargs"] = {"connect_timeout": CONNECT_S, "read_timeout": READ_S, "retries": once}
    found: Any = fsspec.filesystem(scheme, **options, **(ANONYMOUS[scheme] if anonymous else {}))
    found.retries = 1
    return found


def forget() -> None:
    """Ask for credentials and endpoints again, after they changed in the environment."""
    for scheme in ANONYMOUS:
        if scheme != "memory":
            fsspec.get_filesystem_class(scheme).clear_instance_cache()


def _version(facts: dict[str, Any]) -> str:
    return str(facts.get("generation") or facts.get("ETag") or facts.get("etag") or "")


def _modified(facts: dict[str, Any]) -> int:
    when = facts.get("LastModified") or facts.get("mtime") or facts.get("created")
    if not isinstance(when, datetime):
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(when.timestamp() * 1_000_000) * 1000
