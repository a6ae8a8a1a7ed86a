"""The files of a zip archive whose paths match; a path that leads out of the folder is refused.

    with opened(path, bounds) as archive:
        for offer in offers(source, archive, chosen, bounds):
            unpack(archive, offer, audio / offer.file, bounds)

A file is written as `NAME.part`, its CRC is checked, it is opened as sound, and then renamed. An archive can
be made to unpack without end, or to say one thing in its list and another in the file: sizes are counted
while they are written, and one damaged file does not end the others.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urldefrag

from finback.core.storage.paths import quoted
from finback.datasets.fetch.bounds import Bounds, make_room
from finback.datasets.fetch.download import FetchedFile, WantedFile, finish
from finback.datasets.fetch.errors import Fault, PermanentError, TooLargeError, write_fault
from finback.datasets.fetch.listing import Offer, SpeciesFilter, labelled, merged, placed
from finback.datasets.fetch.names import LOOK, member_path, species_name
from finback.datasets.fetch.part import Part
from finback.datasets.fetch.source import Source, Zip

# What zipfile and the decompressors raise for archives that were damaged, or made on purpose.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    RuntimeError,
    OverflowError,
    KeyError,
)
# The methods that zipfile unpacks piece by piece. It unpacks bzip2 as a whole: 4 kB of it can be 4 GB.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNIX = 3  # the system that made a file of the archive
MAX_PATH = 1000  # characters
LIST_BYTES = 160  # of the list of an archive, for each file that `Bounds` allows


@contextmanager
def opened(path: Path, bounds: Bounds) -> Iterator[zipfile.ZipFile]:
    """The archive. Raises `PermanentError` when it is damaged, `TooLargeError` when its list is too long."""
    with _File(path, LIST_BYTES * bounds.max_files) as raw:
        try:
            archive = zipfile.ZipFile(raw)
        except DAMAGED as error:
            problem = f"{path}: is a damaged zip file ({quoted(str(error))})"
            raise PermanentError(problem, "give another --out to fetch the archive again") from None
        with archive:
            yield archive


def offers(
    source: Source,
    archive: zipfile.ZipFile,
    chosen: SpeciesFilter,
    bounds: Bounds,
    fault: Fault = lambda name, error: None,
) -> list[Offer]:
    """The files that the source describes; the address of each is the address of the zip, `#`, and its path.

    `fault` is called for each file that cannot be unpacked. Raises `PermanentError` when no file is left,
    `InputError` for a species that the source does not have.
    """
    listing = source.listing
    if not isinstance(listing, Zip):
        raise TypeError(f"a list of kind {listing.kind} is no zip")
    url = urldefrag(listing.url).url
    members = [m for m in archive.infolist() if listing.files.search(m.filename[-MAX_PATH:])]
    members = [m for m in members if not (m.filename.endswith("/") or m.filename.startswith("__MACOSX/"))]
    if not members:
        repair = "the archive has changed: open it, and write your own TOML file"
        raise PermanentError(f"{url}: no file name matches {listing.files.pattern}", repair)
    bounds.check_count(url, len(members))
    packed = Path(str(archive.filename)).stat().st_size
    found: dict[str, Offer] = {}
    last: PermanentError | None = None
    total = 0
    for member in members:
        try:
            offer = _offer(member, source, url, bounds)
            if offer.url in found:
                raise PermanentError(f"{quoted(member.filename)} is there twice", LOOK)
            if chosen.takes(offer.species[0] if offer.species else ""):
                bounds.check_ratio(url, packed, total + member.file_size)
                total += member.file_size
                found[offer.url] = offer
        except PermanentError as error:
            last = error
            fault(quoted(member.filename), error)
    if last is not None and not found:
        raise last
    chosen.check()
    return merged(found.values(), fault)


def unpack(
    archive: zipfile.ZipFile,
    offer: Offer,
    path: Path,
    bounds: Bounds,
    hold: Callable[[int], None] = lambda size: None,
) -> FetchedFile:
    """Write one file of the archive to `path`.

    Raises `PermanentError` when it is damaged or too large, `FetchAborted` when the disk is full. `hold` is
    told its size, and raises when it is too much.
    """
    member = offer.url.partition("#")[2]
    part = Part(path)
    try:
        hold(offer.bytes or 0)
        make_room(path, offer.bytes or 0)
        with archive.open(member) as packed, part.begin() as out:
            size = _copy(packed, out, archive.getinfo(member), bounds)
        if size != offer.bytes:
            raise zipfile.BadZipFile(f"{size:,} of {offer.bytes or 0:,} bytes are there")
        return finish(WantedFile(offer.url, path), part.path, offer.url)
    except DAMAGED as error:
        raise PermanentError(
            f"{quoted(member)} of the archive is damaged ({quoted(str(error))})",
            "give another --out to fetch the archive again",
        ) from None
    except OSError as error:
        raise write_fault(path, error) from error
    finally:
        part.discard()


def _offer(member: zipfile.ZipInfo, source: Source, url: str, bounds: Bounds) -> Offer:
    """Raises `PermanentError` for what is no file, leads out of the folder, or is too large."""
    name = member.filename
    path = member_path(name)
    kind = stat.S_IFMT(member.external_attr >> 16) if member.create_system == UNIX else 0
    problem = ""
    if kind not in (0, stat.S_IFREG):
        problem = "is a link or a device, not a file"
    elif member.flag_bits & 1:
        problem = "is encrypted"
    elif member.compress_type not in METHODS:
        problem = f"is packed by method {member.compress_type}, which finback does not unpack"
    if problem:
        raise PermanentError(f"{quoted(name)} {problem}", LOOK)
    bounds.check_size(quoted(name), member.file_size)
    bounds.check_ratio(quoted(name), member.compress_size, member.file_size)
    species, group = labelled(name, "", source.labels)
    species = species_name(species)
    names = (species,) if species else ()
    file = placed(path, species, source.labels)
    return Offer(f"{url}#{name}", file, names, group, bytes=member.file_size)


def _copy(packed: IO[bytes], out: IO[bytes] | io.RawIOBase, member: zipfile.ZipInfo, bounds: Bounds) -> int:
    """Copy in pieces; returns the number of bytes. Raises `TooLargeError`."""
    size = 0
    while piece := packed.read(1 << 20):
        size += len(piece)
        bounds.check_size(quoted(member.filename), size)
        bounds.check_ratio(quoted(member.filename), member.compress_size, size)
        view = memoryview(piece)
        while view:
            view = view[out.write(view) or 0 :]
    return size


class _File(io.BufferedReader):
    """A file of which at most `most` bytes are read at once: zipfile reads its whole list at once."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self._path = path
        self._most = max(most, 1 << 22)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            problem = f"{self._path}: its list of files has {size / 1e6:.0f} MB"
            raise TooLargeError(problem, "if you know that it is right, give a larger --max-files")
        return super().read(size)
