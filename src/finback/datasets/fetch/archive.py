"""What is wanted out of a zip: only files whose paths match, never a path that leads out of the folder.

A member is written as `NAME.part`, its CRC checked by the reader, opened as sound, and renamed.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from finback.datasets.fetch.download import Got, Wanted, finish
from finback.datasets.fetch.errors import Halt, Lasting
from finback.datasets.fetch.listing import UNNAMEABLE, Chosen, Offer, labelled, merged, placed
from finback.datasets.fetch.source import Source, Zip


def offers(source: Source, archive: Path, chosen: Chosen) -> list[Offer]:
    """The members that the source means; their address is that of the zip with `#path` after it.

    Raises `Lasting` when none matches, `InputError` for a species that is not there.
    """
    listing = source.listing
    if not isinstance(listing, Zip):
        raise TypeError(f"a list of kind {listing.kind} is no zip")
    with zipfile.ZipFile(archive) as file:
        members = [m for m in file.infolist() if not m.is_dir() and listing.files.search(m.filename)]
    members = [m for m in members if not m.filename.startswith("__MACOSX/")]
    if not members:
        repair = "it is not what it was: look at it, and write a TOML file of your own"
        raise Lasting(f"{archive}: no member is called as {listing.files.pattern}", repair)
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


def unpack(archive: Path, offer: Offer, path: Path) -> Got:
    """One member into `path`. Raises `Lasting` when it is damaged, `Halt` when the disk is full."""
    part = path.with_name(path.name + ".part")
    member = offer.url.partition("#")[2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as file, file.open(member) as packed, open(part, "wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        return finish(Wanted(offer.url, path), part, offer.url)
    # zipfile raises NotImplementedError for a way of packing that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise Lasting(
            f"{archive}: {member} is damaged ({error})", f"delete {archive} and fetch it again"
        ) from None
    except OSError as error:
        repair = "free some space, or check the folder, and run the same command again"
        raise Halt(f"{path}: could not be written ({error.strerror or error})", repair) from error
    finally:
        part.unlink(missing_ok=True)


def _inside(member: str, archive: Path) -> str:
    """The member's path as it may be written; refuses one that leads out (`../`, `/etc`, `C:`)."""
    parts = PurePosixPath(member.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or parts[0].endswith(":"):
        raise Lasting(f"{archive}: holds '{member}', which leads out of the folder", "do not trust that file")
    return "/".join(UNNAMEABLE.sub("_", part).strip(" ") for part in parts)
