"""The files of a zip archive whose paths match; a path that leads out of the folder is refused.

A file is written as `NAME.part`, its CRC is checked, it is opened as sound, and then renamed.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from finback.datasets.fetch.download import FetchedFile, WantedFile, finish
from finback.datasets.fetch.errors import FetchAborted, PermanentError
from finback.datasets.fetch.listing import UNNAMEABLE, Offer, SpeciesFilter, labelled, merged, placed
from finback.datasets.fetch.source import Source, Zip


def offers(source: Source, archive: Path, chosen: SpeciesFilter) -> list[Offer]:
    """The files that the source describes; the address of each is the address of the zip, `#`, and its path.

    Raises `PermanentError` when no file matches, `InputError` for a species that the source does not have.
    """
    listing = source.listing
    if not isinstance(listing, Zip):
        raise TypeError(f"a list of kind {listing.kind} is no zip")
    with zipfile.ZipFile(archive) as file:
        members = [m for m in file.infolist() if not m.is_dir() and listing.files.search(m.filename)]
    members = [m for m in members if not m.filename.startswith("__MACOSX/")]
    if not members:
        repair = "the archive has changed: open it, and write your own TOML file"
        raise PermanentError(f"{archive}: no file name matches {listing.files.pattern}", repair)
    found = []
    for member in members:
        species, group = labelled(member.filename, "", source.labels)
        if chosen.takes(species):
            name = placed(_inside(member.filename, archive), species, source.labels)
            names = (species,) if species else ()
            found.append(
                Offer(f"{listing.url}#{member.filename}", name, names, group, bytes=member.file_size)
            )
    chosen.check()
    return merged(found)


def unpack(archive: Path, offer: Offer, path: Path) -> FetchedFile:
    """Write one file of the archive to `path`.

    Raises `PermanentError` when it is damaged, `FetchAborted` when the disk is full.
    """
    part = path.with_name(path.name + ".part")
    member = offer.url.partition("#")[2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as file, file.open(member) as packed, open(part, "wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        return finish(WantedFile(offer.url, path), part, offer.url)
    # zipfile raises NotImplementedError for an unknown compression.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise PermanentError(
            f"{archive}: {member} is damaged ({error})", "give another --out to fetch the archive again"
        ) from None
    except OSError as error:
        repair = "make free space, or check the folder, and run the same command again"
        raise FetchAborted(f"{path}: could not be written ({error.strerror or error})", repair) from error
    finally:
        part.unlink(missing_ok=True)


def _inside(member: str, archive: Path) -> str:
    """The path of the file in the folder. Raises `PermanentError` for `../`, `/etc` or `C:`."""
    parts = PurePosixPath(member.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or parts[0].endswith(":"):
        raise PermanentError(
            f"{archive}: contains '{member}', a path that leads out of the folder", "do not use this archive"
        )
    return "/".join(UNNAMEABLE.sub("_", part).strip(" ") for part in parts)
